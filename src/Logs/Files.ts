import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Queue from "effect/Queue"

/** Entries that may wait to be written; further ones are dropped and counted. */
const capacity = 10_000

/** Entries that come within this many ms are written together. */
const gatherMillis = 50

/** Where the log of a data folder is written. */
export const logFileOf = (path: Path.Path, data_dir: string): string => path.join(data_dir, "logs", "service.log")

const isNotFound = (error: PlatformError) => error._tag === "SystemError" && error.reason === "NotFound"

/** Where entries are missing: beside one that is there; `undefined` where none is. */
export interface Missing<A> {
  readonly beside: A | undefined
  readonly isBefore: boolean
}

/** The system's code of what went wrong, such as ENOSPC, where the message does not name it. */
const codeIn = (error: PlatformError): string => {
  const { cause } = error
  const code = cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : ""
  return code === "" || error.message.includes(code) ? "" : ` (${code})`
}

/** Files that entries are appended to. */
export interface LogFiles<A> {
  /** Takes an entry, without waiting. */
  readonly add: (entry: A) => void
  readonly flush: Effect.Effect<void>
  readonly run: Effect.Effect<never>
}

/**
 * Appends entries to a file, in batches, and sets it aside by size as `.1`, `.2`… up to `max_files` files in all. What
 * cannot be written is dropped: `broken` is told of it once, until writing works again; then `missing` makes the line
 * that says how many are missing.
 */
export const makeLogFiles = <A>(options: {
  readonly file: string
  readonly max_bytes: number
  readonly max_files: number
  readonly line: (entry: A) => string
  readonly missing: (count: number, place: Missing<A>) => string
  readonly broken: (problem: string) => Effect.Effect<void>
}) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const { file, max_bytes, max_files } = options
    const wake = yield* Queue.dropping<void>(1)
    let waiting: Array<A> = []
    let unwritten = 0
    let dropped = 0
    let isBroken = false

    const renameIfThere = (from: string, to: string) =>
      Effect.catchIf(fs.rename(from, to), isNotFound, () => Effect.void)

    const rotate = Effect.gen(function* () {
      if (max_files === 1) return yield* Effect.catchIf(fs.remove(file), isNotFound, () => Effect.void)
      for (let n = max_files - 2; n >= 1; n--) yield* renameIfThere(`${file}.${n}`, `${file}.${n + 1}`)
      yield* renameIfThere(file, `${file}.1`)
    })

    const sizeNow = fs.stat(file).pipe(
      Effect.map(({ size }) => Number(size)),
      Effect.catchIf(isNotFound, () => Effect.as(fs.makeDirectory(path.dirname(file), { recursive: true }), 0))
    )

    /** Writes lines, as many to a file as it holds; one that is longer than a file has one of its own. */
    const append = Effect.fnUntraced(function* (lines: ReadonlyArray<string>) {
      let size = yield* sizeNow
      let text = ""
      const writeText = Effect.suspend(() =>
        text === "" ? Effect.void : fs.writeFileString(file, text, { flag: "a", mode: 0o600 })
      )
      for (const line of lines) {
        const bytes = Buffer.byteLength(line)
        if (size > 0 && size + bytes > max_bytes) {
          yield* writeText
          yield* rotate
          text = ""
          size = 0
        }
        text += line
        size += bytes
      }
      yield* writeText
    })

    const told = (cause: Cause.Cause<PlatformError>) =>
      Cause.failureOrCause(cause).pipe(
        Either.match({
          onLeft: (error) => `${error.message}${codeIn(error)}`,
          onRight: (defect) => String(Cause.squash(defect))
        })
      )

    /** Writes all that waits. */
    const flush = Effect.suspend(() => {
      if (waiting.length === 0 && unwritten === 0 && dropped === 0) return Effect.void
      const entries = waiting
      const [lostBefore, lostAfter] = [unwritten, dropped]
      waiting = []
      unwritten = 0
      dropped = 0
      const mark = (count: number, place: Missing<A>) => (count === 0 ? [] : [`${options.missing(count, place)}\n`])
      const lines = [
        // What was written last before it broke may be half a line.
        ...(isBroken ? ["\n"] : []),
        ...mark(lostBefore, { beside: entries[0], isBefore: true }),
        ...entries.map((entry) => `${options.line(entry)}\n`),
        ...mark(lostAfter, { beside: entries.at(-1), isBefore: false })
      ]
      return append(lines).pipe(
        Effect.tap(() =>
          Effect.sync(() => {
            isBroken = false
          })
        ),
        Effect.catchAllCause((cause) => {
          unwritten += lostBefore + entries.length + lostAfter
          if (isBroken) return Effect.void
          isBroken = true
          return options.broken(`${file} cannot be written; entries are missing there until it can be: ${told(cause)}`)
        })
      )
    }).pipe(Effect.uninterruptible)

    /** Writes what comes, until it is interrupted. */
    const run = Effect.forever(Effect.zipRight(Queue.take(wake), Effect.zipRight(Effect.sleep(gatherMillis), flush)))

    const add = (entry: A): void => {
      if (waiting.length < capacity) waiting.push(entry)
      else dropped++
      Queue.unsafeOffer(wake, undefined)
    }

    return { add, flush, run } satisfies LogFiles<A>
  })
