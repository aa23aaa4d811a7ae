import * as Either from "effect/Either"
import { type Field, type FieldSpec, readField } from "./Field.ts"

const plain = (name: string, min: number, max: number, names: ReadonlyArray<string> = []): FieldSpec => ({
  name,
  min,
  max,
  hashMax: max,
  names,
  kind: "plain"
})

const specs = {
  second: plain("second", 0, 59),
  minute: plain("minute", 0, 59),
  hour: plain("hour", 0, 23),
  // H stays within the days that every month has.
  dayOfMonth: { ...plain("day-of-month", 1, 31), hashMax: 28, kind: "day-of-month" },
  month: plain("month", 1, 12, "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" ")),
  dayOfWeek: { ...plain("day-of-week", 0, 6, "SUN MON TUE WED THU FRI SAT".split(" ")), kind: "day-of-week" }
} satisfies Record<string, FieldSpec>

const shorthands: ReadonlyMap<string, string> = new Map([
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"],
  ["@monthly", "0 0 1 * *"],
  ["@weekly", "0 0 * * 0"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@hourly", "0 * * * *"]
])

const longest = 1_000

/** A cron expression as read: six fields, seconds being 0 where the text had five. */
export interface Cron {
  readonly second: Field
  readonly minute: Field
  readonly hour: Field
  readonly dayOfMonth: Field
  readonly month: Field
  readonly dayOfWeek: Field
  /** The expression in fields, with shorthands and `H` resolved. */
  readonly resolved: string
}

/** Reads an expression for the job `name`; on the left one message for each wrong field. */
export const readCron = (text: string, name: string): Either.Either<Cron, ReadonlyArray<string>> => {
  if (text.length > longest) return Either.left([`longer than ${longest} characters`])
  const trimmed = text.trim()
  if (trimmed.startsWith("@") && !shorthands.has(trimmed.toLowerCase())) {
    return Either.left([
      `${JSON.stringify(trimmed)} is no known shorthand; use @yearly, @monthly, @weekly, @daily, @hourly or "@every 90s"`
    ])
  }
  const expression = shorthands.get(trimmed.toLowerCase()) ?? trimmed
  const texts = expression === "" ? [] : expression.split(/\s+/)
  if (texts.length !== 5 && texts.length !== 6) {
    return Either.left([
      `${texts.length} ${texts.length === 1 ? "field" : "fields"}; a cron expression has five (minute hour day-of-month month day-of-week), or six with seconds first`
    ])
  }
  const [second = "", minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = ""] =
    texts.length === 6 ? texts : ["0", ...texts]
  const fields = {
    second: readField(specs.second, second, name),
    minute: readField(specs.minute, minute, name),
    hour: readField(specs.hour, hour, name),
    dayOfMonth: readField(specs.dayOfMonth, dayOfMonth, name),
    month: readField(specs.month, month, name),
    dayOfWeek: readField(specs.dayOfWeek, dayOfWeek, name)
  }
  const messages = Object.values(fields).flatMap((field) => (Either.isLeft(field) ? [field.left] : []))
  if (messages.length > 0) return Either.left(messages)
  return Either.all(fields).pipe(
    Either.mapLeft((message) => [message]),
    Either.map((read) => ({
      ...read,
      resolved: [
        ...(texts.length === 6 ? [read.second.text] : []),
        read.minute.text,
        read.hour.text,
        read.dayOfMonth.text,
        read.month.text,
        read.dayOfWeek.text
      ].join(" ")
    }))
  )
}
