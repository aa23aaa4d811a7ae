import * as Cause from "effect/Cause"
import * as HashMap from "effect/HashMap"
import * as Inspectable from "effect/Inspectable"
import * as Logger from "effect/Logger"

const textOf = (part: unknown): string => (typeof part === "string" ? part : Inspectable.toStringUnknown(part, 0))

/** Log lines for people: time, level, message as it stands, then annotations and the cause. */
export const plainLogger = Logger.make(({ annotations, cause, date, logLevel, message }) => {
  const parts = Array.isArray(message) ? message : [message]
  const noted = HashMap.toEntries(annotations).map(([key, value]) => `${key}=${textOf(value)}`)
  const line = [date.toISOString(), logLevel.label, ...parts.map(textOf), ...noted].join(" ")
  return Cause.isEmpty(cause) ? line : `${line}\n${Cause.pretty(cause, { renderErrorCause: true })}`
})
