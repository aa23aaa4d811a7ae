import { addressProblem } from "../Delivery/Email/Address.ts"
import type { DeliverySettings } from "./Delivery.ts"
import type { Merged } from "./Sources.ts"

type Key = keyof DeliverySettings

/** The keys that alerts through a channel need besides `fallback`, as far as they are missing. */
const missingFor = (settings: DeliverySettings): ReadonlyArray<string> => {
  const unset = (...keys: ReadonlyArray<Key>) => keys.filter((key) => settings[key] === undefined)
  switch (settings.fallback) {
    case "webhook":
      return unset("fallback_webhook_url")
    case "email":
      return unset("smtp_host", "email_from", "fallback_email_recipients")
    case "slack": {
      if (settings.slack_api_token !== undefined) return unset("slack_default_channel")
      return settings.slack_webhook_url === undefined ? ["slack_webhook_url (or slack_api_token)"] : []
    }
    default:
      return []
  }
}

const listed = (words: ReadonlyArray<string>): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`

/** What `[scheduler.delivery]` says that cannot work, and what may not, each with its place. */
export const checkDelivery = (
  settings: DeliverySettings,
  origin: Merged["origin"]
): { readonly problems: ReadonlyArray<string>; readonly warnings: ReadonlyArray<string> } => {
  const at = (key: Key) => origin(`scheduler.delivery.${key}`)?.where ?? `scheduler.delivery.${key}`
  const problems: Array<string> = []
  const warnings: Array<string> = []
  const { custom, email_from, fallback, fallback_email_recipients = [] } = settings

  const missing = missingFor(settings)
  if (missing.length > 0) {
    problems.push(`${at("fallback")}: alerts by ${fallback} need ${listed(missing)} under [scheduler.delivery]`)
  }
  if (fallback.startsWith("custom:") && !Object.hasOwn(custom, fallback.slice("custom:".length))) {
    const table = `[scheduler.delivery.custom.${fallback.slice("custom:".length)}]`
    warnings.push(`${at("fallback")}: there is no ${table}; alerts fail unless a program provides ${fallback}`)
  }

  if ((settings.smtp_username === undefined) !== (settings.smtp_password === undefined)) {
    const [given, other] =
      settings.smtp_username === undefined
        ? (["smtp_password", "smtp_username"] as const)
        : (["smtp_username", "smtp_password"] as const)
    problems.push(`${at(given)}: needs ${other} beside it; set both, or neither`)
  }

  const wrongFrom = email_from === undefined ? undefined : addressProblem(email_from)
  if (wrongFrom !== undefined) problems.push(`${at("email_from")}: ${wrongFrom}`)
  for (const recipient of fallback_email_recipients) {
    const problem = addressProblem(recipient)
    if (problem !== undefined) problems.push(`${at("fallback_email_recipients")}: ${problem}`)
  }
  return { problems, warnings }
}
