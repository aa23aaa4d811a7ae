import * as NodeContext from "@effect/platform-node/NodeContext"
import { SqlClient } from "@effect/sql/SqlClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { layerDatabase, StatementListener } from "../../src/JobStore/Database.ts"
import { layerOnClient } from "../../src/JobStore/Sqlite.ts"
import { makeRecurrences } from "../../src/Scheduler/Recurrences.ts"
import { makeSlotPlanner } from "../../src/Scheduler/SlotPlanner.ts"
import { Settings } from "../../src/Settings.ts"
import { testSettings } from "../../src/testing.ts"
import { finish, insert, jobId, look, manual, nthJob, success, t0 } from "./fixtures.ts"

const minute = 60_000

/** Fails the n-th read (from 0) of what runs of a job are live, perhaps after SQLite has undone the transaction. */
const failing = (nth: number, undo: boolean) => {
  let reads = 0
  let armed = true
  const run: { sql?: SqlClient } = {}
  const listening = Layer.succeed(StatementListener, (text: string) => {
    if (!armed || !text.startsWith("SELECT id, holds_permit, trigger FROM runs") || reads++ !== nth) return
    armed = false
    if (undo && run.sql !== undefined) Effect.runSync(run.sql.unsafe("ROLLBACK"))
    throw Object.assign(new Error("disk I/O error"), { code: "SQLITE_IOERR_READ" })
  })
  const store = layerOnClient(":memory:").pipe(
    Layer.provideMerge(layerDatabase(":memory:")),
    Layer.provide(listening),
    Layer.orDie
  )
  return { run, store }
}

const store = layerOnClient(":memory:").pipe(Layer.provideMerge(layerDatabase(":memory:")), Layer.orDie)

const planner = Effect.map(Settings, ({ scheduler }) => makeSlotPlanner(scheduler, makeRecurrences("UTC"))).pipe(
  Effect.provide(testSettings().pipe(Layer.provide(NodeContext.layer)))
)

const everyMinute = (): ReturnType<typeof nthJob> => {
  const { every: _, ...job } = nthJob(1, { next_run: t0, anchor: t0 - minute })
  return { ...job, cron_expr: "* * * * *" }
}

describe("a look", () => {
  it.effect("that meets a failing read sets no job aside, and finds them all the next time", () => {
    const { store } = failing(0, false)
    return Effect.gen(function* () {
      yield* insert(nthJob(1), nthJob(2))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(look())))
      const again = yield* look()
      assert.deepStrictEqual([again.started.length, again.quarantined.length], [2, 0])
    }).pipe(Effect.provide(store))
  })

  it.effect("in which SQLite undoes the transaction leaves nothing half done, nor does what shares it", () => {
    const { run, store } = failing(1, true)
    return Effect.gen(function* () {
      const sql = yield* SqlClient
      run.sql = sql
      yield* insert(nthJob(1), nthJob(2), nthJob(3, { next_run: null }))
      const [seen, byHand] = yield* Effect.all([Effect.exit(look()), Effect.exit(manual("job-3"))], {
        concurrency: "unbounded"
      })
      const rows = yield* sql<{ readonly trigger: string; readonly status: string }>`SELECT trigger, status FROM runs`
      const running = Exit.isSuccess(seen) ? seen.value.started.length : 0
      assert.strictEqual(rows.filter(({ status }) => status === "running").length, running)
      assert.strictEqual(rows.filter(({ trigger }) => trigger === "manual").length, Exit.isSuccess(byHand) ? 1 : 0)
      assert.deepStrictEqual(yield* sql`SELECT id FROM jobs WHERE quarantined IS NOT NULL`, [])
    }).pipe(Effect.provide(store))
  })

  it.effect("numbers an attempt after those that are stored, whatever the run's row says", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* insert(nthJob(1, { next_run: null }), nthJob(2, { next_run: null }))
      const asked = yield* manual("job-1")
      const [first] = (yield* look()).started
      if (first === undefined) return assert.fail("nothing was started")
      yield* finish(first.run, {
        ...success(),
        attempt: { outcome: "failed", failure: "transient", error_message: "x" },
        run: { status: "pending", next_attempt_at: t0 + minute },
        job: {}
      })
      yield* sql`UPDATE runs SET attempt = 0 WHERE id = ${asked.id}`
      const [second] = (yield* look({ now: t0 + 2 * minute })).started
      assert.strictEqual(second?.attempt.number, 2)
    }).pipe(Effect.provide(store))
  )

  it.effect("gives no place to a slot that has its row already", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const plan = yield* planner
      yield* insert(everyMinute())
      yield* look()
      yield* sql`UPDATE runs SET status = 'succeeded', finished_at = 1, ready_at = NULL`
      yield* sql`UPDATE jobs SET next_run = ${t0} WHERE id = ${jobId(1)}`
      const now = t0 + minute
      const { started } = yield* look({ now, plan: (job, live) => plan(job, live, now) })
      assert.deepStrictEqual(
        started.map(({ run }) => run.scheduled_for),
        [t0 + minute]
      )
    }).pipe(Effect.provide(store))
  )

  it.effect("gives each gap among slots that have their rows a row of its own, however many those are", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const plan = yield* planner
      yield* insert(everyMinute())
      yield* look()
      const gaps = new Set([500, 501, 1_100, 1_101])
      const [shape] = yield* sql<Record<string, unknown>>`SELECT * FROM runs`
      for (let slot = 1; slot < 1_200; slot++) {
        if (gaps.has(slot)) continue
        yield* sql`INSERT INTO runs ${sql.insert({
          ...(shape as Record<string, string>),
          id: `run_${String(slot).padStart(26, "0")}`,
          status: "succeeded",
          scheduled_for: t0 + slot * minute
        })}`
      }
      yield* sql`UPDATE runs SET status = 'succeeded', owner = NULL`
      yield* sql`UPDATE jobs SET next_run = ${t0} WHERE id = ${jobId(1)}`
      const now = t0 + 1_210 * minute
      yield* look({ now, plan: (job, live) => plan(job, live, now) })
      const missed = yield* sql<{ readonly from: number; readonly to: number }>`SELECT missed_from AS "from",
        missed_to AS "to" FROM runs WHERE status = 'missed' ORDER BY missed_from`
      assert.deepStrictEqual(
        missed.slice(0, 2).map(({ from, to }) => [(from - t0) / minute, (to - t0) / minute]),
        [
          [500, 501],
          [1_100, 1_101]
        ]
      )
    }).pipe(Effect.provide(store))
  )
})
