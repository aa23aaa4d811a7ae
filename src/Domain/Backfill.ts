import * as Schema from "effect/Schema"
import { JobId, RunId } from "./Ids.ts"
import { Instant } from "./Instant.ts"
import { Issue, JobName } from "./Job.ts"
import { RunStatus } from "./Run.ts"

const time = (description: string) => Schema.String.annotations({ description, examples: ["2026-02-15"] })
const flag = (description: string) => Schema.optionalWith(Schema.Boolean.annotations({ description }), { exact: true })

/** Which past slots of a job to run: those in [from, to). */
export const BackfillRequest = Schema.Struct({
  from: time("ISO 8601, included; without an offset in the job's timezone, a date alone is its midnight."),
  to: Schema.optionalWith(time("ISO 8601, not included; read as `from` is. Default: now."), { exact: true }),
  dry_run: flag("Only say which slots would run."),
  all: flag(
    "Also run slots whose run succeeded, or is deleted from the history; those with a run that has not ended are left out in any case."
  )
}).annotations({ identifier: "BackfillRequest" })
export type BackfillRequest = typeof BackfillRequest.Type

/** A run for a past slot; in a dry run it has no id, and its status is the one it would start with. */
export const BackfillRun = Schema.Struct({
  id: Schema.NullOr(RunId),
  scheduled_for: Instant,
  status: RunStatus
}).annotations({ identifier: "BackfillRun" })
export type BackfillRun = typeof BackfillRun.Type

/** What was asked for, and the runs made of it. */
export const Backfill = Schema.Struct({
  job_id: JobId,
  job_name: JobName,
  /** The zone in which times without an offset were read. */
  timezone: Schema.String,
  from: Instant,
  to: Instant,
  dry_run: Schema.Boolean,
  /** Slots of the job in [from, to). */
  slots: Schema.Int,
  /** Of these, left out because they have a run already. */
  already: Schema.Int,
  /** Of those, how many for which the history is not kept any more: they are taken for done. */
  pruned: Schema.Int,
  /** The rest, oldest first. */
  runs: Schema.Array(BackfillRun)
}).annotations({ identifier: "Backfill" })
export type Backfill = typeof Backfill.Type

/** Slots of one request at most. */
export const maxBackfillSlots = 1_000

/** A backfill that cannot be: times that cannot be read, in the wrong order or not past, or too many slots. */
export class BackfillInvalid extends Schema.TaggedError<BackfillInvalid>()("BackfillInvalid", {
  issues: Schema.NonEmptyArray(Issue)
}) {
  override get message() {
    return this.issues.map(({ message, path }) => `${path}: ${message}`).join("; ")
  }
}
