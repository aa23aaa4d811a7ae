import { formatInstant } from "../Domain/Instant.ts"
import type { LogEntry } from "../Domain/Log.ts"

const escape = "\u001b["

const colours = { debug: "90", info: "36", warn: "33", error: "31" } as const

/** Text that cannot move a cursor, colour a terminal, or look like another line. */
const tame = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, "\uFFFD")

const valueOf = (value: LogEntry["fields"][string]): string => {
  const text = tame(String(value))
  return text === "" || /[\s"=]/.test(text) ? JSON.stringify(text) : text
}

// Where a job's name stands its id says nothing more to people.
const fieldsOf = ({ fields }: LogEntry): string =>
  Object.entries(fields)
    .filter(([key]) => key !== "job_id" || fields["job_name"] === undefined)
    .map(([key, value]) => ` ${tame(key)}=${valueOf(value)}`)
    .join("")

/** The lines of a cause, below its entry. */
const causeOf = ({ cause }: LogEntry): string =>
  cause === undefined
    ? ""
    : cause
        .split("\n")
        .map((line) => `\n    ${tame(line.trim())}`)
        .join("")

/** An entry for logs that other programs collect: the whole instant, level, component, message, fields. */
export const plainText = (entry: LogEntry): string => {
  const head = `${formatInstant(entry.time)} ${entry.level.toUpperCase()} ${tame(entry.component)}: ${tame(entry.message)}`
  return `${head}${fieldsOf(entry)}${causeOf(entry)}`
}

/** An entry for people at a terminal: the time of day in UTC, and colours where they are wanted. */
export const prettyText = (entry: LogEntry, options: { readonly colours: boolean; readonly day?: boolean }): string => {
  const paint = (code: string, text: string) => (options.colours ? `${escape}${code}m${text}${escape}0m` : text)
  const whole = formatInstant(entry.time)
  const time = options.day === true ? whole.replace("T", " ") : whole.slice(11, 23)
  const level = paint(colours[entry.level], entry.level.toUpperCase().padEnd(5))
  const component = tame(entry.component).padEnd(9)
  return `${paint("90", time)} ${level} ${component} ${tame(entry.message)}${paint("90", `${fieldsOf(entry)}${causeOf(entry)}`)}`
}
