import { formatDuration } from "../Domain/Duration.ts"
import { formatInstant, localTimes, shortInstant } from "../Domain/Instant.ts"
import type { Job } from "../Domain/Job.ts"
import type { RunSummary } from "../Domain/Run.ts"
import { relative } from "./Times.ts"

/** A local time with its zone's name: `2026-02-15 09:30:00 America/New_York`. */
export const localTime = (millis: number, timezone: string): string => localTimes(timezone)(millis)

/** An instant in UTC to the second, or a dash. */
export const instant = (millis: number | null): string => (millis === null ? "-" : shortInstant(millis))

/** An instant in UTC and how far it is from now, both UTC ms: `2026-02-15T09:30:00Z, in 4m`. */
export const instantAndDistance = (millis: number, now: number): string =>
  `${shortInstant(millis)}, ${relative(millis, now)}`

/** An instant (UTC ms) as programs read it: ISO 8601, or nothing. */
export const iso = (millis: number | null): string => (millis === null ? "" : formatInstant(millis))

/** When a job runs next: never while it is not active, though a paused job keeps the instant it was at. */
export const nextRun = (job: Pick<Job, "status" | "next_run">): number | null =>
  job.status === "active" ? job.next_run : null

/** When a job runs, as it was written. */
export const trigger = (job: Pick<Job, "cron_expr" | "every" | "at" | "one_shot">): string => {
  if (job.at !== undefined) return `at ${job.at}`
  const text = job.cron_expr ?? `every ${job.every ?? "-"}`
  return job.one_shot === true ? `${text} (once)` : text
}

/** Tokens that a run spent, in and out together; nothing where none are known. */
export const tokens = ({ usage }: Pick<RunSummary, "usage">): string =>
  usage === null ? "" : String(usage.input_tokens + usage.output_tokens)

/** What a run cost in US dollars, to a hundredth of a cent; nothing where no price is known. */
export const cost = ({ usage }: Pick<RunSummary, "usage">): string =>
  usage?.cost_usd === undefined ? "" : String(Number(usage.cost_usd.toFixed(4)))

/** How long a run took, or a dash. */
export const runTime = (run: Pick<RunSummary, "execution_time_ms">): string =>
  run.execution_time_ms === null ? "-" : formatDuration(run.execution_time_ms)

/** A size in bytes as a person says it. */
export const size = (bytes: number): string =>
  bytes < 1_024
    ? `${bytes} B`
    : bytes < 1_048_576
      ? `${(bytes / 1_024).toFixed(1)} KiB`
      : `${(bytes / 1_048_576).toFixed(1)} MiB`

/** Why a run ended as it did: its error, the reason it did not run, or the limit that a heartbeat came to. */
export const why = (run: Pick<RunSummary, "error_message" | "reason" | "stop_reason">): string =>
  run.error_message ??
  (run.reason !== null
    ? `${run.reason.code}: ${run.reason.text}`
    : run.stop_reason === "max_iterations"
      ? "stopped at max_iterations"
      : "")
