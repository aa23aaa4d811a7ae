import * as Schema from "effect/Schema"
import { Diagnostic } from "./Diagnostic.ts"
import { JobId } from "./Ids.ts"
import { Instant } from "./Instant.ts"
import { Issue, JobName } from "./Job.ts"

const clean = (description: string) =>
  Schema.String.pipe(
    Schema.filter((text) => text.length > 0 && text.length <= 1_000 && /^[^\p{Cc}]+$/u.test(text), {
      message: () => "a text of 1 to 1000 characters without control characters"
    })
  ).annotations({ description })

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })
const flag = (description: string) => optional(Schema.Boolean.annotations({ description }))

/** A file as it was read. */
export const SourceFile = Schema.Struct({
  path: clean("The file's path; with a source, its name within the source."),
  text: Schema.String
}).annotations({ identifier: "SourceFile" })
export type SourceFile = typeof SourceFile.Type

/** Files to bring the jobs in line with. */
export const ApplyRequest = Schema.Struct({
  files: Schema.Array(SourceFile),
  source: optional(
    clean("What the files are the whole of: a folder's path, or any other name. Without it, each file is.")
  ),
  dry_run: flag("Only say what would change."),
  prune: flag("Delete the jobs whose blocks are gone, instead of pausing them.")
}).annotations({ identifier: "ApplyRequest" })
export type ApplyRequest = typeof ApplyRequest.Type

/** One field of a definition that changes; null where it is not set. Secrets are redacted. */
export const FieldChange = Schema.Struct({
  field: Schema.String,
  before: Schema.NullOr(Schema.Unknown),
  after: Schema.NullOr(Schema.Unknown)
}).annotations({ identifier: "FieldChange" })
export type FieldChange = typeof FieldChange.Type

/** What becomes of one job, with up to three of its next slots before and after (none while it is not active). */
export const PlannedJob = Schema.Struct({
  name: JobName,
  /** Null for a job that a dry run would create. */
  job_id: Schema.NullOr(JobId),
  changes: Schema.Array(FieldChange),
  next_before: Schema.Array(Instant),
  next_after: Schema.Array(Instant),
  /** What else a person should know of this change. */
  notes: Schema.Array(Schema.String)
}).annotations({ identifier: "PlannedJob" })
export type PlannedJob = typeof PlannedJob.Type

/** What applying files did, or would do; each job is in one of the lists. */
export const Applied = Schema.Struct({
  dry_run: Schema.Boolean,
  created: Schema.Array(PlannedJob),
  updated: Schema.Array(PlannedJob),
  /** Paused by an earlier apply, and in the files again; perhaps changed as well. */
  resumed: Schema.Array(PlannedJob),
  paused: Schema.Array(PlannedJob),
  deleted: Schema.Array(PlannedJob),
  unchanged: Schema.Array(JobName),
  warnings: Schema.Array(Schema.String),
  /** What is wrong or doubtful in the files, with its place. */
  diagnostics: Schema.Array(Diagnostic)
}).annotations({ identifier: "Applied" })
export type Applied = typeof Applied.Type

/** Files that cannot be applied, all the reasons with their places (`file:line:column`); nothing was stored. */
export class FilesRefused extends Schema.TaggedError<FilesRefused>()("FilesRefused", {
  issues: Schema.NonEmptyArray(Issue)
}) {
  override get message() {
    const [first, ...rest] = this.issues
    const more = rest.length === 0 ? "" : ` (and ${rest.length} more)`
    return `nothing was applied: ${first.path}: ${first.message}${more}`
  }
}
