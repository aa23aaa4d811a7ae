import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { isAtLeast, LogEntry, type LogsWanted, maxLogLines } from "../Domain/Log.ts"
import type { Logs } from "../Logs.ts"
import type { LoggingSettings } from "../Settings.ts"
import { blankingOf, entryOf, type Logged, levelOf } from "./Entry.ts"
import { logFileOf, makeLogFiles } from "./Files.ts"
import { makeRing } from "./Ring.ts"
import { filesOf, readTail, type Verdict } from "./Tail.ts"
import { plainText, prettyText } from "./Text.ts"
import { wantedBy } from "./Wanted.ts"

/** Entries of any level that are in memory. */
const ringSize = 10_000

/** Entries that a follower who reads slowly may be behind. */
const followerCapacity = 1_000

/** What the service writes its log with. */
export interface LogsOptions {
  readonly logging: typeof LoggingSettings.Type
  readonly data_dir: string
  /** What no entry may show. */
  readonly secrets: Iterable<string>
  /** Whether spans are exported, so that their ids mean something. */
  readonly traced: boolean
  /** Whether stderr is a terminal that shows colours. */
  readonly terminal: { readonly isTTY: boolean; readonly colours: boolean }
}

/** Ends the id of a line that says what is missing before the entry of its number. */
const missingMark = ".missing"

const idPattern = /^([0-9a-z]+)\.(\d+)(\.missing)?$/

/** The start of the service that an entry is of (its UTC ms in base 36), and where it stands there. */
const placeOf = (id: string): { readonly boot: string; readonly number: number } | undefined => {
  const [, boot, number, missing] = idPattern.exec(id) ?? []
  return boot === undefined ? undefined : { boot, number: Number(number) - (missing === undefined ? 0 : 0.5) }
}

const encode = Schema.encodeSync(LogEntry)

/** One line of JSON. */
export const jsonLine = (entry: LogEntry): string => JSON.stringify(encode(entry))

const spanOf = (context: FiberRefs.FiberRefs): Logged["span"] => {
  const current = FiberRefs.getOrDefault(context, FiberRef.currentContext)
  const span = Option.getOrUndefined(Context.getOption(current, Tracer.ParentSpan))
  return span?.sampled !== true ? undefined : { trace_id: span.traceId, span_id: span.spanId }
}

/** An entry in memory: what was logged, or the entry that it was made into. */
interface Kept {
  readonly logged: Logged
  entry: LogEntry | undefined
}

/** One who follows: who may miss entries, and is told how many. */
interface Follower {
  readonly queue: Queue.Queue<LogEntry>
  readonly isWanted: (entry: LogEntry) => boolean
  missed: number
}

/** Takes the place of all loggers while the scope lives; gives what was logged to those who ask. */
export const makeLogs = ({ data_dir, logging, secrets, terminal, traced }: LogsOptions) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const boot = (yield* Clock.currentTimeMillis).toString(36)
    const file = logFileOf(path, data_dir)
    const blanked = blankingOf(secrets)
    const ring = makeRing<Kept>(ringSize)
    const followers = new Set<Follower>()

    const entry = (kept: Kept): LogEntry => {
      kept.entry ??= entryOf(kept.logged, blanked)
      return kept.entry
    }

    const idOf = (number: number): string => `${boot}.${number}`

    /** Where an entry stands in this start of the service; a line that says what is missing, before its number's. */
    const numberOf = (id: string): number | undefined => {
      const place = placeOf(id)
      return place?.boot === boot ? place.number : undefined
    }

    const inOrder = (entries: ReadonlyArray<LogEntry>): ReadonlyArray<LogEntry> =>
      entries.toSorted((one, other) => (numberOf(one.id) ?? -1) - (numberOf(other.id) ?? -1))

    const text: (one: LogEntry) => string =
      logging.format === "json"
        ? jsonLine
        : logging.format === "pretty" || (logging.format === "auto" && terminal.isTTY)
          ? (one) => prettyText(one, { colours: terminal.colours })
          : plainText

    const files = yield* makeLogFiles<Kept>({
      file,
      max_bytes: logging.max_bytes,
      max_files: logging.max_files,
      line: (kept) => jsonLine(entry(kept)),
      missing: (count, { beside, isBefore }) => {
        const number = beside === undefined ? ring.added() : (numberOf(beside.logged.id) ?? 0) + (isBefore ? 0 : 1)
        return jsonLine({
          id: `${idOf(number)}${missingMark}`,
          time: (beside ?? ring.at(ring.added() - 1))?.logged.time ?? 0,
          level: "warn",
          component: "logs",
          message: `${count} entries are missing here: they could not be written`,
          fields: { count }
        })
      },
      broken: (problem) => Effect.logWarning(problem, { component: "logs" })
    })

    const tell = (kept: Kept): void => {
      for (const follower of followers) {
        const one = entry(kept)
        if (follower.isWanted(one) && !Queue.unsafeOffer(follower.queue, one)) follower.missed++
      }
    }

    const keeper = Logger.make<unknown, void>(({ annotations, cause, context, date, logLevel, message }) => {
      const logged: Logged = {
        id: idOf(ring.added()),
        time: date.getTime(),
        level: levelOf(logLevel),
        message,
        annotations,
        cause,
        span: traced ? spanOf(context) : undefined
      }
      const kept: Kept = { logged, entry: undefined }
      // Causes and errors hold on to what they came from.
      if (cause._tag !== "Empty") entry(kept)
      ring.add(kept)
      if (followers.size > 0) tell(kept)
      if (logging.file && isAtLeast(logged.level, logging.level)) files.add(kept)
    })

    const printer = Logger.withConsoleError(
      Logger.make<unknown, string>(() => {
        const kept = ring.at(ring.added() - 1)
        return kept === undefined ? "" : text(entry(kept))
      })
    )

    const logger = Logger.make<unknown, void>((options) => {
      keeper.log(options)
      if (isAtLeast(levelOf(options.logLevel), logging.level)) printer.log(options)
    })

    yield* Effect.addFinalizer(() => Effect.ignore(Effect.timeout(files.flush, "2 seconds")))
    yield* Effect.locallyScoped(FiberRef.currentLoggers, HashSet.make(logger))
    yield* Effect.locallyScoped(FiberRef.currentMinimumLogLevel, LogLevel.Debug)
    if (logging.file) yield* Effect.forkScoped(files.run)

    const provided = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem>) =>
      Effect.provideService(effect, FileSystem.FileSystem, fs)

    /** The latest in memory that are wanted, oldest first; those after a number, or as many as asked for. */
    const inMemory = (isWanted: (one: LogEntry) => boolean, limit: number, after: number): Array<LogEntry> => {
      const found: Array<LogEntry> = []
      for (let number = ring.added() - 1; number > after && number >= ring.oldest() && found.length < limit; number--) {
        const kept = ring.at(number)
        if (kept !== undefined && isWanted(entry(kept))) found.push(entry(kept))
      }
      return found.reverse()
    }

    const inFiles = (limit: number, judge: (one: LogEntry) => Verdict) =>
      limit <= 0 || !logging.file
        ? Effect.succeed([])
        : provided(readTail(filesOf(file, logging.max_files - 1), limit, judge)).pipe(
            Effect.catchAll(({ message }) =>
              Effect.as(Effect.logWarning(`the log's files cannot be read: ${message}`, { component: "logs" }), [])
            )
          )

    /** Of an entry in the files: whether memory has it, too. */
    const isInMemory = ({ id }: LogEntry): boolean => !id.endsWith(missingMark) && (numberOf(id) ?? -1) >= ring.oldest()

    /** Of an entry in the files: whether it came before one that was seen, or is that one. */
    const isSeen = ({ id }: LogEntry, after: string): boolean => {
      const [place, seen] = [placeOf(id), placeOf(after)]
      if (place === undefined || seen === undefined) return id === after
      if (place.boot === seen.boot) return place.number <= seen.number
      return place.boot !== boot && Number.parseInt(place.boot, 36) < Number.parseInt(seen.boot, 36)
    }

    const read = Effect.fn("Logs.read")(function* (wanted: LogsWanted, lines: number) {
      const isWanted = wantedBy(wanted, logging.level)
      const recent = inMemory(isWanted, lines, -1)
      const earlier = yield* inFiles(lines - recent.length, (one) =>
        !isInMemory(one) && isWanted(one) ? "take" : "leave"
      )
      return inOrder([...earlier, ...recent])
    })

    /** What came after an entry that was seen; of an entry that nobody knows any more, what there is. */
    const readAfter = Effect.fn("Logs.readAfter")(function* (wanted: LogsWanted, after: string) {
      const isWanted = wantedBy(wanted, logging.level)
      const number = numberOf(after)
      const recent = inMemory(isWanted, maxLogLines, number ?? -1)
      if (number !== undefined && number >= ring.oldest() - 1) return recent
      const earlier = yield* inFiles(maxLogLines - recent.length, (one) =>
        isSeen(one, after) ? "stop" : !isInMemory(one) && isWanted(one) ? "take" : "leave"
      )
      return inOrder([...earlier, ...recent])
    })

    const follow: Context.Tag.Service<typeof Logs>["follow"] = ({ after, lines, ...wanted }) =>
      Stream.unwrapScoped(
        Effect.gen(function* () {
          const queue = yield* Queue.dropping<LogEntry>(followerCapacity)
          const follower: Follower = { queue, isWanted: wantedBy(wanted, logging.level), missed: 0 }
          yield* Effect.acquireRelease(
            Effect.sync(() => followers.add(follower)),
            () => Effect.sync(() => followers.delete(follower))
          )
          const earlier = yield* after === undefined ? read(wanted, lines) : readAfter(wanted, after)
          const shown = new Set(earlier.map(({ id }) => id))
          const next = Effect.map(Queue.takeBetween(queue, 1, followerCapacity), (entries) => {
            const missed = follower.missed
            follower.missed = 0
            return { entries: Array.from(entries).filter(({ id }) => !shown.has(id)), missed }
          })
          return Stream.concat(Stream.make({ entries: earlier, missed: 0 }), Stream.repeatEffect(next))
        })
      )

    /** The level that is logged, and since when entries below it are in memory: UTC ms, null while there are none. */
    const kept = Effect.sync(() => ({
      level: logging.level,
      since: ring.at(ring.oldest())?.logged.time ?? null
    }))

    return { read, follow, kept } satisfies Context.Tag.Service<typeof Logs>
  })
