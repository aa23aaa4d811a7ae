import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { addressProblem } from "../Delivery/Email/Address.ts"
import { signatureKeys } from "../Delivery/Signature.ts"
import { resolvedChannelProblem } from "../Delivery/Slack/Channel.ts"
import { headerProblem } from "../Domain/WebhookHeaders.ts"
import type { DeliverySettings } from "./Delivery.ts"
import type { Merged } from "./Sources.ts"

type Key = keyof DeliverySettings

/** The keys that alerts through a channel need besides `fallback`, as far as they are missing. */
const missingFor = (settings: DeliverySettings, isGiven: (key: Key) => boolean): ReadonlyArray<string> => {
  const unset = (...keys: ReadonlyArray<Key>) => keys.filter((key) => !isGiven(key))
  switch (settings.fallback) {
    case "webhook":
      return unset("fallback_webhook_url")
    case "email":
      return unset("smtp_host", "email_from", "fallback_email_recipients")
    case "slack": {
      if (isGiven("slack_api_token")) return unset("slack_default_channel")
      return isGiven("slack_webhook_url") ? [] : ["slack_webhook_url (or slack_api_token)"]
    }
    default:
      return []
  }
}

const listed = (words: ReadonlyArray<string>): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`

/**
 * What `[scheduler.delivery]` says that cannot work, and what may not, each with its place. A key whose variable is not
 * set was warned of, and counts as given.
 */
export const checkDelivery = (
  settings: DeliverySettings,
  { origin, unset }: Pick<Merged, "origin" | "unset">
): { readonly problems: ReadonlyArray<string>; readonly warnings: ReadonlyArray<string> } => {
  const at = (key: Key) => origin(`scheduler.delivery.${key}`)?.where ?? `scheduler.delivery.${key}`
  const problems: Array<string> = []
  const warnings: Array<string> = []
  const { custom, email_from, fallback, fallback_email_recipients = [] } = settings

  const isUnset = (key: string) => unset.some((one) => one.key === `scheduler.delivery.${key}`)
  const isGiven = (key: Key) => settings[key] !== undefined || isUnset(key)
  const missing = missingFor(settings, isGiven)
  if (missing.length > 0) {
    problems.push(`${at("fallback")}: alerts by ${fallback} need ${listed(missing)} under [scheduler.delivery]`)
  }
  const named = fallback.startsWith("custom:") ? fallback.slice("custom:".length) : undefined
  if (named !== undefined && !Object.hasOwn(custom, named) && !isUnset(`custom.${named}.command`)) {
    const table = `[scheduler.delivery.custom.${named}]`
    warnings.push(`${at("fallback")}: there is no ${table}; alerts fail unless a program provides ${fallback}`)
  }

  if (isGiven("smtp_username") !== isGiven("smtp_password")) {
    const [given, other] = isGiven("smtp_username")
      ? (["smtp_username", "smtp_password"] as const)
      : (["smtp_password", "smtp_username"] as const)
    problems.push(`${at(given)}: needs ${other} beside it; set both, or neither`)
  }

  const { slack_default_channel, webhook_auth_header, webhook_secret } = settings
  const secret = webhook_secret === undefined ? undefined : signatureKeys(Redacted.value(webhook_secret))
  if (secret !== undefined && Either.isLeft(secret)) problems.push(`${at("webhook_secret")}: ${secret.left}`)
  const wrongHeader =
    webhook_auth_header === undefined ? undefined : headerProblem("Authorization", Redacted.value(webhook_auth_header))
  if (wrongHeader !== undefined) problems.push(`${at("webhook_auth_header")}: ${wrongHeader}`)
  const wrongChannel = slack_default_channel === undefined ? undefined : resolvedChannelProblem(slack_default_channel)
  if (wrongChannel !== undefined) problems.push(`${at("slack_default_channel")}: ${wrongChannel}`)

  const wrongFrom = email_from === undefined ? undefined : addressProblem(email_from)
  if (wrongFrom !== undefined) problems.push(`${at("email_from")}: ${wrongFrom}`)
  for (const recipient of fallback_email_recipients) {
    const problem = addressProblem(recipient)
    if (problem !== undefined) problems.push(`${at("fallback_email_recipients")}: ${problem}`)
  }
  return { problems, warnings }
}
