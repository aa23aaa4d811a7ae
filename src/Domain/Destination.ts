import type { DeliveryChannel, DeliveryKind } from "./Delivery.ts"
import type { Job } from "./Job.ts"

/** Scheme, perhaps a user, and the host with its port; a variable may stand for any of them. */
const parts = /^(?:[a-z][a-z0-9+.-]*:\/\/)?(?:[^/?#\\]*@)?([^/?#\\]*)/i

const hostOf = (address: string): string =>
  !address.includes("${") && URL.canParse(address) && new URL(address).host !== ""
    ? new URL(address).host
    : (parts.exec(address.trim())?.[1] ?? "").slice(0, 200)

/**
 * Who receives what a job sends to a channel: deliveries of one destination share its limits and its outages. Variables
 * stay as they are written, and no user, password, path or query of an address is in it. Alerts go where the
 * configuration says.
 */
export const destinationOf = (
  channel: DeliveryChannel,
  kind: DeliveryKind,
  job: Pick<Job, "webhook_url" | "slack_channel"> | null
): string => {
  if (kind === "undelivered") return channel
  if (channel === "webhook" && job?.webhook_url !== undefined) return `webhook ${hostOf(job.webhook_url)}`.trim()
  if (channel === "slack" && job?.slack_channel !== undefined) return `slack ${job.slack_channel}`
  return channel
}
