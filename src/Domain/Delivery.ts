import * as Schema from "effect/Schema"
import { DeliveryId, JobId, RunId } from "./Ids.ts"
import { Instant } from "./Instant.ts"

const builtInChannels = ["stdout", "log_file", "webhook", "slack", "email"] as const

/** Where output goes: a built-in channel, or `custom:<name>` provided in code. */
export const DeliveryChannel = Schema.String.pipe(
  Schema.filter(
    (name): name is (typeof builtInChannels)[number] | `custom:${string}` =>
      (builtInChannels as ReadonlyArray<string>).includes(name) || /^custom:[A-Za-z_][A-Za-z0-9_-]*$/.test(name),
    {
      identifier: "DeliveryChannel",
      message: (issue) =>
        `${JSON.stringify(issue.actual)} is no delivery channel; use one of ${builtInChannels.join(", ")}, custom:<name>`,
      jsonSchema: { type: "string", examples: [...builtInChannels, "custom:pager"] }
    }
  )
)
export type DeliveryChannel = typeof DeliveryChannel.Type

/** What a delivery carries: a run's output, or the notice that its job was dead-lettered or that it awaits approval. */
export const DeliveryKind = Schema.Literal("output", "dead_letter", "approval")
export type DeliveryKind = typeof DeliveryKind.Type

/** `pending` is due or waiting for its next attempt, `failed` was refused by the receiver, `dead` ran out of attempts. */
export const DeliveryState = Schema.Literal("pending", "delivered", "failed", "dead")
export type DeliveryState = typeof DeliveryState.Type

/** One run's output on its way to one channel: a durable row, at least once, under one stable id. */
export const Delivery = Schema.Struct({
  id: DeliveryId,
  run_id: RunId,
  job_id: JobId,
  channel: DeliveryChannel,
  kind: DeliveryKind,
  state: DeliveryState,
  attempts: Schema.Int,
  created_at: Instant,
  next_attempt_at: Schema.NullOr(Instant),
  delivered_at: Schema.NullOr(Instant),
  error: Schema.NullOr(Schema.String)
}).annotations({ identifier: "Delivery" })
export type Delivery = typeof Delivery.Type

/** A channel could not take a delivery. `permanent` failures are not tried again. */
export class DeliveryFailure extends Schema.TaggedError<DeliveryFailure>()("DeliveryFailure", {
  channel: Schema.String,
  message: Schema.String,
  permanent: Schema.Boolean,
  retry_after_ms: Schema.optionalWith(Schema.Number, { exact: true })
}) {}
