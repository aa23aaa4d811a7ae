import * as Migrator from "@effect/sql/Migrator"
import { SqlClient } from "@effect/sql/SqlClient"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { migrations } from "../../src/JobStore/Migrations.ts"

const before = Object.fromEntries(Object.entries(migrations).filter(([name]) => name < "0015"))

const add = Effect.fnUntraced(function* (id: string, definition: string) {
  const sql = yield* SqlClient
  yield* sql`INSERT INTO jobs ${sql.insert({
    ...{ id, name: id, agent_id: "agent", status: "active", partition: 0, definition, failure_count: 0 },
    ...{ anchor: 0, version: 1, created_at: 0, updated_at: 0, defined_by: "test", all_clears: 0 }
  })}`
})

const labelled = Effect.flatMap(SqlClient, (sql) => sql`SELECT label, job_id FROM job_labels ORDER BY job_id, label`)

const planOf = (query: string) =>
  Effect.flatMap(SqlClient, (sql) =>
    Effect.map(sql.unsafe<Record<string, unknown>>(`EXPLAIN QUERY PLAN ${query}`), (rows) =>
      rows.map((row) => String(row["detail"])).join("; ")
    )
  )

describe("the indexes of lists", () => {
  it.scoped("the labels of jobs are those that their definitions name, of old jobs too", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* Migrator.make({})({ loader: Migrator.fromRecord(before) })
      yield* add("a", `{"labels":["red","blue","red"]}`)
      yield* add("b", "no JSON")
      yield* Migrator.make({})({ loader: Migrator.fromRecord(migrations) })
      yield* add("c", `{"labels":["red"]}`)
      yield* add("d", "{}")
      const [blueA, redA, redC] = [
        { label: "blue", job_id: "a" },
        { label: "red", job_id: "a" },
        { label: "red", job_id: "c" }
      ]
      assert.deepStrictEqual(yield* labelled, [blueA, redA, redC])
      yield* sql`UPDATE jobs SET definition = '{"labels":["green"]}' WHERE id = 'c'`
      assert.deepStrictEqual(yield* labelled, [blueA, redA, { label: "green", job_id: "c" }])
      yield* sql`UPDATE jobs SET deleted_at = 5 WHERE id = 'a'`
      yield* sql`DELETE FROM jobs WHERE id = 'c'`
      assert.deepStrictEqual(yield* labelled, [])
    }).pipe(Effect.provide(SqliteClient.layer({ filename: ":memory:" })))
  )

  it.scoped("lead to what lists ask for", () =>
    Effect.gen(function* () {
      yield* Migrator.make({})({ loader: Migrator.fromRecord(migrations) })
      const open = "state IN ('pending', 'failed', 'dead') AND state = 'pending'"
      const plans = {
        jobs_agent_status: `SELECT * FROM jobs WHERE deleted_at IS NULL AND status = 'paused' AND agent_id = 'a' ORDER BY id`,
        deliveries_state: `SELECT * FROM deliveries WHERE ${open} ORDER BY id DESC`,
        deliveries_channel: "SELECT * FROM deliveries WHERE channel = 'slack' ORDER BY id DESC"
      }
      for (const [index, query] of Object.entries(plans)) {
        const plan = yield* planOf(query)
        assert.include(plan, index)
        assert.notInclude(plan, "TEMP B-TREE")
      }
    }).pipe(Effect.provide(SqliteClient.layer({ filename: ":memory:" })))
  )
})
