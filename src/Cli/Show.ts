import { formatDuration } from "../Domain/Duration.ts"
import { localTimes, shortInstant } from "../Domain/Instant.ts"
import type { Job } from "../Domain/Job.ts"
import type { RunSummary } from "../Domain/Run.ts"

/** A local time with its zone's name: `2026-02-15 09:30:00 America/New_York`. */
export const localTime = (millis: number, timezone: string): string => localTimes(timezone)(millis)

/** An instant in UTC to the second, or a dash. */
export const instant = (millis: number | null): string => (millis === null ? "-" : shortInstant(millis))

/** When a job runs next: never while it is not active, though a paused job keeps the instant it was at. */
export const nextRun = (job: Pick<Job, "status" | "next_run">): number | null =>
  job.status === "active" ? job.next_run : null

/** When a job runs, as it was written. */
export const trigger = (job: Pick<Job, "cron_expr" | "every" | "at">): string =>
  job.cron_expr ?? (job.every === undefined ? `at ${job.at ?? "-"}` : `every ${job.every}`)

/** How long a run took, or a dash. */
export const runTime = (run: Pick<RunSummary, "execution_time_ms">): string =>
  run.execution_time_ms === null ? "-" : formatDuration(run.execution_time_ms)

/** Why a run ended as it did: its error, or the reason it did not run. */
export const why = (run: Pick<RunSummary, "error_message" | "reason">): string =>
  run.error_message ?? (run.reason === null ? "" : `${run.reason.code}: ${run.reason.text}`)
