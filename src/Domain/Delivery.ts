import * as Schema from "effect/Schema"
import { DeliveryId, JobId, RunId } from "./Ids.ts"
import { Instant } from "./Instant.ts"
import type { RunStatus } from "./Run.ts"

/** The channels that every service has. */
export const builtInChannels = ["stdout", "log_file", "webhook", "slack", "email"] as const

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

/**
 * What a delivery carries: a run's output, the notice that its job was dead-lettered or that it awaits approval, the
 * alert that another delivery could not be made, or what an agent says while it runs.
 */
export const DeliveryKind = Schema.Literal("output", "dead_letter", "approval", "undelivered", "notify")
export type DeliveryKind = typeof DeliveryKind.Type

/** Most notifications that the agent of one run may send. */
export const maxNotices = 20

/**
 * What a job tells its channels of. `success`: a run succeeded. `failure`: it failed, timed out or was interrupted.
 * `skipped`: a slot ended without its agent: skipped, missed or denied. `dead_letter` and `approval`: the notices.
 */
export const DeliverOn = Schema.Literal("success", "failure", "dead_letter", "approval", "skipped")
export type DeliverOn = typeof DeliverOn.Type

/** What a job tells its channels of unless it says otherwise. */
export const deliverOnDefault: ReadonlyArray<DeliverOn> = ["success", "failure", "dead_letter", "approval"]

/** The word for how a run ended, as `deliver_on` has it; null for an end that nobody is told of, or none. */
export const endingOf = (status: RunStatus): "success" | "failure" | "skipped" | null => {
  switch (status) {
    case "succeeded":
      return "success"
    case "failed":
    case "timed_out":
    case "interrupted":
      return "failure"
    case "skipped":
    case "missed":
    case "denied":
      return "skipped"
    case "pending":
    case "awaiting_approval":
    case "running":
    case "cancelled":
      return null
  }
}

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
  /** Who receives it, without secrets: the channel, and the host or the Slack channel. One outage is one destination's. */
  destination: Schema.String,
  /** The delivery that an alert is about. */
  about: Schema.NullOr(DeliveryId),
  state: DeliveryState,
  /** How often it was tried since it was made, or was asked for anew. */
  attempts: Schema.Int,
  created_at: Instant,
  next_attempt_at: Schema.NullOr(Instant),
  delivered_at: Schema.NullOr(Instant),
  error: Schema.NullOr(Schema.String)
}).annotations({ identifier: "Delivery" })
export type Delivery = typeof Delivery.Type

/** A delivery as lists show it. */
export const ListedDelivery = Schema.Struct({ ...Delivery.fields, job_name: Schema.String }).annotations({
  identifier: "ListedDelivery"
})
export type ListedDelivery = typeof ListedDelivery.Type

/** No delivery of that id. */
export class DeliveryNotFound extends Schema.TaggedError<DeliveryNotFound>()("DeliveryNotFound", {
  delivery: Schema.String
}) {
  override get message() {
    return `no delivery with the id "${this.delivery}"`
  }
}

/** A channel could not take a delivery. `permanent` failures are not tried again. */
export class DeliveryFailure extends Schema.TaggedError<DeliveryFailure>()("DeliveryFailure", {
  channel: Schema.String,
  message: Schema.String,
  permanent: Schema.Boolean,
  retry_after_ms: Schema.optionalWith(Schema.Number, { exact: true }),
  /** What the system said; a disk that takes no writes is not the receiver's failure, and is tried for as long. */
  cause: Schema.optionalWith(Schema.Defect, { exact: true })
}) {}
