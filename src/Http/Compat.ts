import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import {
  CompatSummary,
  type CompatUpdate,
  type DomainError,
  InternalError,
  type InvalidRequest,
  toHttp,
  withCode
} from "../Api.ts"
import type { Actor } from "../Domain/Audit.ts"
import type { Job, JobInvalid, JobNameTaken, JobNotFound, JobUnreadable } from "../Domain/Job.ts"
import { JobStore } from "../JobStore.ts"
import { Jobs } from "../Jobs.ts"
import { NamedPolicies } from "../PolicyGate.ts"
import { RunTotals } from "../RunTotals.ts"
import { SchedulerStatus } from "../Scheduler/Status.ts"
import { Settings } from "../Settings.ts"
import { streamed } from "./Answer.ts"
import { countOf, definitionFrom, detailOf, invalid, patchFrom, runOf, summaryOf } from "./Compat/Translation.ts"
import { withLocation } from "./ResponseHeaders.ts"
import { handlersOf } from "./Routes.ts"

/** Jobs of one piece of the list. */
const pageSize = 500

const encodeSummary = Schema.encodeSync(CompatSummary)

/** The answer of a defect under the dialect's code; the log says more. */
const orFailed = (code: string, message: string) =>
  Effect.catchAllDefect((defect) =>
    Effect.zipRight(
      Effect.logError(`the request failed (${code})`, defect),
      new InternalError({ code, message, details: [] })
    )
  )

/** An error of the domain under a code of the dialect. */
const failing =
  (code: string) =>
  <E extends DomainError>(error: E) =>
    withCode(code)(toHttp(error))

const createFailed = "CREATE_SCHEDULE_FAILED"
const updateFailed = "UPDATE_SCHEDULE_FAILED"

interface Piece {
  /** Summaries as JSON, without the brackets of the list. */
  readonly text: string
  readonly next: string | null
}

type NotUpdated = InvalidRequest | JobInvalid | JobNameTaken | JobNotFound | JobUnreadable

/** The routes of the published SDKs' dialect. */
export const CompatHttp = Effect.gen(function* () {
  const jobs = yield* Jobs
  const totals = yield* RunTotals
  const store = yield* JobStore
  const status = yield* SchedulerStatus
  const { policies } = yield* NamedPolicies
  const { scheduler } = yield* Settings
  const { timezone } = scheduler

  const pieceFrom = Effect.fnUntraced(function* (cursor?: string) {
    const { items, next } = yield* jobs.list({ limit: pageSize, cursor })
    const counted = yield* totals.ofJobs(items.map(({ id }) => id))
    const texts = items.map((job) =>
      JSON.stringify(encodeSummary(summaryOf(job, { totals: counted.get(job.id), timezone })))
    )
    return { text: texts.join(), next } satisfies Piece
  })

  /** The whole list, as the dialect knows no pages; only one piece of it is in memory at a time. */
  const listed = (first: Piece) =>
    Stream.paginateEffect(first, ({ next, text }) =>
      next === null
        ? Effect.succeed([text, Option.none<Piece>()] as const)
        : Effect.map(pieceFrom(next), (piece) => [text, Option.some<Piece>(piece)] as const)
    ).pipe(
      Stream.filter((text) => text !== ""),
      Stream.intersperseAffixes({ start: "[", middle: ",", end: "]" }),
      Stream.encodeText
    )

  const detail = Effect.fnUntraced(function* (job: Job) {
    const counted = yield* totals.ofJobs([job.id])
    return detailOf(job, { totals: counted.get(job.id), timezone })
  })

  /** On the job as it is: a change by somebody else meanwhile is looked at, not overwritten. */
  const update = (ref: string, asked: CompatUpdate, who: Actor): Effect.Effect<Job, NotUpdated> =>
    Effect.gen(function* () {
      const job = yield* jobs.get(ref)
      const patch = yield* patchFrom(asked, job, policies, updateFailed)
      return yield* jobs.update(ref, patch, { actor: who, ifVersion: job.version })
    }).pipe(Effect.catchTag("JobVersionMismatch", () => update(ref, asked, who)))

  const health = Effect.gen(function* () {
    const { active_jobs, execution_time_count, execution_time_ms_sum, paused_jobs, runs_failed, runs_succeeded } =
      yield* store.counts
    const { dead_letter_jobs, jobs, longest_run_ms } = yield* totals.ofService
    return {
      is_running: yield* status.loopAlive,
      store_accessible: true,
      jobs_total: jobs,
      jobs_active: active_jobs,
      jobs_paused: paused_jobs,
      jobs_dead_letter: dead_letter_jobs,
      global_active_runs: yield* status.inFlight,
      max_concurrent: scheduler.max_concurrent_jobs,
      runs_total: runs_succeeded + runs_failed,
      runs_succeeded,
      runs_failed,
      average_execution_time_ms: execution_time_count === 0 ? 0 : execution_time_ms_sum / execution_time_count,
      longest_run_ms
    }
  })

  return handlersOf("compat", {
    list: () =>
      pieceFrom().pipe(
        Effect.map((first) => streamed("application/json", listed(first))),
        orFailed("LIST_SCHEDULES_FAILED", "the schedules cannot be read; the log of the service says more")
      ),
    create: ({ payload, principal }) =>
      Effect.gen(function* () {
        const definition = yield* definitionFrom(payload, policies, createFailed)
        const job = yield* Effect.mapError(jobs.create(definition, principal.actor), (error) =>
          error._tag === "JobInvalid" ? invalid(createFailed, error.issues) : failing(createFailed)(error)
        )
        for (const warning of job.warnings) yield* Effect.logWarning(`job "${job.name}": ${warning}`)
        const created = { job_id: job.id, next_run: job.next_run, status: "created" as const }
        return withLocation(created, `/compat/api/v1/schedules/${job.id}`)
      }),
    get: ({ path }) =>
      jobs.get(path.job_id).pipe(
        Effect.flatMap(detail),
        Effect.mapError((error) =>
          failing(error._tag === "JobNotFound" ? "SCHEDULE_NOT_FOUND" : "SCHEDULE_UNREADABLE")(error)
        )
      ),
    update: ({ path, payload, principal }) =>
      update(path.job_id, payload, principal.actor).pipe(
        Effect.flatMap(detail),
        Effect.mapError((error) => {
          if (error._tag === "InvalidRequest") return error
          return error._tag === "JobInvalid" ? invalid(updateFailed, error.issues) : failing(updateFailed)(error)
        })
      ),
    remove: ({ path, principal }) =>
      Effect.mapBoth(jobs.remove(path.job_id, principal.actor), {
        onFailure: failing("SCHEDULE_NOT_FOUND"),
        onSuccess: (job_id) => ({ job_id, deleted: true as const })
      }),
    pause: ({ path, principal }) =>
      Effect.mapBoth(jobs.pause(path.job_id, principal.actor), {
        onFailure: failing("SCHEDULE_PAUSE_FAILED"),
        onSuccess: ({ id }) => ({ job_id: id, action: "pause" as const, status: "paused" as const })
      }),
    resume: ({ path, principal }) =>
      Effect.mapBoth(jobs.resume(path.job_id, principal.actor), {
        onFailure: failing("SCHEDULE_RESUME_FAILED"),
        onSuccess: ({ id }) => ({ job_id: id, action: "resume" as const, status: "active" as const })
      }),
    trigger: ({ path, principal }) =>
      Effect.mapBoth(jobs.runNow(path.job_id, { actor: principal.actor }), {
        onFailure: failing("SCHEDULE_TRIGGER_FAILED"),
        onSuccess: ({ job_id }) => ({ job_id, action: "trigger" as const, status: "triggered" as const })
      }),
    history: ({ path: { job_id }, urlParams }) =>
      jobs.history(job_id, { limit: countOf(urlParams.limit, 50) }).pipe(
        Effect.map(({ items }) => ({ job_id: items[0]?.job_id ?? job_id, history: items.map(runOf) })),
        Effect.catchTag("JobNotFound", () => Effect.succeed({ job_id, history: [] }))
      ),
    nextRuns: ({ path, urlParams }) =>
      Effect.gen(function* () {
        const job = yield* jobs.get(path.job_id)
        const { upcoming } = yield* jobs.upcoming(job.id, countOf(urlParams.count, 10))
        return { job_id: job.id, next_runs: upcoming }
      }).pipe(Effect.mapError(failing("SCHEDULE_NEXT_RUNS_FAILED"))),
    health: () =>
      orFailed("SCHEDULER_HEALTH_FAILED", "the store does not answer; the log of the service says more")(health)
  })
})
