import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BackfillInvalid } from "../../src/Domain/Backfill.ts"
import { Ids } from "../../src/Domain/Ids.ts"
import { localTimes } from "../../src/Domain/Instant.ts"
import {
  type Job,
  type JobDefinition,
  JobInvalid,
  JobNameTaken,
  JobNotFound,
  type JobPatch,
  JobStateConflict,
  JobVersionMismatch
} from "../../src/Domain/Job.ts"
import { ConcurrencyLimitReached, isTerminal, type Run, RunEnded, RunNotFound } from "../../src/Domain/Run.ts"
import { Jobs } from "../../src/Jobs.ts"

/** Jobs in memory, for tests of what stands in front of them: no schedule, no rules but those the tests need. */
export const FakeJobs = Layer.effect(
  Jobs,
  Effect.gen(function* () {
    const ids = yield* Ids
    const jobs = new Map<string, Job>()
    const runs = new Map<string, Run>()

    const find = (ref: string) => {
      const job = [...jobs.values()].find(({ id, name }) => id === ref || name === ref)
      return job === undefined ? Effect.fail(new JobNotFound({ job: ref })) : Effect.succeed(job)
    }
    const put = <J extends Job>(job: J): Effect.Effect<J> =>
      Effect.sync(() => {
        jobs.set(job.id, job)
        return job
      })

    const change = (allowed: ReadonlyArray<Job["status"]>, status: Job["status"]) => (ref: string) =>
      Effect.flatMap(find(ref), (job) =>
        allowed.includes(job.status)
          ? put({ ...job, status, version: job.version + 1 })
          : Effect.fail(new JobStateConflict({ job: job.name, status: job.status, message: `it is ${job.status}` }))
      )

    const page = <A extends { readonly id: string }>(
      items: ReadonlyArray<A>,
      { limit, cursor }: { limit: number; cursor?: string | undefined }
    ) => {
      const start = cursor === undefined ? 0 : items.findIndex(({ id }) => id === cursor) + 1
      const slice = items.slice(start, start + limit)
      return { items: slice, next: start + limit < items.length ? (slice.at(-1)?.id ?? null) : null }
    }

    const create = Effect.fnUntraced(function* (definition: JobDefinition, actor: string) {
      if (definition.name === "explode") return yield* Effect.die(new Error("secret detail"))
      if (definition.name === "no space") {
        return yield* Effect.die(
          new Error("failed", { cause: Object.assign(new Error("full"), { code: "SQLITE_FULL" }) })
        )
      }
      if (definition.cron_expr === "nonsense") {
        return yield* new JobInvalid({ issues: [{ path: "cron_expr", message: "five fields are needed" }] })
      }
      const taken = [...jobs.values()].find(({ name }) => name === definition.name)
      if (taken !== undefined) return yield* new JobNameTaken({ name: taken.name, id: taken.id })
      const now = yield* Clock.currentTimeMillis
      const job = yield* put<Job>({
        ...definition,
        labels: [...definition.labels, actor],
        id: yield* ids.job,
        status: "active",
        paused_by: null,
        // The CLI has a clock of its own.
        quiet_until: definition.heartbeat?.backoff === undefined ? null : Date.UTC(2096, 0),
        next_run: now + 60_000,
        last_run: null,
        failure_count: 0,
        created_at: now,
        updated_at: now,
        version: 1,
        source_file: null
      })
      return { ...job, warnings: ["a warning"] }
    })

    const update = Effect.fnUntraced(function* (ref: string, patch: JobPatch, ifVersion: number | undefined) {
      const job = yield* find(ref)
      if (ifVersion !== undefined && ifVersion !== job.version) {
        return yield* new JobVersionMismatch({ job: job.name, version: job.version })
      }
      const next = Object.entries({ ...job, ...patch, version: job.version + 1 }).filter(([, value]) => value !== null)
      return { ...(yield* put(Object.fromEntries([...Object.entries(job), ...next]) as Job)), warnings: [] }
    })

    const runNow = Effect.fnUntraced(function* (
      ref: string,
      options: { readonly input?: string | undefined; readonly queue?: boolean | undefined }
    ) {
      const job = yield* find(ref)
      const live = [...runs.values()].filter((run) => run.job_id === job.id && !isTerminal(run.status))
      if (live.length >= job.max_concurrent && options.queue !== true) {
        return yield* new ConcurrencyLimitReached({ job: job.name, max_concurrent: job.max_concurrent })
      }
      const now = yield* Clock.currentTimeMillis
      const run: Run = {
        id: yield* ids.run,
        job_id: job.id,
        job_name: job.name,
        agent_id: job.agent_id,
        trigger: "manual",
        status: "running",
        scheduled_for: now,
        start_at: null,
        next_attempt_at: null,
        started_at: now,
        finished_at: null,
        execution_time_ms: null,
        attempts: [],
        input: options.input ?? job.input ?? null,
        error_message: null,
        reason: null,
        decision: null,
        requested_by: "api",
        approval_id: null,
        evaluations: [],
        session_id: null,
        stop_reason: null,
        usage: null,
        context_bytes: null,
        iteration_count: null,
        saved: null,
        deliveries: [],
        missed_count: null,
        missed_from: null,
        missed_to: null,
        output: null,
        iterations: [],
        tool_calls: []
      }
      runs.set(run.id, run)
      return run
    })

    const getRun = (id: string) => {
      const run = runs.get(id)
      return run === undefined ? Effect.fail(new RunNotFound({ run: id })) : Effect.succeed(run)
    }

    return Jobs.of({
      create,
      update: (ref, patch, { ifVersion }) => update(ref, patch, ifVersion),
      remove: (ref) =>
        Effect.map(find(ref), ({ id }) => {
          jobs.delete(id)
          return id
        }),
      get: find,
      list: (filter) =>
        Effect.sync(() =>
          page(
            [...jobs.values()].filter(
              (job) =>
                (filter.status === undefined || job.status === filter.status) &&
                (filter.agent_id === undefined || job.agent_id === filter.agent_id) &&
                (filter.label === undefined || job.labels.includes(filter.label))
            ),
            filter
          )
        ),
      pause: change(["active", "paused"], "paused"),
      resume: change(["active", "paused"], "active"),
      reset: change(["dead_letter"], "active"),
      runNow,
      backfill: (ref, { from }) =>
        Effect.flatMap(find(ref), () =>
          Effect.fail(new BackfillInvalid({ issues: [{ path: "from", message: `${from.slice(0, 60)} is no date` }] }))
        ),
      history: (ref, filter) =>
        Effect.map(find(ref), (job) =>
          page(
            [...runs.values()]
              .filter((run) => run.job_id === job.id && (filter.status === undefined || run.status === filter.status))
              .reverse(),
            filter
          )
        ),
      upcoming: (ref, count) =>
        Effect.map(find(ref), ({ next_run, timezone = "UTC" }) => {
          const upcoming = next_run === null ? [] : Array.from({ length: count }, (_, i) => next_run + i * 60_000)
          const local = upcoming.map(localTimes(timezone))
          return {
            next_run,
            description: "every minute",
            timezone,
            upcoming,
            local,
            starts: upcoming,
            notes: ["a note"]
          }
        }),
      preview: (trigger, { from, count }) =>
        trigger.cron_expr === undefined
          ? Effect.fail(new JobInvalid({ issues: [{ path: "", message: "one of cron_expr, every, at is needed" }] }))
          : Effect.succeed({
              description: "every minute",
              timezone: trigger.timezone ?? "UTC",
              upcoming: Array.from({ length: count }, (_, i) => (from ?? 0) + (i + 1) * 60_000),
              local: [],
              notes: []
            }),
      getRun,
      cancelRun: (id) =>
        Effect.flatMap(getRun(id), (run) => {
          if (isTerminal(run.status)) return Effect.fail(new RunEnded({ run: run.id, status: run.status }))
          const cancelled: Run = { ...run, status: "cancelled" }
          runs.set(id, cancelled)
          return Effect.succeed(cancelled)
        })
    })
  })
).pipe(Layer.provide(Ids.Default))
