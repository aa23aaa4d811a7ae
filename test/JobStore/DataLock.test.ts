import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { SqlClient } from "@effect/sql/SqlClient"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { lockDataFolder } from "../../src/JobStore/DataLock.ts"
import { layerSqlite } from "../../src/JobStore/Sqlite.ts"
import { JobStore } from "../../src/JobStore.ts"
import { bundled, child } from "../support/Child.ts"
import { insert, jobId, nthJob } from "./fixtures.ts"

const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped({ prefix: "symbiont-lock-" }))

const open = (filename: string) => Effect.provide(JobStore, layerSqlite(filename))

describe("a data folder", () => {
  it.scopedLive("is held by one process at a time, and is free when that one is killed", () =>
    Effect.gen(function* () {
      const bundle = yield* bundled("HoldDataFolder.ts")
      const data = yield* folder
      const first = yield* child(bundle, data)
      yield* first.said("locked")
      const second = yield* Effect.flatMap(child(bundle, data), ({ ended }) => ended)
      assert.match(second.stdout, /^DataFolderInUse: another symbi service is using the data folder /)
      assert.include(second.stdout, data)
      const here = yield* Effect.flip(Effect.scoped(lockDataFolder(data)))
      assert.strictEqual(here._tag, "DataFolderInUse")
      yield* first.kill("SIGKILL")
      yield* first.ended
      const third = yield* child(bundle, data)
      yield* third.said("locked")
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("is free again when its scope closes", () =>
    Effect.gen(function* () {
      const data = yield* folder
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* lockDataFolder(data)
          assert.strictEqual((yield* Effect.flip(lockDataFolder(data)))._tag, "DataFolderInUse")
        })
      )
      yield* lockDataFolder(data)
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("that cannot be locked is not said to be in use", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const data = yield* folder
      yield* fs.writeFileString(`${data}/service.lock`, "this is no database ".repeat(100))
      const damaged = yield* Effect.flip(lockDataFolder(data))
      assert.strictEqual(damaged._tag, "DataFolderUnusable")
      assert.include(damaged.message, "file is not a database")
      const missing = yield* Effect.flip(lockDataFolder(`${data}/nowhere`))
      assert.strictEqual(missing._tag, "DataFolderUnusable")
      assert.include(missing.message, `${data}/nowhere`)
    }).pipe(Effect.provide(NodeContext.layer))
  )
})

describe("a database file", () => {
  it.scoped("is opened again with what was stored", () =>
    Effect.gen(function* () {
      const file = `${yield* folder}/symbiont.db`
      yield* Effect.provide(insert(nthJob(1)), layerSqlite(file))
      const job = yield* Effect.provide(
        Effect.flatMap(JobStore, (store) => store.findJob("job-1")),
        layerSqlite(file)
      )
      assert.strictEqual(job.id, jobId(1))
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("of a newer version is refused and left alone", () =>
    Effect.gen(function* () {
      const file = `${yield* folder}/symbiont.db`
      yield* open(file)
      const client = Layer.orDie(SqliteClient.layer({ filename: file }))
      const raise = Effect.flatMap(
        SqlClient,
        (sql) => sql`INSERT INTO effect_sql_migrations (migration_id, name) VALUES (999, 'later')`
      )
      yield* Effect.provide(raise, client)
      const refused = yield* Effect.flip(open(file))
      assert.strictEqual(refused._tag, "DatabaseTooNew")
      assert.include(refused.message, "written by a newer version of symbi (schema 999")
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("that is none is refused by its name and with the reason", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const data = yield* folder
      const file = `${data}/symbiont.db`
      const text = "this is no database ".repeat(100)
      yield* fs.writeFileString(file, text)
      const refused = yield* Effect.flip(open(file))
      assert.strictEqual(refused._tag, "DatabaseUnusable")
      assert.include(refused.message, `cannot use the database ${file}: file is not a database`)
      assert.strictEqual(yield* fs.readFileString(file), text)
      const nowhere = yield* Effect.flip(open(`${data}/nowhere/symbiont.db`))
      assert.strictEqual(nowhere._tag, "DatabaseUnusable")
      assert.include(nowhere.message, "nowhere")
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("of another program is refused and left alone", () =>
    Effect.gen(function* () {
      const file = `${yield* folder}/symbiont.db`
      const client = Layer.orDie(SqliteClient.layer({ filename: file }))
      yield* Effect.provide(
        Effect.flatMap(SqlClient, (sql) => sql`CREATE TABLE jobs (theirs TEXT)`),
        client
      )
      const refused = yield* Effect.flip(open(file))
      assert.strictEqual(refused._tag, "DatabaseUnusable")
      const tables = yield* Effect.provide(
        Effect.flatMap(SqlClient, (sql) => sql`SELECT name FROM sqlite_master WHERE name IN ('jobs', 'runs')`),
        client
      )
      assert.deepStrictEqual(tables, [{ name: "jobs" }])
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
