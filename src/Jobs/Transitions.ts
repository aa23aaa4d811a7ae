import * as Either from "effect/Either"
import type { Actor, AuditType } from "../Domain/Audit.ts"
import { conflictText, JobStateConflict, type StoredJob } from "../Domain/Job.ts"
import type { JobChange } from "../JobStore.ts"
import type { Recurrence } from "../Recurrence.ts"

const changed = (job: StoredJob, patch: Partial<StoredJob>, type: AuditType, actor: Actor, now: number): JobChange => ({
  job: Object.assign({ ...job }, patch, { version: job.version + 1, updated_at: now }),
  audit: [
    { type, actor, job_id: job.id, job_name: job.name, before: { status: job.status }, after: { status: patch.status } }
  ]
})

const conflict = (job: StoredJob, message: string) =>
  Either.left(new JobStateConflict({ job: job.name, status: job.status, message }))

/** Stops new slots; live runs finish. Pausing a paused job changes nothing. What apply paused, apply may resume. */
export const pause = (
  job: StoredJob,
  actor: Actor,
  now: number,
  paused_by: "operator" | "apply" = "operator"
): Either.Either<JobChange, JobStateConflict> => {
  if (job.status === "paused") return Either.right({ job, audit: [] })
  if (job.status !== "active") return conflict(job, conflictText("pause", job))
  return Either.right(changed(job, { status: "paused", paused_by }, "CronJobPaused", actor, now))
}

/** A one-shot of an expression or a period looks for its slot anew when it is resumed before that, or is reset. */
export const lookingAhead = (job: StoredJob, now: number): StoredJob => {
  const ahead = job.status === "dead_letter" || (job.status === "paused" && job.next_run !== null)
  return ahead && job.one_shot === true && job.at === undefined ? { ...job, anchor: now } : job
}

const past = ({ at }: StoredJob): string => (at === undefined ? "its only slot has passed" : "its time has passed")

/** Schedules on from now; slots that passed meanwhile are not replayed. */
export const resume = (
  job: StoredJob,
  recurrence: Recurrence,
  actor: Actor,
  now: number
): Either.Either<JobChange, JobStateConflict> => {
  if (job.status === "active") return Either.right({ job, audit: [] })
  if (job.status !== "paused") return conflict(job, conflictText("resume", job))
  const next_run = recurrence.next(now)
  if (next_run === null) {
    return conflict(
      job,
      `cannot resume job "${job.name}": ${past(job)}; give it a new ${job.at === undefined ? "trigger" : "`at`"} first`
    )
  }
  return Either.right(
    changed(
      job,
      { status: "active", paused_by: null, next_run, all_clears: 0, quiet_until: null },
      "CronJobResumed",
      actor,
      now
    )
  )
}

/** Makes a dead-lettered job active again, its failures forgotten. */
export const reset = (
  job: StoredJob,
  recurrence: Recurrence,
  actor: Actor,
  now: number
): Either.Either<JobChange, JobStateConflict> => {
  if (job.status !== "dead_letter") {
    return conflict(job, conflictText("reset", job))
  }
  const next_run = recurrence.next(now)
  if (next_run === null) {
    return conflict(job, `cannot reset job "${job.name}": its time has passed; give it a new \`at\`, or run it now`)
  }
  return Either.right(changed(job, { status: "active", failure_count: 0, next_run }, "CronJobReset", actor, now))
}
