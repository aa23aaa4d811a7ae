import * as Logger from "effect/Logger"
// Not by the door, which loads what the service logs with.
import { entryOf, levelOf } from "./Logs/Entry.ts"
import { plainText } from "./Logs/Text.ts"

/** Log lines of commands: time, level, component, message, fields, and the cause below. */
export const plainLogger = Logger.make(({ annotations, cause, date, logLevel, message }) =>
  plainText(
    entryOf(
      { id: "", time: date.getTime(), level: levelOf(logLevel), message, annotations, cause, span: undefined },
      (text) => text
    )
  )
)
