import * as Schema from "effect/Schema"
import { type DeliveryKind, endingOf } from "./Delivery.ts"
import { Job } from "./Job.ts"
import { Run, type RunStatus } from "./Run.ts"

/** What a webhook is told of: how a run ended, or one of the notices. */
export const WebhookEvent = Schema.Literal(
  "success",
  "failure",
  "skipped",
  "dead_letter",
  "approval",
  "undelivered",
  "notify"
)
export type WebhookEvent = typeof WebhookEvent.Type

/** A job as webhooks see it: what it is and where it stands, nothing of what it is given or where it sends. */
export const WebhookJob = Job.pick(
  "id",
  "name",
  "agent_id",
  "labels",
  "cron_expr",
  "every",
  "at",
  "timezone",
  "status",
  "next_run",
  "last_run",
  "failure_count"
).annotations({ identifier: "WebhookJob" })

/** A run as webhooks see it: how it came about and how it ended; its output is beside it. */
export const WebhookRun = Run.pick(
  "id",
  "job_id",
  "job_name",
  "agent_id",
  "trigger",
  "status",
  "scheduled_for",
  "started_at",
  "finished_at",
  "execution_time_ms",
  "error_message",
  "reason",
  "requested_by",
  "approval_id",
  "stop_reason",
  "usage",
  "missed_count",
  "missed_from",
  "missed_to"
).annotations({ identifier: "WebhookRun" })

/** The JSON that a webhook receives, unless its job has a `webhook_body`. */
export const WebhookPayload = Schema.Struct({
  /** The same over all attempts of one delivery: what was received before can be told by it. */
  delivery_id: Schema.String,
  event: WebhookEvent,
  job: WebhookJob,
  run: WebhookRun,
  /** The run's output, or the text of the notice. Long output is cut, and says so. */
  output: Schema.String
}).annotations({ identifier: "WebhookPayload" })
export type WebhookPayload = typeof WebhookPayload.Type

/** What a delivery tells of. A run that has no end to tell of counts as skipped. */
export const eventOf = (kind: DeliveryKind, status: RunStatus): WebhookEvent =>
  kind === "output" ? (endingOf(status) ?? "skipped") : kind
