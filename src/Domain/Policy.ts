import * as Schema from "effect/Schema"
import { DurationText } from "./Duration.ts"
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

/** Conditions a run must meet before its agent is woken. */
export const Policy = Schema.Struct({
  require_approval: Schema.optionalWith(Schema.Boolean, { exact: true }),
  approvers: Schema.optionalWith(Schema.Array(Schema.NonEmptyString), { exact: true }),
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

/** What the policy gate decides: the guide's three outcomes; a denial also carries a code for programs. */
export const PolicyDecision = Schema.Union(
  Schema.TaggedStruct("Allow", {}),
  Schema.TaggedStruct("Deny", { code: DenialCode, reason: Schema.String }),
  Schema.TaggedStruct("RequireApproval", { approvers: Schema.Array(Schema.String) })
).annotations({ identifier: "PolicyDecision" })
export type PolicyDecision = typeof PolicyDecision.Type
