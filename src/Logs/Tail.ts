import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { LogEntry } from "../Domain/Log.ts"

const chunkBytes = 65_536

/** Most bytes of lines that are collected at once. */
const maxBytes = 16 * 1_048_576

/** A line that goes on for longer is none of a log. */
const maxLine = 1_048_576

const decode = Schema.decodeUnknownOption(Schema.parseJson(LogEntry))

/** The files of a log, newest first: the one that is written, then those set aside. */
export const filesOf = (file: string, count: number): ReadonlyArray<string> => [
  file,
  ...Array.from({ length: count }, (_, n) => `${file}.${n + 1}`)
]

/** What to do with an entry: take it, leave it, or read no further. */
export type Verdict = "take" | "leave" | "stop"

/** Reads the lines of a file from its end to its beginning, as long as `line` says so; false when it said to stop. */
const readBackwards = Effect.fnUntraced(function* (file: string, line: (text: string) => boolean) {
  const fs = yield* FileSystem.FileSystem
  const opened = yield* fs.open(file, { flag: "r" })
  let position = Number((yield* opened.stat).size)
  let rest: Uint8Array = new Uint8Array()
  while (position > 0) {
    const size = Math.min(chunkBytes, position)
    position -= size
    yield* opened.seek(FileSystem.Size(position), "start")
    const chunk = yield* Effect.map(
      opened.readAlloc(size),
      Option.getOrElse(() => new Uint8Array())
    )
    const bytes = Buffer.concat([chunk, rest])
    let end = bytes.length
    for (let at = bytes.lastIndexOf(10, end - 1); at >= 0; at = at === 0 ? -1 : bytes.lastIndexOf(10, at - 1)) {
      if (end > at + 1 && !line(bytes.toString("utf8", at + 1, end))) return false
      end = at
    }
    rest = end > maxLine ? new Uint8Array() : Uint8Array.prototype.slice.call(bytes, 0, end)
    yield* Effect.yieldNow()
  }
  return rest.length === 0 || line(Buffer.from(rest).toString())
}, Effect.scoped)

/**
 * The latest entries of a log that are wanted, oldest first: read from the end backwards through the files, as many
 * as asked for or 16 MiB of them. What is no entry is left out; a file that is gone has none.
 */
export const readTail = Effect.fn("Logs.readTail")(function* (
  files: ReadonlyArray<string>,
  limit: number,
  judge: (entry: LogEntry) => Verdict
) {
  const found: Array<LogEntry> = []
  let bytes = 0
  const line = (text: string): boolean => {
    const entry = Option.getOrUndefined(decode(text))
    const verdict = entry === undefined ? "leave" : judge(entry)
    if (entry !== undefined && verdict === "take") {
      found.push(entry)
      bytes += text.length
    }
    return verdict !== "stop" && found.length < limit && bytes < maxBytes
  }
  for (const file of files) {
    const goesOn = yield* Effect.catchIf(
      readBackwards(file, line),
      (error) => error._tag === "SystemError" && error.reason === "NotFound",
      () => Effect.succeed(true)
    )
    if (!goesOn) break
  }
  return found.reverse()
})
