import * as Redacted from "effect/Redacted"
import type { DeliveryChannel, DeliveryKind } from "../Domain/Delivery.ts"
import type { JobDefinition } from "../Domain/Job.ts"
import type { DeliverySettings, UnsetSetting } from "../Settings.ts"

/** What of the configuration decides which settings a delivery cannot do without. */
export interface SettingsAsSet {
  readonly settings: DeliverySettings
  readonly unset?: ReadonlyArray<UnsetSetting> | undefined
}

/** What of a job decides it. */
export type Addressed = Pick<JobDefinition, "slack_channel" | "webhook_headers" | "webhook_secret" | "webhook_url">

const hasUser = (url: string | undefined): boolean => url !== undefined && /^[a-z]+:\/\/[^/?#]*@/i.test(url)

const webhookKeys = (job: Addressed, isAlert: boolean, settings: DeliverySettings): ReadonlyArray<string> => {
  if (isAlert) {
    const { fallback_webhook_url: url } = settings
    const auth = hasUser(url && Redacted.value(url)) ? [] : ["webhook_auth_header"]
    return ["fallback_webhook_url", "webhook_secret", ...auth]
  }
  const authorized = Object.keys(job.webhook_headers ?? {}).some((name) => name.toLowerCase() === "authorization")
  return [
    ...(job.webhook_secret === undefined ? ["webhook_secret"] : []),
    ...(authorized || hasUser(job.webhook_url) ? [] : ["webhook_auth_header"])
  ]
}

const slackKeys = (job: Addressed, isAlert: boolean, settings: DeliverySettings): ReadonlyArray<string> => [
  "slack_api_token",
  "slack_base_url",
  ...(settings.slack_api_token === undefined ? ["slack_webhook_url"] : []),
  ...(isAlert || job.slack_channel === undefined ? ["slack_default_channel"] : [])
]

const emailKeys = [
  "smtp_host",
  "smtp_port",
  "smtp_username",
  "smtp_password",
  "smtp_tls",
  "smtp_ca",
  "email_from"
] as const

const keysOf = (
  channel: DeliveryChannel,
  job: Addressed,
  isAlert: boolean,
  settings: DeliverySettings
): ReadonlyArray<string> => {
  switch (channel) {
    case "stdout":
    case "log_file":
      return []
    case "webhook":
      return webhookKeys(job, isAlert, settings)
    case "slack":
      return slackKeys(job, isAlert, settings)
    case "email":
      return isAlert ? [...emailKeys, "fallback_email_recipients"] : emailKeys
    default:
      return [`custom.${channel.slice("custom:".length)}.command`]
  }
}

/**
 * The setting that a delivery must not go out without, and whose variable is not set, in words: without a secret it
 * would be unsigned, without a password it would go to whoever listens.
 */
export const unsetFor = (
  channel: DeliveryChannel,
  kind: DeliveryKind,
  job: Addressed,
  { settings, unset = [] }: SettingsAsSet
): string | undefined => {
  if (unset.length === 0) return undefined
  const keys = keysOf(channel, job, kind === "undelivered", settings).map((key) => `scheduler.delivery.${key}`)
  const found = unset.find(({ key }) => keys.includes(key))
  return found === undefined
    ? undefined
    : `${found.key} needs the environment variable ${found.variable}, which is not set; set it and start the service again`
}
