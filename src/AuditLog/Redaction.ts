import type { AuditDraft } from "../Domain/Audit.ts"
import { hidden } from "../Domain/Redaction.ts"

/** Fields of a job whose value is a secret, or holds some. */
const secretFields: ReadonlySet<string> = new Set(["agent_pin_jwt", "webhook_headers", "webhook_secret"])

/** Fields of a job that are addresses, which may hold a secret beyond the host. */
const addressFields: ReadonlySet<string> = new Set(["webhook_url", "slack_webhook_url"])

const secretKey =
  /(^|[._-])(token|secret|password|pass|passwd|key|keys|jwt|credential|credentials|auth_header|authorization)$/i

const reference = /(\$\{[A-Za-z_][A-Za-z0-9_]*\})/

/** What was written as `${NAME}` stays; what was written out is hidden. */
const literalsHidden = (text: string): string =>
  text
    .split(reference)
    .map((part) => (part === "" || reference.test(part) ? part : hidden))
    .join("")

/** An address with its scheme and host; user, path, query and fragment may be a token and are hidden. */
const addressShown = (address: string): string => {
  const [, scheme, user = "", host = "", slash = "", rest = ""] =
    /^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*@)?([^/?#]*)(\/?)(.*)$/is.exec(address) ?? []
  if (scheme === undefined) return literalsHidden(address)
  const userShown = user === "" ? "" : `${literalsHidden(user.slice(0, -1))}@`
  return `${scheme}${userShown}${host}${slash}${literalsHidden(rest)}`
}

const fieldShown = (key: string, value: unknown): unknown => {
  if (value === undefined || value === null) return value
  if (secretFields.has(key)) return hidden
  if (addressFields.has(key) && typeof value === "string") return addressShown(value)
  return value
}

const mayHide = (key: string): boolean => secretFields.has(key) || addressFields.has(key)

const sideShown = (side: unknown): unknown => {
  if (typeof side !== "object" || side === null || Array.isArray(side)) return side
  const keys = Object.keys(side)
  return keys.some(mayHide)
    ? Object.fromEntries(Object.entries(side).map(([key, value]) => [key, fieldShown(key, value)]))
    : side
}

/** An event without the secrets of a job's definition, whoever made it: the log is kept longer than they are valid. */
export const redacted = <E extends Pick<AuditDraft, "before" | "after">>(event: E): E => {
  const before = sideShown(event.before)
  const after = sideShown(event.after)
  if (before === event.before && after === event.after) return event
  return { ...event, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }
}

/** Keys come here by name and scope alone: that there are others now must be seen. */
const shownSafely = "server.api_keys"

/** The value of a configuration key, unless its name says that it is a secret; `${NAME}` stays as it is written. */
export const settingShown = (key: string, value: string | number | boolean): string | number | boolean =>
  secretKey.test(key) && key !== shownSafely ? literalsHidden(String(value)) : value
