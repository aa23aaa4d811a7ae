import type { DeliveryChannel, DeliveryKind } from "../Domain/Delivery.ts"
import type { JobDefinition } from "../Domain/Job.ts"
import { namesIn } from "../ServiceEnvironment.ts"

type Fields = Partial<
  Pick<
    JobDefinition,
    "email_recipients" | "slack_channel" | "webhook_body" | "webhook_headers" | "webhook_secret" | "webhook_url"
  >
>

/** A variable that a field of a job refers to. */
export interface JobVariable {
  /** Such as `webhook_headers.Authorization`. */
  readonly path: string
  readonly name: string
}

const textsOf = (job: Fields): Readonly<Record<string, string | undefined>> => ({
  webhook_url: job.webhook_url,
  webhook_secret: job.webhook_secret,
  webhook_body: job.webhook_body,
  ...Object.fromEntries(
    Object.entries(job.webhook_headers ?? {}).map(([name, text]) => [`webhook_headers.${name}`, text])
  ),
  slack_channel: job.slack_channel,
  ...Object.fromEntries((job.email_recipients ?? []).map((text, index) => [`email_recipients.${index}`, text]))
})

/** The variables that the channels of a job need: all that its fields for them refer to. */
export const variablesIn = (job: Fields): ReadonlyArray<JobVariable> =>
  Object.entries(textsOf(job)).flatMap(([path, text]) => namesIn(text ?? "").map((name) => ({ path, name })))

/** The first variable that a delivery needs and that jobs may not name. Alerts take nothing from their job. */
export const withheldFor = (
  channel: DeliveryChannel,
  kind: DeliveryKind,
  job: Fields,
  withheld: ReadonlySet<string> | undefined
): JobVariable | undefined => {
  if (withheld === undefined || kind === "undelivered") return undefined
  return variablesIn(job).find(({ name, path }) => withheld.has(name) && path.startsWith(`${channel}_`))
}
