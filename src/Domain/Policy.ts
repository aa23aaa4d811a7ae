import * as Schema from "effect/Schema"
import { DurationText } from "./Duration.ts"
import { Instant } from "./Instant.ts"
import { TimeZone } from "./Schedule.ts"

/** A time of day, `HH:MM`, 00:00 to 23:59. */
export const TimeOfDay = Schema.String.pipe(
  Schema.pattern(/^([01]\d|2[0-3]):[0-5]\d$/, { message: () => `a time of day such as "04:00"` })
)

/** When runs are allowed: start inclusive, end exclusive, may cross midnight; UTC unless a timezone is given. */
export const AllowedHours = Schema.Struct({
  start: TimeOfDay,
  end: TimeOfDay,
  timezone: Schema.optionalWith(TimeZone, { exact: true })
}).pipe(Schema.filter((hours) => hours.start !== hours.end || "start and end must differ"))
export type AllowedHours = typeof AllowedHours.Type

/** What becomes of a run whose approval nobody decided in time. */
export const ApprovalDefault = Schema.Literal("deny", "allow")
export type ApprovalDefault = typeof ApprovalDefault.Type

/** Conditions a run must meet before its agent is woken. */
export const Policy = Schema.Struct({
  require_approval: Schema.optionalWith(Schema.Boolean, { exact: true }),
  approvers: Schema.optionalWith(Schema.Array(Schema.NonEmptyString), { exact: true }),
  approval_timeout: Schema.optionalWith(DurationText, { exact: true }),
  approval_default: Schema.optionalWith(ApprovalDefault, { exact: true }),
  max_runtime: Schema.optionalWith(Schema.Union(DurationText, Schema.Literal("none")), { exact: true }),
  require_capabilities: Schema.optionalWith(Schema.Array(Schema.NonEmptyString), { exact: true }),
  allowed_hours: Schema.optionalWith(AllowedHours, { exact: true }),
  allowed_environments: Schema.optionalWith(Schema.Array(Schema.NonEmptyString), { exact: true }),
  require_agent_pin: Schema.optionalWith(Schema.Boolean, { exact: true })
}).annotations({ identifier: "Policy" })
export type Policy = typeof Policy.Type

/** Why a run was denied, for programs. */
export const DenialCode = Schema.Literal(
  "unknown_agent",
  "unknown_policy",
  "approval",
  "agent_pin",
  "allowed_hours",
  "allowed_environments",
  "require_capabilities"
)
export type DenialCode = typeof DenialCode.Type

/** What the policy gate decides. The rules of this service say by a code which of them denies. */
export const PolicyDecision = Schema.Union(
  Schema.TaggedStruct("Allow", {}),
  Schema.TaggedStruct("Deny", {
    reason: Schema.String,
    code: Schema.optionalWith(DenialCode, { exact: true })
  }),
  Schema.TaggedStruct("RequireApproval", { approvers: Schema.Array(Schema.String) })
).annotations({ identifier: "PolicyDecision" })
export type PolicyDecision = typeof PolicyDecision.Type

/** What came of the credential that a run presented: its key and its claims when it is good, a code when it is not. */
export const IdentityCheck = Schema.Struct({
  result: Schema.Literal("verified", "refused"),
  code: Schema.NullOr(Schema.String),
  detail: Schema.NullOr(Schema.String),
  kid: Schema.NullOr(Schema.String),
  jti: Schema.NullOr(Schema.String),
  expires_at: Schema.NullOr(Instant)
}).annotations({ identifier: "IdentityCheck" })
export type IdentityCheck = typeof IdentityCheck.Type

/** One question to the policy gate: what was decided, when, and on what grounds. */
export const PolicyEvaluation = Schema.Struct({
  time: Instant,
  decision: PolicyDecision,
  environment: Schema.String,
  /** The agent's capabilities; null when no agent of that name is known. */
  capabilities: Schema.NullOr(Schema.Array(Schema.String)),
  /** Null when neither the job nor the service asks for a credential, and none is presented. */
  identity: Schema.NullOr(IdentityCheck),
  /** Who approved the run; null when nobody has. */
  approved_by: Schema.NullOr(Schema.String)
}).annotations({ identifier: "PolicyEvaluation" })
export type PolicyEvaluation = typeof PolicyEvaluation.Type
