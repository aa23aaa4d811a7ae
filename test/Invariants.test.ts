import * as NodeContext from "@effect/platform-node/NodeContext"
import { SqlClient } from "@effect/sql/SqlClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import { AgentRuntime } from "../src/Agents.ts"
import { AuditCheckpoints } from "../src/AuditLog.ts"
import { AgentId } from "../src/Domain/Agent.ts"
import type { AuditCheckpoint } from "../src/Domain/Audit.ts"
import { DurationText } from "../src/Domain/Duration.ts"
import type { Finding, HealthCheck } from "../src/Domain/Health.ts"
import { Invariants } from "../src/Invariants.ts"
import { layerDatabase } from "../src/JobStore/Database.ts"
import { layerOnClient } from "../src/JobStore/Sqlite.ts"
import { JobStore } from "../src/JobStore.ts"
import { Metrics, makeMetrics, recordRun, recordSpent } from "../src/Observability.ts"
import { BootIdentity, SchedulerStatus } from "../src/Scheduler.ts"
import { testSettings } from "../src/testing.ts"
import { nodeAgent } from "./Agents/fixtures.ts"
import { finish, insert, look, me, nthJob, other, success, t0 } from "./JobStore/fixtures.ts"

const minute = 60_000

const settings = testSettings({ scheduler: { max_concurrent_jobs: 10 } }).pipe(Layer.provide(NodeContext.layer))

/** The scanner over a store that nobody works on; it started an hour before `t0`. */
const scanner = (
  scheduler: {
    readonly alive?: boolean | Effect.Effect<boolean>
    readonly lastFull?: Effect.Effect<number>
    readonly startedAt?: number
  } = {},
  newest: Effect.Effect<AuditCheckpoint | undefined> = Effect.succeed(undefined)
) => {
  const { alive = true, lastFull = Effect.succeed(0), startedAt = t0 - 60 * minute } = scheduler
  return Invariants.layer.pipe(
    Layer.provideMerge(layerOnClient(":memory:").pipe(Layer.provideMerge(layerDatabase(":memory:")), Layer.orDie)),
    Layer.provide(
      Layer.mock(AgentRuntime, {
        list: Effect.succeed([{ ...nodeAgent(""), id: AgentId.make("known") }]),
        estimate: () => null
      })
    ),
    Layer.provide(Layer.mock(AuditCheckpoints, { make: Effect.die("unused"), newest })),
    Layer.provide(
      Layer.succeed(SchedulerStatus, {
        inFlight: Effect.succeed(0),
        lastFull,
        loopAlive: typeof alive === "boolean" ? Effect.succeed(alive) : alive
      })
    ),
    Layer.provide(Layer.succeed(BootIdentity, BootIdentity.make({ id: me, started_at: startedAt }))),
    Layer.provideMerge(settings)
  )
}

/** Starts a scanner at `t0`: a clock that moved there later would let it scan all the years since 1970. */
const scanning =
  (...of: Parameters<typeof scanner>) =>
  <A, E>(
    body: Effect.Effect<A, E, Layer.Layer.Success<ReturnType<typeof scanner>>>
  ): Effect.Effect<A, E | Layer.Layer.Error<ReturnType<typeof scanner>>> =>
    Effect.zipRight(TestClock.setTime(t0), Effect.provide(body, scanner(...of)))

const scanAt = (now: number) =>
  Effect.zipRight(
    TestClock.setTime(now),
    Effect.flatMap(Invariants, ({ scan }) => scan)
  )

/** What a scan at an instant finds that one 15 s before found, too. */
const findAt = (now: number) => Effect.zipRight(scanAt(now - 15_000), scanAt(now))

const of = (findings: ReadonlyArray<Finding>, check: HealthCheck): Finding | undefined =>
  findings.find((one) => one.check === check)

const change = (statement: string) => Effect.flatMap(SqlClient, (sql) => sql.unsafe(statement))

const registered = Effect.flatMap(JobStore, (store) => store.registerNode(me, t0, t0 + 30_000))

/** Two of three due jobs run, as one that was started and not ended. */
const started = Effect.gen(function* () {
  yield* insert(...[0, 1, 2].map((n) => nthJob(n)))
  return (yield* look({ permits: 2 })).started.map(({ run }) => run)
})

describe("the scanner", () => {
  it.effect("finds nothing in a store as it should be", () =>
    Effect.gen(function* () {
      yield* registered
      const [run] = yield* started
      yield* finish(run ?? assert.fail("nothing started"))
      assert.deepStrictEqual(yield* findAt(t0 + 10_000), [])
    }).pipe(scanning())
  )

  it.effect("finds jobs past their time, by name", () =>
    Effect.gen(function* () {
      yield* insert(nthJob(1), nthJob(2, { status: "paused" }), nthJob(3, { next_run: t0 + 30 * minute }))
      assert.isUndefined(of(yield* findAt(t0 + 20_000), "overdue_job"))
      const found = of(yield* findAt(t0 + 2 * minute), "overdue_job")
      assert.deepInclude(found, { severity: "error", count: 1, examples: ["job-1"] })
      assert.include(found?.message, "1 active jobs are past their time")
      assert.include(found?.next_step, "symbi why")
    }).pipe(scanning())
  )

  it.effect("lets a service that has just started deal with what it finds", () =>
    Effect.gen(function* () {
      yield* insert(nthJob(1))
      assert.deepStrictEqual(yield* findAt(t0 + 2 * minute), [])
    }).pipe(scanning({ startedAt: t0 + 2 * minute - 5_000 }))
  )

  it.effect("says that the dispatcher stopped, not what follows from it", () =>
    Effect.gen(function* () {
      yield* insert(nthJob(1))
      const found = yield* findAt(t0 + 2 * minute)
      assert.deepStrictEqual(
        found.map(({ check, severity }) => [check, severity]),
        [["dispatcher_stopped", "error"]]
      )
    }).pipe(scanning({ alive: false }))
  )

  it.effect("finds running runs of owners that live no more, and its own once its lease ran out", () =>
    Effect.gen(function* () {
      yield* registered
      const runs = yield* started
      assert.isUndefined(of(yield* findAt(t0 + 20_000), "stale_lease"))
      assert.strictEqual(of(yield* findAt(t0 + 50_000), "stale_lease")?.count, 2)
      yield* Effect.flatMap(JobStore, (store) => store.renewLease(me, t0, t0 + 10 * minute))
      assert.isUndefined(of(yield* findAt(t0 + 70_000), "stale_lease"))
      yield* change(`UPDATE runs SET owner = '${other}' WHERE id = '${runs[0]?.id}'`)
      assert.deepStrictEqual(of(yield* findAt(t0 + 90_000), "stale_lease")?.examples, [runs[0]?.id ?? ""])
    }).pipe(scanning())
  )

  it.effect("finds runs that should have been stopped, by the limit of their job", () =>
    Effect.gen(function* () {
      yield* insert(nthJob(1, { policy: { max_runtime: "5m" } } as never), nthJob(2), nthJob(3))
      yield* Effect.flatMap(JobStore, (store) => store.registerNode(me, t0, t0 + 24 * 60 * minute))
      const runs = (yield* look({ permits: 2 })).started.map(({ run }) => run)
      const ofJob = (name: string) => runs.find((run) => run.job_name === name)?.id
      assert.isUndefined(of(yield* findAt(t0 + 6 * minute), "run_too_long"))
      assert.deepStrictEqual(of(yield* findAt(t0 + 8 * minute), "run_too_long")?.examples, [ofJob("job-1") ?? ""])
      // The service's own default is an hour.
      assert.strictEqual(of(yield* findAt(t0 + 63 * minute), "run_too_long")?.count, 2)
    }).pipe(scanning())
  )

  it.effect("does not judge a run by a limit that came after its start", () =>
    Effect.gen(function* () {
      const limit = { max_runtime: DurationText.make("1m") }
      yield* insert(nthJob(1, limit), nthJob(2, { ...limit, updated_at: t0 + minute }))
      yield* Effect.flatMap(JobStore, (store) => store.registerNode(me, t0, t0 + 24 * 60 * minute))
      const runs = (yield* look()).started.map(({ run }) => run)
      const found = of(yield* findAt(t0 + 10 * minute), "run_too_long")
      assert.deepStrictEqual(found?.examples, [runs.find((run) => run.job_name === "job-1")?.id ?? ""])
    }).pipe(scanning())
  )

  it.effect("finds runs that wait while there is room, but not while there is none", () =>
    Effect.gen(function* () {
      yield* started
      assert.strictEqual(of(yield* findAt(t0 + 2 * minute), "run_not_started")?.count, 1)
    }).pipe(scanning())
  )

  it.effect("takes runs that wait for room for what they are, though there is room as it looks", () =>
    Effect.gen(function* () {
      const lastFull = yield* Ref.make(t0 + 2 * minute - 1_000)
      yield* Effect.gen(function* () {
        yield* started
        assert.isUndefined(of(yield* findAt(t0 + 2 * minute), "run_not_started"))
        assert.isUndefined(of(yield* scanAt(t0 + 2.1 * minute), "run_not_started"), "room, but not for long")
        assert.strictEqual(of(yield* scanAt(t0 + 2.5 * minute), "run_not_started")?.count, 1)
        yield* Ref.set(lastFull, t0 + 2.5 * minute)
        assert.isUndefined(of(yield* scanAt(t0 + 2.75 * minute), "run_not_started"))
      }).pipe(scanning({ lastFull: Ref.get(lastFull) }))
    })
  )

  it.effect("a process that was stopped for a while does not take what is late for stuck", () =>
    Effect.gen(function* () {
      const alive = yield* Ref.make(true)
      yield* Effect.gen(function* () {
        yield* insert(nthJob(1))
        assert.deepStrictEqual(yield* scanAt(t0 + 35_000), [])
        yield* Ref.set(alive, false)
        assert.deepStrictEqual(yield* scanAt(t0 + 40_000), [])
        yield* Ref.set(alive, true)
        assert.deepStrictEqual(yield* scanAt(t0 + 50_000), [], "the job was late before, but not just now")
        assert.strictEqual(of(yield* scanAt(t0 + 70_000), "overdue_job")?.count, 1)
      }).pipe(scanning({ alive: Ref.get(alive) }))
    })
  )

  it.effect("finds approvals past their end", () =>
    Effect.gen(function* () {
      const [run] = yield* started
      yield* change(`INSERT INTO approvals (id, run_id, job_id, partition, state, approvers, submitted_by, requested_at,
        expires_at, expires_by, approval_default, binding) VALUES ('apr_1', '${run?.id}', '${run?.job_id}', 0, 'pending',
        '[]', 'test', ${t0}, ${t0}, 'approval_timeout', 'deny', '')`)
      assert.deepStrictEqual(of(yield* findAt(t0 + 2 * minute), "approval_overdue")?.examples, ["apr_1"])
    }).pipe(scanning())
  )

  it.effect("finds deliveries that nobody attempts, and warns of those that failed", () =>
    Effect.gen(function* () {
      const runs = yield* started
      const told = success({ deliveries: [{ channel: "stdout", kind: "output" }] })
      for (const run of runs) yield* finish(run, told, t0)
      assert.isUndefined(of(yield* findAt(t0 + 4 * minute), "delivery_not_attempted"))
      assert.strictEqual(of(yield* findAt(t0 + 6 * minute), "delivery_not_attempted")?.count, 2)
      yield* change("UPDATE deliveries SET state = 'dead', next_attempt_at = NULL")
      const found = yield* findAt(t0 + 7 * minute)
      assert.isUndefined(of(found, "delivery_not_attempted"))
      assert.deepInclude(of(found, "delivery_undelivered"), { severity: "warning", count: 2 })
      assert.strictEqual(found.at(-1)?.severity, "warning", "errors come first")
    }).pipe(scanning())
  )

  it.effect("finds jobs that were set aside", () =>
    Effect.gen(function* () {
      yield* insert(nthJob(1), nthJob(2))
      yield* change("UPDATE jobs SET definition = 'no json' WHERE name = 'job-1'")
      yield* look()
      const found = of(yield* findAt(t0), "quarantined_job")
      assert.deepInclude(found, { severity: "error", count: 1, examples: [nthJob(1).id] })
    }).pipe(scanning())
  )

  it.effect("finds states that there are not, of each table", () =>
    Effect.gen(function* () {
      const [run] = yield* started
      yield* change("UPDATE jobs SET status = 'napping', next_run = NULL WHERE name = 'job-1'")
      yield* change("UPDATE jobs SET status = 'aaa', next_run = NULL WHERE name = 'job-2'")
      yield* change(`UPDATE runs SET status = 'lost' WHERE id = '${run?.id}'`)
      const found = of(yield* findAt(t0), "unknown_state")
      assert.strictEqual(found?.count, 3)
      assert.sameMembers(found?.examples.map((text) => /\((.*)\)/.exec(text)?.[1]) ?? [], ["napping", "aaa", "lost"])
    }).pipe(scanning())
  )

  it.effect("finds what was changed at the end of the audit log", () =>
    Effect.gen(function* () {
      yield* insert(...Array.from({ length: 8 }, (_, n) => nthJob(n)))
      assert.isUndefined(of(yield* findAt(t0), "audit_chain"))
      yield* change("DROP TRIGGER audit_no_update")
      yield* change("UPDATE audit SET actor = 'somebody else' WHERE seq = 5")
      assert.include(of(yield* findAt(t0), "audit_chain")?.message, "entry 5 does not follow")
      yield* change("DROP TRIGGER audit_no_delete")
      yield* change("DELETE FROM audit WHERE seq = 8")
      assert.include(of(yield* findAt(t0), "audit_chain")?.message, "it ends at entry 7, and 8 were written")
    }).pipe(scanning())
  )

  it.effect("warns once the log's last entries have had no checkpoint for long", () =>
    Effect.gen(function* () {
      const newest = yield* Ref.make<AuditCheckpoint | undefined>(undefined)
      yield* Effect.gen(function* () {
        yield* insert(nthJob(1, { status: "paused" }))
        assert.deepStrictEqual(yield* findAt(t0), [])
        assert.deepStrictEqual(yield* findAt(t0 + 4 * minute), [])
        assert.strictEqual(of(yield* findAt(t0 + 6 * minute), "checkpoints_behind")?.severity, "warning")
        const sign = { seq: 1, hash: "0".repeat(64), count: 1, time: t0, signature: "", public_key: "" }
        yield* Ref.set(newest, sign)
        assert.deepStrictEqual(yield* findAt(t0 + 7 * minute), [])
      }).pipe(scanning({}, Ref.get(newest)))
    })
  )

  it.effect("scans by itself every 30 s, and says so itself when it cannot", () =>
    Effect.gen(function* () {
      const { findings } = yield* Invariants
      yield* insert(nthJob(1))
      yield* TestClock.adjust("25 seconds")
      assert.deepStrictEqual(yield* findings, [])
      for (const _ of [1, 2, 3]) yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(
        (yield* findings).map(({ check }) => check),
        ["overdue_job"]
      )
      yield* change("DROP TABLE job_counts")
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(
        (yield* findings).map(({ check }) => check),
        ["scan_failed"]
      )
    }).pipe(scanning())
  )

  it.effect("drops the metrics of jobs and agents that are no more, whatever made them go", () =>
    Effect.gen(function* () {
      yield* Effect.gen(function* () {
        yield* insert(nthJob(1))
        for (const job_name of ["job-1", "renamed-since"]) {
          yield* recordRun({ job_name, status: "succeeded", execution_time_ms: 1, reason: null, saved: null })
        }
        for (const id of ["known", "gone"]) yield* recordSpent(id, { input_tokens: 1, output_tokens: 1 })
        yield* TestClock.adjust("30 seconds")
        assert.deepStrictEqual((yield* Metrics).jobs.names(), ["job-1"])
        assert.deepStrictEqual((yield* Metrics).agents.names(), ["known"])
      }).pipe(scanning())
    }).pipe((effect) => Effect.provideService(effect, Metrics, makeMetrics()))
  )
})
