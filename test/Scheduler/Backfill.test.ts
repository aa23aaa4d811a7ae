import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { BackfillRequest } from "../../src/Domain/Backfill.ts"
import { DurationText } from "../../src/Domain/Duration.ts"
import { RunId } from "../../src/Domain/Ids.ts"
import { formatInstant } from "../../src/Domain/Instant.ts"
import type { StoredJob } from "../../src/Domain/Job.ts"
import { JobStore, type LiveRuns } from "../../src/JobStore.ts"
import { Jobs } from "../../src/Jobs.ts"
import { makeRecurrences } from "../../src/Scheduler/Recurrences.ts"
import { makeSlotPlanner } from "../../src/Scheduler/SlotPlanner.ts"
import { SettingsSchema } from "../../src/Settings.ts"
import { Deliveries, failure, scriptedAgent, storeInFile } from "../../src/testing.ts"
import { nthJob, t0 } from "../JobStore/fixtures.ts"
import { audited } from "../support/Audit.ts"
import { create, engine, hour, instant, minute, runsOf, second, until } from "../support/Engine.ts"

const noon = instant("2026-03-10T12:00:00Z")

const backfill = (ref: string, request: BackfillRequest) =>
  Effect.flatMap(Jobs, (jobs) => jobs.backfill(ref, request, "test"))

const fiveHours = { from: formatInstant(noon - 5 * hour), to: formatInstant(noon) }
const backfillsOf = (ref: string) => Effect.map(runsOf(ref), (runs) => runs.filter((run) => run.trigger === "backfill"))

/** Sets the clock, then starts the engine. */
const at = <A, E, R>(now: number, body: Effect.Effect<A, E, R>, runtime: ReturnType<typeof engine>) =>
  Effect.zipRight(until(now), Effect.provide(body, runtime))

describe("a backfill", () => {
  for (const paused of [false, true]) {
    it.effect(`of ${paused ? "a paused" : "an active"} job runs each past slot once, one after another`, () =>
      at(
        noon + minute,
        Effect.gen(function* () {
          const jobs = yield* Jobs
          yield* create({ name: "hourly", cron_expr: "0 * * * *", input: "the input", delivery: ["stdout"] })
          if (paused) yield* jobs.pause("hourly", "test")
          const before = yield* jobs.get("hourly")
          const asked = yield* backfill("hourly", fiveHours)
          assert.deepInclude(asked, { job_id: before.id, dry_run: false, slots: 5, already: 0 })
          const early = yield* backfill("hourly", fiveHours)
          assert.deepInclude(early, { slots: 5, already: 5, runs: [] })
          yield* until(noon + 10 * minute)
          const runs = yield* runsOf("hourly")
          assert.deepStrictEqual(
            runs.map((run) => [run.id, run.trigger, run.status, run.scheduled_for, run.started_at, run.input]),
            [5, 4, 3, 2, 1].map((n, index) => [
              asked.runs[index]?.id,
              "backfill" as const,
              "succeeded" as const,
              noon - n * hour,
              noon + minute + index * 30 * second,
              "the input"
            ])
          )
          const again = yield* backfill("hourly", fiveHours)
          assert.deepInclude(again, { slots: 5, already: 5, runs: [] })
          assert.strictEqual((yield* runsOf("hourly")).length, 5)
          assert.deepStrictEqual(yield* jobs.get("hourly"), before)
          assert.strictEqual((yield* (yield* Deliveries).all).length, 5)
          const events = yield* audited({ type: "CronJobBackfilled", limit: 9 })
          assert.deepStrictEqual(
            events.map((event) => [event.actor, event.reason]),
            [["test", `5 of 5 slots from ${fiveHours.from} to ${fiveHours.to}`]]
          )
        }),
        engine({ agent: scriptedAgent({ takes: 30 * second }) })
      )
    )
  }

  it.effect("in a dry run says which slots would run, and stores nothing", () =>
    at(
      noon,
      Effect.gen(function* () {
        yield* create({ name: "dry", cron_expr: "0 * * * *" })
        const { runs } = yield* backfill("dry", { ...fiveHours, dry_run: true })
        assert.deepStrictEqual(runs[0], { id: null, scheduled_for: noon - 5 * hour, status: "pending" })
        assert.strictEqual(runs.length, 5)
        assert.deepStrictEqual(yield* runsOf("dry"), [])
        assert.deepStrictEqual(yield* audited({ type: "CronJobBackfilled", limit: 9 }), [])
      }),
      engine({ agent: scriptedAgent({}) })
    )
  )

  it.effect("with all runs again what succeeded; slots of the schedule count as runs too", () =>
    at(
      noon - 3 * hour - minute,
      Effect.gen(function* () {
        yield* create({ name: "again", cron_expr: "0 * * * *" })
        yield* until(noon - 30 * minute)
        assert.deepInclude(yield* backfill("again", { from: fiveHours.from }), { slots: 5, already: 3 })
        yield* until(noon - 20 * minute)
        assert.deepInclude(yield* backfill("again", { from: fiveHours.from }), { slots: 5, already: 5 })
        assert.deepInclude(yield* backfill("again", { from: fiveHours.from, all: true }), { slots: 5, already: 0 })
        yield* until(noon - 10 * minute)
        const runs = yield* runsOf("again")
        assert.deepStrictEqual(
          runs.map((run) => [(noon - run.scheduled_for) / hour, run.trigger]),
          [
            [5, "backfill"],
            [5, "backfill"],
            [4, "backfill"],
            [4, "backfill"],
            [3, "schedule"],
            [3, "backfill"],
            [2, "schedule"],
            [2, "backfill"],
            [1, "schedule"],
            [1, "backfill"]
          ]
        )
        assert.isTrue(runs.every((run) => run.status === "succeeded"))
      }),
      engine({ agent: scriptedAgent({}) })
    )
  )

  it.effect("fills what was missed", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const runtime = engine({ agent: scriptedAgent({}) }, { store: storeInFile(`${folder}/missed.db`) })
      yield* at(noon - 5 * hour - minute, create({ name: "missed", cron_expr: "0 * * * *" }), runtime)
      yield* at(
        noon - 30 * minute,
        Effect.gen(function* () {
          yield* until(noon - 20 * minute)
          assert.deepInclude(yield* backfill("missed", { from: fiveHours.from }), { slots: 5, already: 1 })
          yield* until(noon - 10 * minute)
          assert.deepStrictEqual(
            (yield* runsOf("missed")).map((run) => [(noon - run.scheduled_for) / hour, run.trigger, run.status]),
            [
              [5, "schedule", "missed"],
              [5, "backfill", "succeeded"],
              [4, "backfill", "succeeded"],
              [3, "backfill", "succeeded"],
              [2, "backfill", "succeeded"],
              [1, "catch_up", "succeeded"]
            ]
          )
        }),
        runtime
      )
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )

  it.effect("costs the schedule no slot: one that comes due meanwhile runs next", () =>
    at(
      noon - 10 * minute,
      Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* create({ name: "hourly", cron_expr: "0 * * * *" })
        yield* backfill("hourly", { from: fiveHours.from })
        yield* until(noon + 1 * second)
        assert.deepStrictEqual(
          (yield* runsOf("hourly")).map((run) => run.status),
          ["running", "pending", "pending", "pending", "pending", "pending"]
        )
        const byHand = yield* jobs.runNow("hourly", { actor: "test" }).pipe(Effect.either)
        // The slot waits, so the job is at its limit.
        assert.isTrue(Either.isLeft(byHand))
        yield* until(noon + 2 * hour)
        const runs = (yield* runsOf("hourly")).toSorted((a, b) => (a.started_at ?? 0) - (b.started_at ?? 0))
        assert.deepStrictEqual(
          runs.map((run) => [run.trigger, run.status, run.scheduled_for, run.started_at]),
          [
            ["backfill", "succeeded", noon - 5 * hour, noon - 10 * minute],
            ["schedule", "succeeded", noon, noon + 5 * minute],
            ["backfill", "succeeded", noon - 4 * hour, noon + 20 * minute],
            ["backfill", "succeeded", noon - 3 * hour, noon + 35 * minute],
            ["backfill", "succeeded", noon - 2 * hour, noon + 50 * minute],
            ["schedule", "succeeded", noon + hour, noon + 65 * minute],
            ["backfill", "succeeded", noon - 1 * hour, noon + 80 * minute],
            ["schedule", "running", noon + 2 * hour, noon + 2 * hour]
          ]
        )
      }),
      engine({ agent: scriptedAgent({ takes: 15 * minute }) })
    )
  )

  it.effect("lets a run by hand wait for its next turn, and is never cancelled for a newer slot", () =>
    at(
      noon - 10 * minute,
      Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* create({ name: "newest", cron_expr: "0 * * * *", overlap: "cancel_previous" })
        yield* backfill("newest", { from: fiveHours.from })
        yield* until(noon - 9 * minute)
        const byHand = yield* jobs.runNow("newest", { actor: "test" })
        assert.strictEqual(byHand.status, "pending")
        yield* until(noon - minute)
        assert.strictEqual((yield* jobs.getRun(byHand.id)).started_at, noon - 6 * minute)
        yield* until(noon + 59 * minute)
        const runs = yield* runsOf("newest")
        assert.strictEqual(runs.at(-1)?.started_at, noon + 2 * minute)
        assert.deepStrictEqual(
          runs.map((run) => [run.trigger, run.status]),
          [...Array(5).fill("backfill"), "manual", "schedule"].map((trigger) => [trigger, "succeeded"])
        )
      }),
      engine({ agent: scriptedAgent({ takes: 4 * minute }) })
    )
  )

  it.effect("that fails dead-letters nothing, and leaves the schedule's own count of failures", () =>
    at(
      noon - minute,
      Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* create({ name: "failing", cron_expr: "0 * * * *", max_retries: 2, delivery: ["stdout"] })
        yield* until(noon + minute)
        assert.strictEqual((yield* jobs.get("failing")).failure_count, 1)
        yield* backfill("failing", fiveHours)
        yield* until(noon + 10 * minute)
        assert.deepStrictEqual(
          (yield* backfillsOf("failing")).map((run) => [run.status, run.error_message]),
          Array(5).fill(["failed", "broken"])
        )
        const job = yield* jobs.get("failing")
        assert.deepInclude(job, { status: "active", failure_count: 1, last_run: noon, next_run: noon + hour })
        // A slot that failed may be asked for again.
        assert.deepInclude(yield* backfill("failing", fiveHours), { slots: 5, already: 0 })
        yield* until(noon + 20 * minute)
        const { runs_failed } = yield* (yield* JobStore).counts
        assert.strictEqual(runs_failed, 11)
        yield* until(noon + hour + minute)
        assert.strictEqual((yield* jobs.get("failing")).status, "dead_letter")
        yield* backfill("failing", { from: formatInstant(noon - hour) })
        yield* until(noon + hour + 10 * minute)
        assert.deepInclude(yield* jobs.get("failing"), { status: "dead_letter", failure_count: 2 })
      }),
      engine({ agent: scriptedAgent({ fails: failure("permanent", "broken") }) })
    )
  )

  it.effect("goes on after a restart in the middle", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const runtime = engine(
        { agent: scriptedAgent({ takes: 10 * minute }) },
        { store: storeInFile(`${folder}/backfill.db`) }
      )
      yield* at(
        noon + minute,
        Effect.gen(function* () {
          const jobs = yield* Jobs
          yield* create({ name: "long", cron_expr: "0 * * * *" })
          yield* jobs.pause("long", "test")
          yield* backfill("long", fiveHours)
          yield* until(noon + 15 * minute)
        }),
        runtime
      )
      yield* at(
        noon + 20 * minute,
        Effect.gen(function* () {
          yield* until(noon + 2 * hour)
          assert.deepStrictEqual(
            (yield* runsOf("long")).map((run) => [run.scheduled_for, run.status, run.attempts.length]),
            [5, 4, 3, 2, 1].map((n) => [noon - n * hour, "succeeded" as const, n === 4 ? 2 : 1])
          )
        }),
        runtime
      )
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )
})

describe("a slot that comes due while backfills run", () => {
  const { scheduler } = Schema.decodeSync(SettingsSchema)({ scheduler: {}, server: {}, agentpin: {} })
  const planner = makeSlotPlanner(scheduler, makeRecurrences("UTC"))
  const ids = (n: number) => Array.from({ length: n }, (_, i) => RunId.make(`run_${String(i).padStart(26, "0")}`))

  /** What became of the slots of a job every second, due since `slots` seconds; the runs that are to make room. */
  const planned = (job: Partial<StoredJob>, live: Partial<LiveRuns> & { holders: LiveRuns["holders"] }, slots = 1) => {
    const { backfilling = 0, holders, queued = 0 } = live
    const secondly = nthJob(1, { every: DurationText.make("1s"), next_run: t0 + second, ...job })
    const plan = planner(
      secondly,
      { holding: holders.length + backfilling, backfilling, queued, holders },
      t0 + slots * second
    )
    return {
      runs: plan.runs.map((run) => (run.status === "pending" ? (run.holds_permit ? "holds" : "waits") : run.status)),
      cancel: plan.cancel
    }
  }

  it("waits instead of being skipped, up to max_concurrent", () => {
    assert.deepStrictEqual(planned({}, { holders: [], backfilling: 1 }, 2).runs, ["waits", "skipped"])
    assert.deepStrictEqual(planned({ max_concurrent: 3 }, { holders: ids(1), backfilling: 1 }, 3).runs, [
      "holds",
      "waits",
      "skipped"
    ])
    assert.deepStrictEqual(planned({}, { holders: ids(1) }).runs, ["skipped"])
    assert.deepStrictEqual(planned({}, { holders: ids(1), backfilling: 1 }).runs, ["skipped"])
  })

  it("leaves room for the one that overlap queue_one lets wait", () => {
    const queue = { overlap: "queue_one" } as const
    assert.deepStrictEqual(planned(queue, { holders: [], backfilling: 1 }, 3).runs, ["waits", "waits", "skipped"])
    assert.deepStrictEqual(planned(queue, { holders: ids(1) }, 2).runs, ["waits", "skipped"])
    // The limit was lowered: the backfill has no place that the slot could wait for.
    assert.deepStrictEqual(planned(queue, { holders: ids(1), backfilling: 1 }, 2).runs, ["waits", "skipped"])
  })

  it("replaces a run of the schedule, never a backfill, with overlap cancel_previous", () => {
    const newest = { overlap: "cancel_previous", max_concurrent: 2 } as const
    const [oldest] = ids(1)
    const plan = planned(newest, { holders: ids(1), backfilling: 1 }, 2)
    assert.deepStrictEqual(plan, { runs: ["waits", "waits"], cancel: oldest === undefined ? [] : [oldest] })
    const alone = planned({ ...newest, max_concurrent: 1 }, { holders: [], backfilling: 1 })
    assert.deepStrictEqual(alone, { runs: ["waits"], cancel: [] })
  })
})
