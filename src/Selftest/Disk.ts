import { closeSync, fsyncSync, openSync, writeSync } from "node:fs"
import { statfs } from "node:fs/promises"
import * as Path from "@effect/platform/Path"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { layerDatabase } from "../JobStore/Database.ts"
import { layerOnClient } from "../JobStore/Sqlite.ts"
import { diskOf, type Place } from "./Place.ts"
import type { Finding } from "./Report.ts"

/** Below this a write that is said to be on a disk is most likely in memory only, in microseconds. */
const tooFast = 20

/** Above this each batch of runs waits long for the disk, in microseconds. */
const slow = 50_000

const tries = 300
const longest = 4_000

// linux/magic.h
const inMemory: ReadonlySet<number> = new Set([0x01021994, 0x858458f6])

/** How long it takes until 4 KiB are on the disk, sorted, in microseconds. */
const measure = Effect.fnUntraced(function* (file: string) {
  const page = Buffer.alloc(4_096, 1)
  const descriptor = yield* Effect.acquireRelease(
    Effect.sync(() => openSync(file, "w")),
    (open) => Effect.sync(() => closeSync(open))
  )
  const times: Array<number> = []
  const end = (yield* Clock.currentTimeMillis) + longest
  while (times.length < tries && (yield* Clock.currentTimeMillis) < end) {
    const before = yield* Clock.currentTimeNanos
    yield* Effect.sync(() => {
      writeSync(descriptor, page)
      fsyncSync(descriptor)
    })
    times.push(Number((yield* Clock.currentTimeNanos) - before) / 1_000)
    yield* Effect.yieldNow()
  }
  return times.sort((a, b) => a - b)
}, Effect.scoped)

const at = (sorted: ReadonlyArray<number>, share: number): number =>
  sorted[Math.floor((sorted.length - 1) * share)] ?? 0

const shown = (micros: number): string =>
  micros < 1_000 ? `${Math.round(micros)} µs` : `${(micros / 1_000).toFixed(micros < 10_000 ? 1 : 0)} ms`

/** What of a disk's fsync is doubtful; times in microseconds. */
export const judgeSync = (median: number, isMemory: boolean): ReadonlyArray<string> => {
  if (isMemory) return ["this folder is in memory, not on a disk; name a folder on your disk with --folder"]
  if (median < tooFast) {
    return [
      `an fsync of ${shown(median)} probably reaches no disk: a power loss may take back what was acknowledged; is the disk's cache, or the virtual machine's, set to ignore flushes?`
    ]
  }
  return median > slow
    ? [`this disk is slow: each commit waits ${shown(median)} for it; many runs share a commit, but none starts faster`]
    : []
}

/** Whether the disk that was tried is that of the data folder; undefined where that is not there yet. */
export const judgeDisks = (data: string, ofData: number | undefined, tried: number | undefined) =>
  ofData === undefined || ofData === tried ? [] : [`this is not the disk of ${data}; name a folder on it with --folder`]

// sqlite.org/pragma.html#pragma_synchronous
const levels = ["OFF", "NORMAL", "FULL", "EXTRA"]

const decodeDurability = Schema.decodeUnknown(
  Schema.Tuple(Schema.Struct({ journal: Schema.String, level: Schema.Number }))
)

/** How a service's connection writes. */
const durability = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const rows =
    yield* sql`SELECT journal_mode AS journal, synchronous AS level FROM pragma_journal_mode, pragma_synchronous`
  const [{ journal, level }] = yield* decodeDurability(rows)
  return { journal, synchronous: levels[level] ?? String(level) }
})

/** How fast the disk is when it must be sure, and how the service's database asks it to be. */
export const diskSync = Effect.fn("Selftest.diskSync")(function* (place: Place, dataFolder: string) {
  const path = yield* Path.Path
  yield* place.progress("measuring fsync")
  const times = yield* measure(path.join(place.folder, "fsync"))
  const file = path.join(place.folder, "durability.db")
  const { journal, synchronous } = yield* durability.pipe(
    Effect.provide(Layer.provideMerge(layerOnClient(file), layerDatabase(file)))
  )
  const { type } = yield* Effect.promise(() => statfs(place.folder))
  const [median, p99] = [at(times, 0.5), at(times, 0.99)]
  const data = path.resolve(dataFolder)
  const warnings = [
    ...judgeSync(median, inMemory.has(type)),
    ...judgeDisks(data, yield* diskOf(data), yield* diskOf(place.folder))
  ]
  const isSafe = journal === "wal" && synchronous === "FULL"
  return {
    summary: `fsync takes ${shown(median)} (median), ${shown(p99)} (p99) on this disk; the database is in ${journal.toUpperCase()} mode with synchronous = ${synchronous}`,
    warnings,
    problems: isSafe ? [] : [`the database is not as safe as it should be: ${journal}, synchronous = ${synchronous}`],
    counts: { fsync_median_us: Math.round(median), fsync_p99_us: Math.round(p99), fsyncs: times.length }
  } satisfies Finding
})
