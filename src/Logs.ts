import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { LogEntry, LogLevelName, LogsWanted } from "./Domain/Log.ts"
import { type LogsOptions, makeLogs } from "./Logs/Service.ts"

export { logFileOf } from "./Logs/Files.ts"
export type { LogsOptions } from "./Logs/Service.ts"
export { jsonLine } from "./Logs/Service.ts"
export { filesOf, readTail } from "./Logs/Tail.ts"
export { plainText, prettyText } from "./Logs/Text.ts"
export { wantedBy } from "./Logs/Wanted.ts"

/** Entries that came together, and how many a slow reader missed before them. */
export interface Followed {
  readonly entries: ReadonlyArray<LogEntry>
  readonly missed: number
}

/** What is told of the log to those who ask. */
interface LogsReader {
  /** The latest entries that are wanted, oldest first. */
  readonly read: (wanted: LogsWanted, lines: number) => Effect.Effect<ReadonlyArray<LogEntry>>
  /** The latest entries, or those after one that was seen; then those that come, without an end. */
  readonly follow: (
    wanted: LogsWanted & { readonly lines: number; readonly after?: string | undefined }
  ) => Stream.Stream<Followed>
  /** The level that is logged; entries of all levels are in memory since that instant (UTC ms; null for none). */
  readonly kept: Effect.Effect<{ readonly level: LogLevelName; readonly since: number | null }>
}

/**
 * What the service says about itself: its latest entries, and those that come. Programs that log in their own way have
 * none to read, unless they provide {@link Logs.layer}.
 */
export class Logs extends Context.Reference<Logs>()("symbiont/Logs", {
  defaultValue: (): LogsReader => ({
    read: () => Effect.succeed([]),
    follow: () => Stream.never,
    kept: Effect.succeed({ level: "info", since: null })
  })
}) {
  /** Takes the place of all loggers of what is built on it. */
  static readonly layer = (options: LogsOptions): Layer.Layer<never, never, FileSystem.FileSystem | Path.Path> =>
    Layer.scoped(Logs, makeLogs(options))
}
