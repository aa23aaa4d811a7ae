import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { Jobs } from "../../src/Jobs.ts"
import { jitterMillis } from "../../src/Scheduler/Jitter.ts"
import { Deliveries, scriptedAgent, storeInFile } from "../../src/testing.ts"
import { create, engine, hour, instant, minute, runsOf, second, until } from "../support/Engine.ts"

describe("when jobs run", () => {
  it.effect("a quarter-hourly job runs 96 times a day, at :00, :15, :30 and :45, none twice", () =>
    Effect.gen(function* () {
      yield* create({ name: "quarter", cron_expr: "*/15 * * * *", delivery: ["stdout"] })
      yield* create({ name: "nightly", cron_expr: "30 3 * * *", timezone: "America/New_York" })
      yield* until(24 * hour)
      const runs = yield* runsOf("quarter")
      assert.deepStrictEqual(
        runs.map((run) => run.scheduled_for),
        Array.from({ length: 96 }, (_, index) => (index + 1) * 15 * minute)
      )
      assert.isTrue(runs.every((run) => run.status === "succeeded" && run.trigger === "schedule"))
      assert.isTrue(runs.every((run) => run.started_at === run.scheduled_for))
      assert.deepStrictEqual(
        (yield* runsOf("nightly")).map((run) => run.scheduled_for),
        [instant("1970-01-01T03:30:00-05:00")]
      )
      assert.strictEqual((yield* (yield* Deliveries).all).length, 96)
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({ answers: "hello" }) })))
  )

  it.effect("a one-shot runs once at its time and is completed; a restart does not run it again", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const runtime = engine({ agent: scriptedAgent({}) }, { store: storeInFile(`${folder}/once.db`) })
      const first = yield* Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* create({ name: "once", at: "1970-01-01T00:10:00.250Z" })
        assert.strictEqual((yield* jobs.get("once")).next_run, 10 * minute + 250)
        yield* until(20 * minute)
        const job = yield* jobs.get("once")
        assert.strictEqual(job.status, "completed")
        assert.isNull(job.next_run)
        return yield* runsOf("once")
      }).pipe(Effect.provide(runtime))
      assert.deepStrictEqual(
        first.map((run) => [run.status, run.started_at]),
        [["succeeded", 10 * minute + 250]]
      )
      const again = yield* Effect.zipRight(until(40 * minute), runsOf("once")).pipe(Effect.provide(runtime))
      assert.deepStrictEqual(again, first)
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )

  it.effect("a period is counted from the job's creation, whenever the service was restarted", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const runtime = engine({ agent: scriptedAgent({}) }, { store: storeInFile(`${folder}/every.db`) })
      yield* until(100 * second)
      yield* Effect.zipRight(create({ name: "period", every: "7m" }), until(10 * minute)).pipe(Effect.provide(runtime))
      yield* until(12 * minute)
      const runs = yield* Effect.zipRight(until(30 * minute), runsOf("period")).pipe(Effect.provide(runtime))
      assert.deepStrictEqual(
        runs.map((run) => run.scheduled_for),
        [7, 14, 21, 28].map((minutes) => 100 * second + minutes * minute)
      )
      assert.isTrue(runs.every((run) => run.status === "succeeded"))
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )

  it.effect("jitter delays starts within its bound, and the row says until when it waits", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const job = yield* create({ name: "spread", cron_expr: "*/2 * * * *", max_jitter: 30 })
      yield* create({ name: "sharp", cron_expr: "*/2 * * * *", max_jitter: 0 })
      yield* until(2 * minute)
      const [waiting] = yield* runsOf("spread")
      const delay = jitterMillis(job.id, 2 * minute, 30)
      assert.strictEqual(waiting?.start_at, 2 * minute + delay)
      assert.strictEqual(waiting?.status, "pending")
      yield* until(11 * minute)
      const starts = (yield* runsOf("spread")).map((run) => (run.started_at ?? 0) - run.scheduled_for)
      assert.strictEqual(starts.length, 5)
      assert.isTrue(starts.every((millis) => millis >= 0 && millis <= 30_000))
      assert.isTrue(new Set(starts).size > 1)
      assert.isTrue((yield* runsOf("sharp")).every((run) => run.started_at === run.scheduled_for))
      assert.strictEqual((yield* jobs.get("spread")).next_run, 12 * minute)
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({}) }, { scheduler: { max_jitter_seconds: 5 } })))
  )

  it.effect("jitter never reaches the next slot, however large it is", () =>
    Effect.gen(function* () {
      yield* create({ name: "wide", cron_expr: "* * * * *", max_jitter: 3_600 })
      yield* until(6 * minute)
      const runs = (yield* runsOf("wide")).filter((run) => run.started_at !== null)
      assert.strictEqual(runs.length, 5)
      for (const run of runs) assert.isBelow(run.started_at ?? Infinity, run.scheduled_for + minute)
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({}) })))
  )

  it("a thousand jittered starts are spread evenly over the bound, both ends included", () => {
    const buckets = new Array<number>(10).fill(0)
    for (let job = 0; job < 1_000; job++) {
      const delay = jitterMillis(`job_${job}`, hour, 30)
      assert.isTrue(Number.isInteger(delay) && delay >= 0 && delay <= 30_000)
      const bucket = Math.min(9, Math.floor(delay / 3_000))
      buckets[bucket] = (buckets[bucket] ?? 0) + 1
    }
    const chiSquare = buckets.reduce((sum, count) => sum + (count - 100) ** 2 / 100, 0)
    // 9 degrees of freedom: a fair spread exceeds 27.9 once in a thousand, and this one is always the same.
    assert.isBelow(chiSquare, 27.9)
    assert.strictEqual(jitterMillis("job_1", hour, 0), 0)
  })

  it.effect("a hundred jobs with one schedule do not start together when jitter is on", () =>
    Effect.gen(function* () {
      yield* Effect.forEach(
        Array.from({ length: 100 }, (_, n) => `job-${n}`),
        (name) => create({ name, cron_expr: "0 * * * *" })
      )
      yield* until(hour)
      const starts = new Set<number | null>()
      for (let n = 0; n < 100; n++) for (const run of yield* runsOf(`job-${n}`)) starts.add(run.start_at)
      assert.isAbove(starts.size, 90)
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({}) }, { scheduler: { max_jitter_seconds: 30 } })))
  )

  it.effect("a job that becomes due between two ticks starts at its instant", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust(17 * second)
      yield* create({ name: "soon", at: new Date(20_500).toISOString() })
      yield* TestClock.adjust(5 * second)
      assert.deepStrictEqual(
        (yield* runsOf("soon")).map((run) => run.started_at),
        [20_500]
      )
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({}) })))
  )
})
