import * as Schema from "effect/Schema"
import { AuditId, JobId, RunId } from "./Ids.ts"
import { formatInstant, Instant } from "./Instant.ts"

const isInstantText = Schema.is(Schema.encodedBoundSchema(Instant))

// Date.parse makes 2 March of 30 February.
const isDay = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(text) &&
  !Number.isNaN(Date.parse(text)) &&
  formatInstant(Date.parse(text)).startsWith(text)

/** What happened: the guide's nine types and the further ones of this service. */
export const AuditType = Schema.Literal(
  "CronJobCreated",
  "CronJobUpdated",
  "CronJobDeleted",
  "CronJobPaused",
  "CronJobResumed",
  "CronJobExecuted",
  "CronJobFailed",
  "CronJobDeadLettered",
  "AgentPinVerificationFailed",
  "CronJobReset",
  "CronJobBackfilled",
  "CronJobDenied",
  "CronJobQuarantined",
  "AgentInvoked",
  "SessionCleared",
  "RunCancelled",
  "RunInterrupted",
  "ApprovalRequested",
  "ApprovalGranted",
  "ApprovalDenied",
  "ApprovalExpired",
  "ApprovalVoided",
  "DeliveryDeadLettered",
  "DeliveryRequeued",
  "KeyCreated",
  "KeyRevoked",
  "ConfigChanged",
  "ClockJumped"
)
export type AuditType = typeof AuditType.Type

/** An instant, or a day such as `2026-02-01`, which stands for its first instant in UTC, whatever the service's zone. */
export const DayOrInstant = Schema.transform(
  Schema.String.pipe(
    Schema.filter((text) => isDay(text) || isInstantText(text), {
      message: () => "a day such as 2026-02-01 (in UTC), or an instant such as 2026-02-01T09:00:00Z",
      jsonSchema: { type: "string" }
    })
  ),
  Schema.Int,
  { strict: true, decode: (text) => Date.parse(text), encode: formatInstant }
)

/** Who did it: `scheduler`, `api`, `cli`, `apply`, or a key id. */
export const Actor = Schema.NonEmptyString
export type Actor = typeof Actor.Type

/** One entry of the append-only audit log, written in the transaction of the change that it tells of. */
export const AuditEvent = Schema.Struct({
  id: AuditId,
  time: Instant,
  type: AuditType,
  actor: Actor,
  job_id: Schema.NullOr(JobId),
  job_name: Schema.NullOr(Schema.String),
  run_id: Schema.NullOr(RunId),
  reason: Schema.NullOr(Schema.String),
  before: Schema.NullOr(Schema.Unknown),
  after: Schema.NullOr(Schema.Unknown)
}).annotations({ identifier: "AuditEvent" })
export type AuditEvent = typeof AuditEvent.Type

/** How far the log's hash chain reaches: its last entry, that entry's hash, and how many entries there are. */
export const AuditHead = Schema.Struct({
  seq: Schema.Int,
  hash: Schema.String.pipe(
    Schema.pattern(/^[0-9a-f]{64}$/, { message: () => "a SHA-256 as 64 lower-case hex digits" })
  ),
  count: Schema.Int
}).annotations({ identifier: "AuditHead" })
export type AuditHead = typeof AuditHead.Type

/**
 * A head that was signed: what the log held at `time`. `signature` is Ed25519 over {@link signedText}, `public_key` the
 * key that it verifies under (SubjectPublicKeyInfo, DER); both base64.
 */
export const AuditCheckpoint = Schema.Struct({
  ...AuditHead.fields,
  time: Instant,
  signature: Schema.String,
  public_key: Schema.String
}).annotations({ identifier: "AuditCheckpoint" })
export type AuditCheckpoint = typeof AuditCheckpoint.Type

/** The text that a checkpoint's signature is over. */
export const signedText = ({ count, hash, seq, time }: Pick<AuditCheckpoint, "seq" | "hash" | "count" | "time">) =>
  `symbiont audit checkpoint\nseq ${seq}\nhash ${hash}\ncount ${count}\ntime ${formatInstant(time)}\n`

/**
 * The first entry that is not as it was written. `changed`: its content or its hash; `missing`: it is gone, later ones
 * are there; `tail_cut`: it and all after it are gone; `reordered`: another entry stands in its place;
 * `unreadable`: the database cannot be read there; `checkpoint_mismatch`: the log up to it is not that of a checkpoint.
 */
export const AuditBreak = Schema.Struct({
  seq: Schema.Int,
  id: Schema.NullOr(Schema.String),
  kind: Schema.Literal("changed", "missing", "tail_cut", "reordered", "unreadable", "checkpoint_mismatch"),
  detail: Schema.String
}).annotations({ identifier: "AuditBreak" })
export type AuditBreak = typeof AuditBreak.Type

/** Whether the log is as it was written, or the first entry that is not. */
export const AuditVerdict = Schema.Union(
  Schema.Struct({ ok: Schema.Literal(true), entries: Schema.Int, head: AuditHead }),
  Schema.Struct({ ok: Schema.Literal(false), broken: AuditBreak })
).annotations({ identifier: "AuditVerdict" })
export type AuditVerdict = typeof AuditVerdict.Type

/** An audit event before the store gives it its id. */
export type AuditDraft = Pick<AuditEvent, "type" | "actor"> & Partial<Omit<AuditEvent, "id" | "type" | "actor">>
