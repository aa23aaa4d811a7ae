import type { DeliveryChannel, DeliveryKind } from "./Delivery.ts"
import type { Job } from "./Job.ts"

const hostOf = (address: string): string => (URL.canParse(address) ? new URL(address).host || address : address)

/**
 * Who receives what a job sends to a channel: deliveries of one destination share its limits and its outages. Variables
 * stay as they are written, and no user or password of an address is in it. Alerts go where the configuration says.
 */
export const destinationOf = (
  channel: DeliveryChannel,
  kind: DeliveryKind,
  job: Pick<Job, "webhook_url" | "slack_channel"> | null
): string => {
  if (kind === "undelivered") return channel
  if (channel === "webhook" && job?.webhook_url !== undefined) return `webhook ${hostOf(job.webhook_url)}`
  if (channel === "slack" && job?.slack_channel !== undefined) return `slack ${job.slack_channel}`
  return channel
}
