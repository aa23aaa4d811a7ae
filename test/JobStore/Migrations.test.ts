import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Migrator from "@effect/sql/Migrator"
import { SqlClient } from "@effect/sql/SqlClient"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { migrations } from "../../src/JobStore/Migrations.ts"
import { layerSqlite } from "../../src/JobStore/Sqlite.ts"
import { JobStore } from "../../src/JobStore.ts"
import { me, other, t0 } from "./fixtures.ts"

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
      }).pipe(Effect.provide(SqliteClient.layer({ filename })))
      yield* Effect.gen(function* () {
        const store = yield* JobStore
        assert.isNull(yield* store.registerNode(me, t0 + 1, t0 + 2), "a node of that version was never seen")
        assert.strictEqual(yield* store.registerNode(other, t0 + 3, t0 + 4), t0 + 1)
      }).pipe(Effect.provide(layerSqlite(filename)))
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
