import * as Schema from "effect/Schema"
import { AuditId, JobId, RunId } from "./Ids.ts"
import { Instant } from "./Instant.ts"

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
  "RunCancelled",
  "RunInterrupted",
  "ApprovalRequested",
  "ApprovalGranted",
  "ApprovalDenied",
  "ApprovalExpired",
  "ApprovalVoided",
  "DeliveryDeadLettered",
  "KeyCreated",
  "KeyRevoked",
  "ConfigChanged",
  "ClockJumped"
)
export type AuditType = typeof AuditType.Type

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

/** An audit event before the store gives it its id. */
export type AuditDraft = Pick<AuditEvent, "type" | "actor"> & Partial<Omit<AuditEvent, "id" | "type" | "actor">>
