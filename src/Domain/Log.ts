import * as Schema from "effect/Schema"
import { Instant } from "./Instant.ts"

/** How much an entry matters, least first. */
export const LogLevelName = Schema.Literal("debug", "info", "warn", "error")
export type LogLevelName = typeof LogLevelName.Type

/** Whether an entry of a level is among those of a level or above. */
export const isAtLeast = (level: LogLevelName, least: LogLevelName): boolean =>
  LogLevelName.literals.indexOf(level) >= LogLevelName.literals.indexOf(least)

/** One entry of the service's log: one line of its files. */
export const LogEntry = Schema.Struct({
  /** Tells an entry from all others; to go on after it. */
  id: Schema.String,
  time: Instant,
  level: LogLevelName,
  /** The part of the service that speaks, such as `scheduler`. */
  component: Schema.String,
  /** One line. */
  message: Schema.String,
  /** What it is about, such as `job_name`, `run_id`, `attempt`. */
  fields: Schema.Record({
    key: Schema.String,
    value: Schema.Union(Schema.String, Schema.Number, Schema.Boolean, Schema.Null)
  }),
  /** The trace that it is part of, where traces are exported. */
  trace_id: Schema.optionalWith(Schema.String, { exact: true }),
  span_id: Schema.optionalWith(Schema.String, { exact: true }),
  /** What went wrong, with a stack where nobody expected it. */
  cause: Schema.optionalWith(Schema.String, { exact: true })
}).annotations({ identifier: "LogEntry" })
export type LogEntry = typeof LogEntry.Type

/** Which entries are wanted. */
export interface LogsWanted {
  /** A component or the beginning of its name, a job's name, or the id of a job, run or delivery. */
  readonly filter?: string | undefined
  /** The least level; without it, the one that is logged. */
  readonly level?: LogLevelName | undefined
}

/** Most entries that are given at once. */
export const maxLogLines = 10_000
