import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Migrator from "@effect/sql/Migrator"
import { SqlClient } from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layerDatabase } from "../../src/JobStore/Database.ts"
import { migrations } from "../../src/JobStore/Migrations.ts"
import { layerOnClient, layerSqlite } from "../../src/JobStore/Sqlite.ts"
import { JobStore } from "../../src/JobStore.ts"
import { RunTotals } from "../../src/RunTotals.ts"
import { jobId, me, other, t0 } from "./fixtures.ts"

const schemas = Effect.flatMap(SqlClient, (sql) =>
  Effect.map(sql`SELECT migration_id AS id FROM effect_sql_migrations`, (rows) => rows.map(({ id }) => id))
)

describe("a database of an older version", () => {
  it.scoped("is brought up to date when it is opened, and keeps what it holds", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const filename = `${yield* fs.makeTempDirectoryScoped()}/data.db`
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient
        const first = Migrator.fromRecord({ "0001_initial": migrations["0001_initial"] })
        yield* Migrator.make({})({ loader: first })
        yield* sql`INSERT INTO nodes ${sql.insert({ owner: other, started_at: t0, lease_until: t0 })}`
      }).pipe(Effect.provide(layerDatabase(filename)))
      const copy = `${filename}.schema1.bak`
      // What is left of copies that were cut off, and an older one.
      yield* fs.writeFileString(`${copy}.part`, "half")
      yield* fs.writeFileString(copy, "old")
      yield* fs.chmod(filename, 0o600)
      yield* Effect.gen(function* () {
        const store = yield* JobStore
        assert.isNull(yield* store.registerNode(me, t0 + 1, t0 + 2), "a node of that version was never seen")
        assert.strictEqual(yield* store.registerNode(other, t0 + 3, t0 + 4), t0 + 1)
      }).pipe(Effect.provide(layerSqlite(filename)))
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient
        assert.deepStrictEqual(yield* schemas, [1])
        assert.deepStrictEqual(yield* sql`SELECT owner FROM nodes`, [{ owner: other }])
      }).pipe(Effect.provide(layerDatabase(copy)))
      assert.strictEqual((yield* fs.stat(copy)).mode & 0o777, 0o600)
      assert.isFalse(yield* fs.exists(`${copy}.part`))
      // Nothing to bring up to date, nothing to copy.
      yield* fs.remove(copy)
      yield* Effect.provide(Effect.void, layerSqlite(filename))
      assert.isFalse(yield* fs.exists(copy))
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("has the totals of what its history still tells", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const filename = `${yield* fs.makeTempDirectoryScoped()}/data.db`
      const { "0014_totals": _, "0015_lists": _later, ...before } = migrations
      const [a, b] = [jobId(1), jobId(2)]
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient
        yield* Migrator.make({})({ loader: Migrator.fromRecord(before) })
        for (const [id, name] of [
          [a, "a"],
          [b, "b"]
        ]) {
          yield* sql`INSERT INTO jobs ${sql.insert({
            ...{ id, name, agent_id: "agent", status: name === "b" ? "dead_letter" : "active", partition: 0 },
            ...{ definition: "{}", failure_count: 0, anchor: t0, version: 1, created_at: t0, updated_at: t0 },
            ...{ defined_by: "test", all_clears: 0 }
          })}`
        }
        const runs = [
          ["succeeded", 40],
          ["failed", 900],
          ["timed_out", 70],
          ["skipped", null],
          ["cancelled", 5_000],
          ["running", null]
        ] as const
        for (const [n, [status, execution_time_ms]] of runs.entries()) {
          yield* sql`INSERT INTO runs ${sql.insert({
            ...{ id: `run_${n}`, job_id: a, job_name: "a", agent_id: "agent", trigger: "manual", status },
            ...{ scheduled_for: t0, holds_permit: 0, execution_time_ms, attempt: 1, partition: 0, created_at: t0 },
            ...{ iterations: "[]", tool_calls: "[]" }
          })}`
        }
      }).pipe(Effect.provide(layerDatabase(filename)))
      yield* Effect.gen(function* () {
        const totals = yield* RunTotals
        assert.deepStrictEqual(
          [...(yield* totals.ofJobs([a, b]))],
          [
            [a, { runs: 3, failures: 2 }],
            [b, { runs: 0, failures: 0 }]
          ]
        )
        assert.deepStrictEqual(yield* totals.ofService, { jobs: 2, dead_letter_jobs: 1, longest_run_ms: 900 })
      }).pipe(Effect.provide(layerSqlite(filename)))
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("of which no copy can be made is refused, and stays as it is", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const filename = `${yield* fs.makeTempDirectoryScoped()}/data.db`
      const client = layerDatabase(filename)
      const first = Migrator.fromRecord({ "0001_initial": migrations["0001_initial"] })
      yield* Effect.provide(Migrator.make({})({ loader: first }), client)
      yield* fs.makeDirectory(`${filename}.schema1.bak.part`)
      const error = yield* Effect.flip(Effect.provide(Effect.void, layerSqlite(filename)))
      assert.strictEqual(error._tag, "DatabaseNotCopied")
      assert.include(error.message, `as ${filename}.schema1.bak`)
      assert.include(error.message, "the database was not changed")
      assert.deepStrictEqual(yield* Effect.provide(schemas, client), [1])
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("is copied whole or not at all: a disk that is full refuses the start", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const filename = `${yield* fs.makeTempDirectoryScoped()}/data.db`
      const client = layerDatabase(filename)
      const first = Migrator.fromRecord({ "0001_initial": migrations["0001_initial"] })
      yield* Effect.provide(Migrator.make({})({ loader: first }), client)
      const full = Object.assign(new Error("database or disk is full"), { code: "SQLITE_FULL" })
      const failing = Layer.map(client, (context) => {
        const sql = Context.get(context, SqlClient)
        const refusing = new Proxy(sql, {
          apply: (target, self, args) =>
            String(args[0]).includes("VACUUM INTO")
              ? Effect.fail(new SqlError({ cause: full, message: "Failed to execute statement" }))
              : Reflect.apply(target, self, args)
        })
        return Context.add(context, SqlClient, refusing)
      })
      const error = yield* Effect.flip(Effect.provide(Effect.void, Layer.provide(layerOnClient(filename), failing)))
      assert.include(error.message, "disk is full; make room on the disk")
      assert.deepStrictEqual(yield* Effect.provide(schemas, client), [1])
      assert.isFalse(yield* fs.exists(`${filename}.schema1.bak`))
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
