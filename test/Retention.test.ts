import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { SqlClient } from "@effect/sql/SqlClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { AuditLog } from "../src/AuditLog.ts"
import { Ids } from "../src/Domain/Ids.ts"
import type { StoredJob } from "../src/Domain/Job.ts"
import type { Run } from "../src/Domain/Run.ts"
import { layerDatabase } from "../src/JobStore/Database.ts"
import { layerOnClient } from "../src/JobStore/Sqlite.ts"
import { JobStore } from "../src/JobStore.ts"
import { Jobs } from "../src/Jobs.ts"
import { Retention, RetentionStore } from "../src/Retention.ts"
import { RunLogs } from "../src/RunLogs.ts"
import { SessionDesk, SessionStore, Sessions } from "../src/Sessions.ts"
import { Settings } from "../src/Settings.ts"
import { storeInFile, testSettings } from "../src/testing.ts"
import { Explanations } from "../src/Why.ts"
import {
  finish,
  insert,
  jobId,
  look,
  minutely,
  newRun,
  nthJob,
  runsOf as storedRunsOf,
  success,
  t0
} from "./JobStore/fixtures.ts"
import { audited } from "./support/Audit.ts"
import { create, engine, hour, minute, runsOf, until } from "./support/Engine.ts"

const day = 24 * hour
const week = 7 * day

/** Upkeep alone, on a database in memory; runs and sessions are kept for a week. */
const upkeep = Retention.Default.pipe(
  Layer.provideMerge(Layer.mergeAll(Sessions.Default, RunLogs.Default)),
  Layer.provideMerge(layerOnClient(":memory:").pipe(Layer.orDie)),
  Layer.provideMerge(layerDatabase(":memory:").pipe(Layer.orDie)),
  Layer.provideMerge(testSettings({ scheduler: { retention: { runs: "7d", sessions: "7d" } } })),
  Layer.provideMerge(Ids.Default),
  Layer.provideMerge(NodeContext.layer)
)

const pass = Effect.flatMap(Retention, (retention) => retention.pass)

/** Lets the clock go on to an instant, looked at every six hours, and gives what was deleted on the way. */
const live = (to: number) =>
  Effect.gen(function* () {
    let removed = 0
    let now = yield* TestClock.currentTimeMillis
    while (now < to) {
      now = Math.min(to, now + 6 * hour)
      yield* TestClock.setTime(now)
      removed += (yield* pass).runs
    }
    return removed
  })

/** Runs the due slots of all jobs at an instant. */
const runSlots = (now: number, change: Parameters<typeof success>[0] = {}) =>
  Effect.gen(function* () {
    const { started } = yield* look({
      now,
      plan: (job) => ({ ...minutely(job), runs: [newRun({ scheduled_for: now })] })
    })
    const settlement = success({ ...change, run: { ...success().run, finished_at: now } })
    yield* Effect.forEach(started, ({ run }) => finish(run, settlement, now))
    return started.map(({ run }) => run)
  })

const start = Effect.zipRight(TestClock.setTime(t0), pass)

const isThere = (run: Run | undefined) =>
  Effect.flatMap(JobStore, (store) => Effect.isSuccess(store.findRun(run?.id ?? "")))

const counted = (table: string) =>
  Effect.flatMap(SqlClient, (sql) => Effect.map(sql`SELECT count(*) AS n FROM ${sql(table)}`, ([row]) => row?.["n"]))

describe("retention", () => {
  it.scoped("deletes ended runs once they are too old, with all that belongs to them, but for a job's latest", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const logs = yield* RunLogs
      yield* start
      yield* insert(nthJob(1), nthJob(2, { next_run: t0 + 60_000 }))
      const [first] = yield* runSlots(t0)
      const logged = first?.id ?? assert.fail("no run")
      yield* logs.append(logged, "hello")
      yield* logs.end(logged)
      const [second, other] = yield* runSlots(t0 + 60_000)
      const folder = `${(yield* Settings).data_dir}/logs/runs`
      assert.strictEqual((yield* fs.readDirectory(folder)).length, 1)
      assert.strictEqual(yield* live(t0 + week), 0)
      assert.strictEqual(yield* live(t0 + 2 * week), 1)
      assert.deepStrictEqual(yield* Effect.forEach([first, second, other], isThere), [false, true, true])
      assert.strictEqual((yield* fs.readDirectory(folder)).length, 0)
      assert.strictEqual(yield* counted("attempts"), 2)
      const store = yield* RetentionStore
      assert.deepStrictEqual(yield* store.prunedTo(jobId(1)), { slot: t0, beyond_keep_runs: null })
      assert.isNull(yield* store.prunedTo(jobId(2)))
    }).pipe(Effect.provide(upkeep))
  )

  it.scoped("spares what lives, what is to be delivered, and what a key or a reservation refers to", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      const store = yield* JobStore
      yield* start
      yield* insert(nthJob(1, { max_concurrent: 9 }))
      const [pending] = yield* runSlots(t0, { deliveries: [{ channel: "stdout", kind: "output" }] })
      const [delivered] = yield* runSlots(t0 + 60_000, { deliveries: [{ channel: "stdout", kind: "output" }] })
      const [reserved] = yield* runSlots(t0 + 120_000)
      const { started: running } = yield* look({ now: t0 + 180_000 })
      const keyed = yield* store.insertManualRun(
        "job-1",
        t0 + 2 * week,
        () => Either.right(newRun({ trigger: "manual", status: "cancelled", holds_permit: false })),
        { key: "k", hash: "h" }
      )
      yield* sql`UPDATE runs SET finished_at = ${t0} WHERE id = ${keyed.id}`
      yield* runSlots(t0 + 240_000)
      yield* sql`UPDATE deliveries SET state = 'delivered' WHERE run_id = ${delivered?.id ?? ""}`
      yield* sql`INSERT INTO budget_reserved ${sql.insert({
        run_id: reserved?.id ?? "",
        owner: "service",
        span: "total",
        tokens: 1,
        cost_usd: 0
      })}`
      yield* live(t0 + 2 * week)
      assert.deepStrictEqual(yield* Effect.forEach([pending, delivered, reserved, running[0]?.run, keyed], isThere), [
        true,
        false,
        true,
        true,
        true
      ])
      // A day later the key is forgotten.
      yield* live(t0 + 2 * week + day + hour)
      assert.isFalse(yield* isThere(keyed))
    }).pipe(Effect.provide(upkeep))
  )

  it.scoped("keeps as many ended runs of a job as its keep_runs says, however young the others are", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(t0)
      yield* insert(nthJob(1, { keep_runs: 3 }), nthJob(2))
      for (let n = 0; n < 8; n++) yield* runSlots(t0 + n * 60_000)
      assert.deepStrictEqual(yield* pass, { runs: 5, sessions: 0, archived: 0 })
      assert.deepStrictEqual(
        (yield* storedRunsOf("job-1")).map((run) => (run.scheduled_for - t0) / 60_000),
        [7, 6, 5]
      )
      assert.strictEqual((yield* storedRunsOf("job-2")).length, 8)
    }).pipe(Effect.provide(upkeep))
  )

  it.scoped("counts among them those that woke the agent; what was skipped between older ones goes with them", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(t0)
      yield* insert(nthJob(1, { keep_runs: 2 }))
      const statuses = [
        "succeeded",
        "skipped",
        "failed",
        "skipped",
        "denied",
        "succeeded",
        "skipped",
        "skipped"
      ] as const
      const sql = yield* SqlClient
      for (const [n, status] of statuses.entries()) {
        yield* runSlots(t0 + n * 60_000)
        yield* sql`UPDATE runs SET status = ${status} WHERE scheduled_for = ${t0 + n * 60_000}`
      }
      yield* pass
      assert.deepStrictEqual(
        (yield* storedRunsOf("job-1")).map(({ status }) => status),
        statuses.slice(2).toReversed()
      )
      const { slot } = (yield* (yield* RetentionStore).prunedTo(jobId(1))) ?? { slot: 0 }
      assert.strictEqual(slot, t0 + 60_000)
    }).pipe(Effect.provide(upkeep))
  )

  it.scoped("keeps those that were made last, not those of a clock that was ahead", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* TestClock.setTime(t0)
      yield* insert(nthJob(1, { keep_runs: 2 }))
      for (let n = 0; n < 4; n++) yield* runSlots(t0 + n * 60_000)
      // As if the first two had been made next year.
      yield* sql`PRAGMA foreign_keys = OFF`
      yield* sql`UPDATE runs SET id = 'run_7' || substr(id, 6), finished_at = finished_at + ${365 * day},
        created_at = created_at + ${365 * day} WHERE scheduled_for < ${t0 + 120_000}`
      yield* pass
      const left = yield* sql`SELECT scheduled_for FROM runs ORDER BY scheduled_for`
      assert.deepStrictEqual(
        left.map((row) => (Number(row["scheduled_for"]) - t0) / 60_000),
        [2, 3]
      )
    }).pipe(Effect.provide(upkeep))
  )

  it.scoped("works in batches through more than one of them", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient
      yield* start
      yield* insert(nthJob(1), nthJob(2, { keep_runs: 1 }))
      yield* runSlots(t0)
      for (const n of [1, 2]) {
        yield* sql`INSERT INTO runs SELECT * FROM (WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 1200)
          SELECT 'run_' || printf('%026d', ${n} * 10000 + n) AS id, job_id, job_name, agent_id, 'manual' AS trigger, status, scheduled_for,
            start_at, next_attempt_at, ready_at, holds_permit, started_at, finished_at, execution_time_ms, attempt, owner,
            partition, input, error_message, reason, decision, session_id, stop_reason, usage, missed_count, missed_from,
            missed_to, created_at, iterations, tool_calls, output, requested_by, approval_id, evaluations, context_bytes, saved, iteration_count
          FROM runs, many WHERE job_id = ${jobId(n)} AND id NOT LIKE 'run_00000%')`
      }
      assert.strictEqual(yield* live(t0 + hour), 1_200)
      assert.strictEqual(yield* live(t0 + week + day), 1_200)
      assert.strictEqual(yield* counted("runs"), 2)
    }).pipe(Effect.provide(upkeep))
  )

  it.scoped("waits a day when the clock was set ahead: a year at once wipes nothing", () =>
    Effect.gen(function* () {
      yield* start
      yield* insert(nthJob(1))
      for (let n = 0; n < 4; n++) yield* runSlots(t0 + n * 60_000)
      yield* live(t0 + 2 * day)
      yield* TestClock.setTime(t0 + 365 * day)
      assert.deepStrictEqual(yield* pass, { runs: 0, sessions: 0, archived: 0 })
      assert.strictEqual(yield* live(t0 + 365 * day + 23 * hour), 0)
      // Found out in time, and set back.
      yield* TestClock.setTime(t0 + 3 * day)
      assert.strictEqual(yield* live(t0 + 5 * day), 0)
      assert.strictEqual((yield* storedRunsOf("job-1")).length, 4)
      assert.strictEqual(yield* live(t0 + 8 * day), 3)
    }).pipe(Effect.provide(upkeep))
  )

  it.scoped("deletes idle shared sessions and archives with their folders, but none that a run uses", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const ids = yield* Ids
      const sessions = yield* SessionStore
      yield* start
      const mode = { session_mode: "shared_persistent" as const }
      yield* insert(nthJob(1, mode), nthJob(2, mode), nthJob(3, { ...mode, next_run: null }))
      const root = `${(yield* Settings).data_dir}/sessions`
      const { started } = yield* look({ now: t0 })
      for (const { job, run } of started) {
        const id = yield* ids.session
        yield* fs.makeDirectory(`${root}/${id}`, { recursive: true })
        const turns = [{ role: "user" as const, text: "hi" }]
        const session = { id, job_id: job.id, turns, dropped: turns, created_at: t0, updated_at: t0 }
        yield* finish(run, success({ session }), t0)
      }
      yield* look({
        now: t0 + 60_000,
        plan: (job: StoredJob) => ({
          ...minutely(job),
          next_run: null,
          runs: job.name === "job-2" ? minutely(job).runs : []
        })
      })
      assert.strictEqual((yield* fs.readDirectory(root)).length, 2)
      assert.deepInclude(yield* sessions.describe("job-1"), { turns: 1, archived_bytes: 2 })
      yield* live(t0 + 8 * day)
      assert.deepInclude(yield* sessions.describe("job-1"), { turns: 0, archived_bytes: 4 })
      yield* live(t0 + 3 * week)
      assert.deepInclude(yield* sessions.describe("job-1"), { turns: 0, archived_bytes: 0 })
      assert.deepInclude(yield* sessions.describe("job-2"), { turns: 1, archived_bytes: 0 })
      assert.strictEqual((yield* fs.readDirectory(root)).length, 1)
    }).pipe(Effect.provide(upkeep))
  )

  it.scoped("keeps the session of a job that seldom runs", () =>
    Effect.gen(function* () {
      const ids = yield* Ids
      const sessions = yield* SessionStore
      yield* start
      yield* insert(nthJob(1, { session_mode: "shared_persistent" }))
      const { started } = yield* look({ now: t0, plan: (job) => ({ ...minutely(job), next_run: t0 + 31 * day }) })
      for (const { job, run } of started) {
        const turns = [{ role: "user" as const, text: "hi" }]
        const session = { id: yield* ids.session, job_id: job.id, turns, created_at: t0, updated_at: t0 }
        yield* finish(run, success({ session }), t0)
      }
      yield* live(t0 + 4 * week)
      assert.deepInclude(yield* sessions.describe("job-1"), { turns: 1, archived_bytes: 0 })
    }).pipe(Effect.provide(upkeep))
  )

  it.scoped("deletes all of a job that was deleted, and then the job", () =>
    Effect.gen(function* () {
      const store = yield* JobStore
      yield* start
      yield* insert(nthJob(1), nthJob(2))
      const runs = yield* runSlots(t0)
      yield* store.deleteJob("job-1", t0, () => ({ audit: { type: "CronJobDeleted", actor: "test" } }))
      yield* live(t0 + 2 * week)
      assert.deepStrictEqual(yield* Effect.forEach(runs, isThere), [false, true])
      assert.strictEqual(yield* counted("jobs"), 1)
      assert.strictEqual(yield* counted("runs_pruned"), 0)
    }).pipe(Effect.provide(upkeep))
  )
})

describe("an engine with a short retention (row 185)", () => {
  it.effect("forgets old runs and idle sessions, keeps its ledger within, and says so when asked why", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const desk = yield* SessionDesk
      const explanations = yield* Explanations
      yield* create({ name: "often", every: "10m" })
      yield* create({ name: "talk", every: "10m", session_mode: "shared_persistent", input: "go" })
      yield* until(2 * hour)
      yield* jobs.pause("talk", "test")
      assert.strictEqual((yield* desk.get("talk")).turns, 24)
      yield* until(27 * hour)
      // The clock of a test does not wait for a pass that works with files.
      const left = Effect.all([runsOf("often"), desk.get("talk")])
      const [often] = yield* Effect.zipRight(TestClock.adjust("10 minutes"), left).pipe(
        Effect.repeat({
          until: ([[oldest], { archived_bytes, id }]) =>
            (oldest?.scheduled_for ?? 0) >= 24 * hour && id === null && archived_bytes === 0
        })
      )
      const slots = often.map((run) => run.scheduled_for)
      const [oldest = 0] = slots
      assert.deepStrictEqual(
        slots,
        slots.map((_, n) => oldest + n * 10 * minute)
      )
      assert.isAtLeast(slots.at(-1) ?? 0, oldest + 2 * hour)
      assert.strictEqual((yield* runsOf("talk")).length, 1)
      assert.deepInclude(yield* desk.get("talk"), { turns: 0, id: null, archived_bytes: 0 })
      const pruned = yield* explanations.job("often", "1970-01-01T02:00:00Z")
      assert.include(pruned.answer, "was deleted for its age")
      assert.include((yield* explanations.job("often", "1970-01-02T02:00:00Z")).answer, "It ran and succeeded")
      assert.isTrue((yield* (yield* AuditLog).verify()).ok)
      assert.isAbove((yield* audited({ type: "CronJobExecuted", limit: 1_000 })).length, 160)
    }).pipe(
      Effect.provide(
        engine(
          { agent: () => Effect.succeed({ output: "ok" }) },
          { scheduler: { retention: { runs: "2h", sessions: "2h" } } }
        )
      )
    )
  )
})

describe("a clock that was ahead before the last stop", () => {
  it.effect("leaves the runs made since as the newest, by their ids too", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const store = storeInFile(`${yield* fs.makeTempDirectoryScoped()}/data.db`)
      const runtime = engine({ agent: () => Effect.succeed({ output: "ok" }) }, { store })
      yield* TestClock.setTime(30 * hour)
      yield* Effect.zipRight(create({ name: "k", every: "1h", keep_runs: 3 }), until(35 * hour)).pipe(
        Effect.provide(runtime)
      )
      yield* TestClock.setTime(hour)
      yield* Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* until(2 * hour + minute)
        const { id } = yield* jobs.runNow("k", { actor: "test" })
        const { items } = yield* jobs.history("k", { limit: 1_000 })
        assert.strictEqual(items[0]?.id, id)
        yield* until(8 * hour + minute)
        const left = yield* runsOf("k")
        assert.isTrue(left.every(({ scheduled_for }) => scheduled_for < 30 * hour))
      }).pipe(Effect.provide(runtime))
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )
})

describe("slots that keep_runs deleted", () => {
  it.effect("are said to be so by why, and taken for done by a backfill unless all are asked for", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const explanations = yield* Explanations
      yield* create({ name: "few", every: "10m", keep_runs: 2 })
      yield* until(2 * hour + minute)
      const left = yield* Effect.zipRight(TestClock.adjust("1 minute"), runsOf("few")).pipe(
        Effect.repeat({ until: ({ length }) => length < 5 })
      )
      const [oldest] = left
      const told = yield* explanations.job("few", "1970-01-01T00:30:00Z")
      assert.include(told.answer, "was deleted as newer ones came (keep_runs of the job)")
      const range = { from: "1970-01-01T00:00:00Z", to: "1970-01-01T02:01:00Z", dry_run: true }
      const asked = yield* jobs.backfill("few", range, "test")
      assert.strictEqual(asked.slots, 12)
      assert.deepStrictEqual(
        [asked.already, asked.pruned, asked.runs],
        [12, (oldest?.scheduled_for ?? 0) / (10 * minute) - 1, []]
      )
      const all = yield* jobs.backfill("few", { ...range, all: true }, "test")
      assert.deepStrictEqual([all.already, all.pruned, all.runs.length], [0, 0, 12])
    }).pipe(Effect.provide(engine({ agent: () => Effect.succeed({ output: "ok" }) })))
  )
})
