import * as FileSystem from "@effect/platform/FileSystem"
import Database from "better-sqlite3"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layerSqlite } from "../src/JobStore/Sqlite.ts"
import { fill, type Rows } from "./Fill.ts"
import { makeJob } from "./Jobs.ts"

/** Jobs of filled databases are due from here on, UTC ms: in 2033. */
export const due = 2_000_000_000_000

const rowsOf = (quick: boolean): Rows => {
  const by = quick ? 10 : 1
  return { jobs: 1_000_000 / by, runs: 5_000_000 / by, audit: 1_000_000 / by, deliveries: 1_000_000 / by }
}

/** How many jobs and runs the big database has, for people. */
export const bigSize = (quick: boolean) => {
  const { jobs, runs } = rowsOf(quick)
  return { jobs: jobs.toLocaleString("en"), runs: runs.toLocaleString("en") }
}

/** Makes a database with the schema of the store and these rows. */
export const makeFilled = Effect.fnUntraced(function* (filename: string, rows: Rows) {
  yield* Effect.scoped(Layer.build(layerSqlite(filename)))
  const like = yield* makeJob(due)
  const now = yield* Clock.currentTimeMillis
  yield* Effect.acquireUseRelease(
    Effect.sync(() => new Database(filename)),
    (db) => Effect.sync(() => fill(db, rows, like, now, due)),
    (db) => Effect.sync(() => db.close())
  )
})

/** Makes the big database where it is not there yet; all benchmarks of one call share it. */
export const ensureBig = Effect.fnUntraced(function* (filename: string, quick: boolean) {
  const fs = yield* FileSystem.FileSystem
  if (yield* fs.exists(filename)) return
  yield* makeFilled(filename, rowsOf(quick))
})
