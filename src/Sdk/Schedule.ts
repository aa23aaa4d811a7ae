import * as Schema from "effect/Schema"
import { Deleted, NextRun, PreviewAnswer, PreviewRequest, RunRequest } from "../Api.ts"
import { Backfill, BackfillRequest } from "../Domain/Backfill.ts"
import { SchedulerHealth } from "../Domain/Health.ts"
import { Job, JobDefinition, JobPatch, JobWithWarnings } from "../Domain/Job.ts"
import { Run, RunSummary } from "../Domain/Run.ts"
import { SessionInfo } from "../Domain/Session.ts"
import { Why } from "../Domain/Why.ts"
import type { AnyCase } from "./Casing.ts"
import type { CallOptions, Connection } from "./Connection.ts"
import type * as Records from "./Records.ts"
import { type Query, route } from "./Route.ts"
import type { RunsClient, WaitOptions } from "./Runs.ts"

const create = route("schedule", "create", { body: JobDefinition, answer: JobWithWarnings })
const list = route("schedule", "list", { answer: Schema.Array(Job) })
const get = route("schedule", "get", { answer: Job })
const update = route("schedule", "update", { body: JobPatch, answer: JobWithWarnings })
const remove = route("schedule", "remove", { answer: Deleted })
const pause = route("schedule", "pause", { answer: Job })
const resume = route("schedule", "resume", { answer: Job })
const reset = route("schedule", "reset", { answer: Job })
const run = route("schedule", "run", { body: RunRequest, answer: Run })
const history = route("schedule", "history", { answer: Schema.Array(RunSummary) })
const nextRun = route("schedule", "nextRun", { answer: NextRun })
const preview = route("schedule", "preview", { body: PreviewRequest, answer: PreviewAnswer })
const backfill = route("schedule", "backfill", { body: BackfillRequest, answer: Backfill })
const why = route("schedule", "why", { answer: Why })
const session = route("sessions", "get", { answer: SessionInfo })
const clearSession = route("sessions", "clear", { answer: SessionInfo })
const health = route("health", "scheduler", { answer: SchedulerHealth })

/** What a run by hand is given. */
export interface RunOptions {
  /** In place of the job's own input. */
  readonly input?: string | undefined
  /** Wait for a place when the job is at its `max_concurrent`, in place of a 409. */
  readonly queue?: boolean | undefined
  /** The same key within 24 hours is the same run: the request is sent again when the connection fails. */
  readonly idempotencyKey?: string | undefined
  /** Wait until the run has ended. */
  readonly wait?: boolean | WaitOptions | undefined
}

/** Jobs. Where a job's id is asked for, its name does as well. */
export class ScheduleClient {
  readonly #connection: Connection
  readonly #runs: RunsClient

  constructor(connection: Connection, runs: RunsClient) {
    this.#connection = connection
    this.#runs = runs
  }

  /** Creates a job. A name that is taken: `JOB_NAME_TAKEN`. */
  create(job: Records.JobDefinition, call?: CallOptions): Promise<Records.JobWithWarnings> {
    return this.#connection.call(create, { body: job }, call)
  }

  /** The first jobs of a list, 100 unless `limit` says otherwise, at most 1,000. */
  list(filter?: Query<"schedule", "list">, call?: CallOptions): Promise<ReadonlyArray<Records.Job>> {
    return this.#connection.call(list, { query: filter }, call)
  }

  /** All jobs of a list, for `for await`; `limit` is the size of a page. */
  listAll(filter?: Query<"schedule", "list">, call?: CallOptions): AsyncGenerator<Records.Job, void, undefined> {
    return this.#connection.pages(list, { query: filter }, call)
  }

  /** A job. None of that id: `JOB_NOT_FOUND`. */
  get(id: string, call?: CallOptions): Promise<Records.Job> {
    return this.#connection.call(get, { path: { job_id: id } }, call)
  }

  /** The same as {@link get}: `status`, `next_run`, `failure_count` and all else of a job. */
  getStatus(id: string, call?: CallOptions): Promise<Records.Job> {
    return this.get(id, call)
  }

  /** Changes some fields; null clears one. With `ifVersion`, only while the job is at that version (`JOB_CHANGED`). */
  update(
    id: string,
    changes: Records.JobPatch,
    { ifVersion, ...call }: CallOptions & { readonly ifVersion?: number | undefined } = {}
  ): Promise<Records.JobWithWarnings> {
    const headers = { "if-match": ifVersion === undefined ? undefined : `"${ifVersion}"` }
    return this.#connection.call(update, { path: { job_id: id }, body: changes, headers }, call)
  }

  /** Deletes a job; its runs stay readable, and those in flight finish. */
  delete(id: string, call?: CallOptions): Promise<Records.Deleted> {
    return this.#connection.call(remove, { path: { job_id: id } }, call)
  }

  /** Stops new slots of a job. */
  pause(id: string, call?: CallOptions): Promise<Records.Job> {
    return this.#connection.call(pause, { path: { job_id: id } }, call)
  }

  /** Lets a paused job go on, from now. */
  resume(id: string, call?: CallOptions): Promise<Records.Job> {
    return this.#connection.call(resume, { path: { job_id: id } }, call)
  }

  /** Makes a dead-lettered job active again. */
  reset(id: string, call?: CallOptions): Promise<Records.Job> {
    return this.#connection.call(reset, { path: { job_id: id } }, call)
  }

  /** Runs a job now, outside its schedule; gives the run as it starts, or as it ended with `wait`. */
  async runNow(
    id: string,
    { idempotencyKey, input, queue, wait }: RunOptions = {},
    call?: CallOptions
  ): Promise<Records.Run> {
    const started = await this.#connection.call(
      run,
      {
        path: { job_id: id },
        query: { queue },
        body: { input },
        headers: { "idempotency-key": idempotencyKey }
      },
      call
    )
    if (wait === undefined || wait === false) return started
    return await this.#runs.wait(started.id, wait === true ? {} : wait, call)
  }

  /** The latest runs of a job, newest first, 20 unless `limit` says otherwise, at most 1,000. */
  getHistory(
    id: string,
    filter?: Query<"schedule", "history">,
    call?: CallOptions
  ): Promise<ReadonlyArray<Records.RunSummary>> {
    return this.#connection.call(history, { path: { job_id: id }, query: filter }, call)
  }

  /** All runs of a job, newest first, for `for await`; `limit` is the size of a page. */
  getAllHistory(
    id: string,
    filter?: Query<"schedule", "history">,
    call?: CallOptions
  ): AsyncGenerator<Records.RunSummary, void, undefined> {
    return this.#connection.pages(history, { path: { job_id: id }, query: filter }, call)
  }

  /** When a job is due next; with `count`, in `upcoming`, so many instants. */
  nextRun(id: string, query?: Query<"schedule", "nextRun">, call?: CallOptions): Promise<Records.NextRun> {
    return this.#connection.call(nextRun, { path: { job_id: id }, query }, call)
  }

  /** What a trigger would do; nothing is stored. */
  preview(trigger: AnyCase<typeof PreviewRequest.Encoded>, call?: CallOptions): Promise<Records.Preview> {
    return this.#connection.call(preview, { body: trigger }, call)
  }

  /** Runs past slots of a job, each as a run of its own. */
  backfill(id: string, slots: AnyCase<typeof BackfillRequest.Encoded>, call?: CallOptions): Promise<Records.Backfill> {
    return this.#connection.call(backfill, { path: { job_id: id }, body: slots }, call)
  }

  /** Why a job ran or did not at an instant, or its latest run. */
  why(id: string, query?: Query<"schedule", "why">, call?: CallOptions): Promise<Records.Why> {
    return this.#connection.call(why, { path: { job_id: id }, query }, call)
  }

  /** What a job's shared session holds. */
  getSession(id: string, call?: CallOptions): Promise<Records.SessionInfo> {
    return this.#connection.call(session, { path: { job_id: id } }, call)
  }

  /** Archives a job's shared session; its next run starts a new one. */
  clearSession(id: string, call?: CallOptions): Promise<Records.SessionInfo> {
    return this.#connection.call(clearSession, { path: { job_id: id } }, call)
  }

  /** How the scheduler is; `unhealthy` is an answer, too. */
  health(call?: CallOptions): Promise<Records.SchedulerHealth> {
    return this.#connection.call(health, {}, call)
  }
}
