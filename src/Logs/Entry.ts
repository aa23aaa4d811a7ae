import * as Cause from "effect/Cause"
import * as HashMap from "effect/HashMap"
import * as Inspectable from "effect/Inspectable"
import * as LogLevel from "effect/LogLevel"
import * as Redacted from "effect/Redacted"
import { firstOf } from "../Domain/Bounded.ts"
import type { LogEntry, LogLevelName } from "../Domain/Log.ts"
import { hidden } from "../Domain/Redaction.ts"

const maxMessage = 4_000
const maxField = 1_000
const maxFields = 30
const maxCause = 8_000

/** Shorter ones, in characters, are words of texts. */
const shortestSecret = 8

/** What was logged, as it was given; made into an entry only if somebody reads it. */
export interface Logged {
  readonly id: string
  /** UTC ms. */
  readonly time: number
  readonly level: LogLevelName
  readonly message: unknown
  readonly annotations: HashMap.HashMap<string, unknown>
  readonly cause: Cause.Cause<unknown>
  readonly span: { readonly trace_id: string; readonly span_id: string } | undefined
}

/** The name of a level. */
export const levelOf = ({ ordinal }: LogLevel.LogLevel): LogLevelName =>
  ordinal >= LogLevel.Error.ordinal
    ? "error"
    : ordinal >= LogLevel.Warning.ordinal
      ? "warn"
      : ordinal >= LogLevel.Info.ordinal
        ? "info"
        : "debug"

type Fields = Record<string, LogEntry["fields"][string]>

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype

const textOf = (value: unknown): string =>
  typeof value === "string"
    ? value
    : value instanceof Error
      ? value.message
      : Redacted.isRedacted(value)
        ? hidden
        : Inspectable.toStringUnknown(value, 0)

/** A text as one line. */
const oneLine = (text: string): string => text.replace(/\s*[\r\n\u2028\u2029]+\s*/g, " ").trim()

/** What went wrong: of what was foreseen the words, of what nobody expected the stack, too. */
export const causeText = (cause: Cause.Cause<unknown>): string => {
  if (Cause.isInterruptedOnly(cause)) return "interrupted"
  const failures = Array.from(Cause.failures(cause), textOf)
  const defects = Array.from(Cause.defects(cause), (defect) =>
    Cause.pretty(Cause.die(defect), { renderErrorCause: true })
  )
  return [...failures, ...defects].join("\n")
}

/** Blanks secrets where they are repeated as they are. */
export const blankingOf = (secrets: Iterable<string>): ((text: string) => string) => {
  const known = [...new Set(secrets)]
    .filter(({ length }) => length >= shortestSecret)
    .sort((a, b) => b.length - a.length)
  return (text) =>
    known.reduce((rest, secret) => (rest.includes(secret) ? rest.replaceAll(secret, hidden) : rest), text)
}

/**
 * The entry of what was logged, without the secrets that `blanked` knows. Texts of the message are joined; plain objects
 * in it are fields, as annotations are; the field `component` is the entry's own.
 */
export const entryOf = (logged: Logged, blanked: (text: string) => string): LogEntry => {
  const fields: Fields = {}
  let component = "service"
  let count = 0
  const add = (key: string, value: unknown) => {
    if (key === "component") component = firstOf(textOf(value), 100)
    else if (value !== undefined && (Object.hasOwn(fields, key) || count++ < maxFields)) {
      const isPlain = typeof value === "number" || typeof value === "boolean" || value === null
      fields[key] = isPlain ? value : firstOf(blanked(textOf(value)), maxField)
    }
  }
  for (const [key, value] of HashMap.toEntries(logged.annotations)) add(key, value)
  const parts: Array<string> = []
  for (const part of Array.isArray(logged.message) ? logged.message : [logged.message]) {
    if (isRecord(part)) for (const [key, value] of Object.entries(part)) add(key, value)
    else parts.push(textOf(part))
  }
  const { cause, id, level, span, time } = logged
  return {
    id,
    time,
    level,
    component,
    message: firstOf(blanked(oneLine(parts.join(" "))), maxMessage),
    fields,
    ...span,
    ...(Cause.isEmpty(cause) ? {} : { cause: firstOf(blanked(causeText(cause)), maxCause) })
  }
}
