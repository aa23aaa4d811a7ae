import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Migrator from "@effect/sql/Migrator"
import { SqlClient } from "@effect/sql/SqlClient"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { assert, describe, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { FailpointName } from "../../src/Failpoints.ts"
import { migrations } from "../../src/JobStore/Migrations.ts"
import { layerSqlite } from "../../src/JobStore/Sqlite.ts"
import { JobStore } from "../../src/JobStore.ts"
import { ledgerViolations, slotsEvery } from "../../src/Selftest/Ledger.ts"
import { bundled, child } from "../support/Child.ts"

class Service extends Context.Tag("test/Service")<Service, string>() {}

const built = Layer.scoped(Service, bundled("ServiceWithFailpoint.ts")).pipe(Layer.provideMerge(NodeContext.layer))

/** Some failpoints (the kill loop comes to all), and the hit at which the service dies: while runs are in flight and others have ended. */
const deaths: ReadonlyArray<readonly [FailpointName, number]> = [
  ["look.before", 4],
  ["look.written", 3],
  ["look.committed", 3],
  ["finish.before", 3],
  ["outbox.written", 4],
  ["finish.written", 4],
  ["finish.committed", 3],
  ["delivery.before", 3],
  ["delivery.sent", 3],
  ["delivery.committed", 2]
]

const assertWhole = Effect.fnUntraced(function* (name: string) {
  const store = yield* JobStore
  const job = yield* store.findJob(name)
  const { items: runs } = yield* store.listRuns(name, { limit: 1_000 })
  const slots = job.every === undefined ? [Date.parse(job.at ?? "")] : slotsEvery(job.anchor, 1_000, job.next_run ?? 0)
  assert.isAbove(slots.length, 0)
  const deliveries = runs.flatMap(({ deliveries, id }) => deliveries.map((one) => ({ ...one, run_id: id })))
  assert.deepStrictEqual(ledgerViolations({ jobs: [{ ...job, slots }], runs, deliveries }), [])
  for (const run of runs) {
    assert.isNotNull(run.finished_at, `${name}: ${run.status} at the end`)
    assert.isTrue(
      run.attempts.every((attempt) => attempt.outcome !== null),
      `${name}: an attempt was left open`
    )
    const channels = run.status === "succeeded" || run.status === "failed" ? [...job.delivery] : []
    assert.deepStrictEqual(
      run.deliveries.map((delivery) => delivery.channel),
      channels
    )
    assert.isTrue(run.deliveries.every((delivery) => delivery.state === "delivered"))
  }
  return runs
})

layer(built, { timeout: "60 seconds", excludeTestServices: true })("a service killed at a failpoint", (it) => {
  describe.concurrent("goes on where it was", () => {
    for (const [failpoint, hit] of deaths) {
      it.scoped(`${failpoint}, hit ${hit}`, () =>
        Effect.gen(function* () {
          const bundle = yield* Service
          const fs = yield* FileSystem.FileSystem
          const folder = yield* fs.makeTempDirectoryScoped({ prefix: "symbiont-kill-" })
          const killed = yield* Effect.flatMap(child(bundle, folder, failpoint, String(hit)), ({ ended }) => ended)
          assert.strictEqual(killed.signal, "SIGKILL", killed.stderr)
          const second = yield* Effect.flatMap(child(bundle, folder), ({ ended }) => ended)
          assert.strictEqual(second.code, 0, second.stderr)
          yield* Effect.gen(function* () {
            const runs = (yield* Effect.forEach(["quick", "slow", "flaky", "once"], assertWhole)).flat()
            assert.isAbove(runs.filter((run) => run.status === "succeeded").length, 3)
            assert.strictEqual((yield* (yield* JobStore).counts).running, 0)
          }).pipe(Effect.provide(layerSqlite(`${folder}/symbiont.db`)))
        })
      )
    }
  })
})

/** A database as the first versions left it, with a job in it. */
const oldDatabase = (filename: string, versions: number) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const some = Object.fromEntries(Object.entries(migrations).slice(0, versions))
    yield* Migrator.make({})({ loader: Migrator.fromRecord(some) })
    yield* sql`INSERT INTO nodes ${sql.insert({ owner: "node_old", started_at: 1, lease_until: 1 })}`
  }).pipe(Effect.provide(SqliteClient.layer({ filename })))

const schemaIn = (filename: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const tables = yield* sql`SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name`
    const done = yield* sql`SELECT name FROM effect_sql_migrations ORDER BY migration_id`
    return { tables, done }
  }).pipe(Effect.provide(SqliteClient.layer({ filename })))

const newest = Object.keys(migrations).length

/** Failpoints of an upgrade, the hit at which the service dies, and the schema that it found. */
const cutUpgrades: ReadonlyArray<readonly [FailpointName, number, found: number]> = [
  ["migration.before", 1, 0],
  ["migration.statement", 20, 0],
  ["migration.applied", 1, 0],
  ["migration.applied", newest, 0],
  ["migration.before", 1, 1],
  ["migration.applied", 3, 1],
  ["migration.applied", newest - 1, 1],
  ["migration.applied", 1, newest - 2],
  ["migration.committed", 1, 1]
]

layer(built, { timeout: "60 seconds", excludeTestServices: true })("a service killed while it upgrades", (it) => {
  describe.concurrent("leaves nothing half done, and the next one goes on", () => {
    for (const [failpoint, hit, found] of cutUpgrades) {
      it.scoped(`${failpoint}, hit ${hit}, of schema ${found}`, () =>
        Effect.gen(function* () {
          const bundle = yield* Service
          const fs = yield* FileSystem.FileSystem
          const folder = yield* fs.makeTempDirectoryScoped({ prefix: "symbiont-upgrade-" })
          const filename = `${folder}/symbiont.db`
          if (found > 0) yield* oldDatabase(filename, found)
          const before = found > 0 ? yield* schemaIn(filename) : undefined
          const killed = yield* Effect.flatMap(child(bundle, folder, failpoint, String(hit)), ({ ended }) => ended)
          assert.strictEqual(killed.signal, "SIGKILL", killed.stderr)
          if (before !== undefined && failpoint !== "migration.committed") {
            yield* fs.copyFile(filename, `${folder}/copy.db`)
            if (yield* fs.exists(`${filename}-wal`)) yield* fs.copyFile(`${filename}-wal`, `${folder}/copy.db-wal`)
            assert.deepStrictEqual(yield* schemaIn(`${folder}/copy.db`), before)
          }
          yield* Effect.provide(Effect.void, layerSqlite(filename))
          yield* Effect.provide(Effect.void, layerSqlite(`${folder}/fresh.db`))
          assert.deepStrictEqual(yield* schemaIn(filename), yield* schemaIn(`${folder}/fresh.db`))
          if (found > 0) {
            const owners = Effect.flatMap(SqlClient, (sql) => sql`SELECT owner FROM nodes`)
            const kept = yield* Effect.provide(owners, SqliteClient.layer({ filename }))
            assert.deepStrictEqual(kept, [{ owner: "node_old" }])
          }
        })
      )
    }
  })
})
