import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import type { JobStore } from "../../src/JobStore.ts"
import { Jobs } from "../../src/Jobs.ts"
import { scriptedAgent, storeInFile } from "../../src/testing.ts"
import { create, define, engine, hour, instant, minute, runsOf, second, until } from "../support/Engine.ts"

/** Runs `before`, stops the service until `back`, starts it again on the same data and runs `after`. */
const outage = <A>(
  before: Effect.Effect<unknown, unknown, Jobs | JobStore>,
  back: number,
  after: Effect.Effect<A, unknown, Jobs | JobStore>
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const store = storeInFile(`${yield* fs.makeTempDirectoryScoped()}/data.db`)
    const runtime = engine({ agent: scriptedAgent({ takes: "100 millis" }) }, { store })
    yield* Effect.provide(before, runtime)
    yield* until(back)
    return yield* Effect.provide(after, runtime)
  }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))

describe("slots that passed while the service was down", () => {
  it.effect("of an hourly job, down for three hours: the latest runs once, the older ones are one missed row", () =>
    outage(
      Effect.zipRight(create({ name: "hourly", cron_expr: "0 * * * *" }), until(hour + minute)),
      4 * hour + 10 * minute,
      Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* until(4 * hour + 12 * minute)
        const runs = yield* runsOf("hourly")
        assert.deepStrictEqual(
          runs.map((run) => [run.scheduled_for / hour, run.trigger, run.status]),
          [
            [1, "schedule", "succeeded"],
            [2, "schedule", "missed"],
            [4, "catch_up", "succeeded"]
          ]
        )
        const [, missed, caughtUp] = runs
        assert.deepStrictEqual(
          [missed?.missed_count, missed?.missed_from, missed?.missed_to, missed?.reason?.code],
          [2, 2 * hour, 3 * hour, "misfire"]
        )
        assert.strictEqual(caughtUp?.started_at, 4 * hour + 10 * minute)
        assert.strictEqual((yield* jobs.get("hourly")).next_run, 5 * hour)
      })
    )
  )

  it.effect("are all missed with misfire skip, and all run with run_all, a second apart, up to max_catchup", () =>
    outage(
      Effect.all([
        create({ name: "skip", cron_expr: "0 * * * *", misfire: "skip" }),
        create({ name: "all", cron_expr: "0 * * * *", misfire: "run_all", max_concurrent: 5 }),
        create({ name: "three", cron_expr: "0 * * * *", misfire: "run_all", max_catchup: 3, max_concurrent: 5 })
      ]),
      5 * hour + 10 * minute,
      Effect.gen(function* () {
        yield* until(5 * hour + 12 * minute)
        const skip = yield* runsOf("skip")
        assert.deepStrictEqual(
          skip.map((run) => [run.status, run.missed_count, run.missed_from, run.missed_to]),
          [["missed", 5, hour, 5 * hour]]
        )
        const all = yield* runsOf("all")
        assert.deepStrictEqual(
          all.map((run) => [run.scheduled_for, run.trigger, run.status, run.started_at]),
          [1, 2, 3, 4, 5].map((n, index) => [
            n * hour,
            "catch_up" as const,
            "succeeded" as const,
            5 * hour + 10 * minute + index * second
          ])
        )
        const three = yield* runsOf("three")
        assert.deepStrictEqual(
          three.map((run) => [run.scheduled_for / hour, run.status]),
          [
            [1, "missed"],
            [3, "succeeded"],
            [4, "succeeded"],
            [5, "succeeded"]
          ]
        )
        assert.deepStrictEqual([three[0]?.missed_count, three[0]?.missed_to], [2, 2 * hour])
      })
    )
  )

  it.effect("of a one-shot run as catch_up; with misfire skip it is missed and the job failed", () =>
    outage(
      Effect.all([
        create({ name: "once", at: "1970-01-01T01:00:00Z" }),
        create({ name: "never", at: "1970-01-01T01:00:00Z", misfire: "skip" })
      ]),
      3 * hour,
      Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* until(3 * hour + minute)
        const [once] = yield* runsOf("once")
        assert.deepStrictEqual([once?.trigger, once?.status], ["catch_up", "succeeded"])
        assert.strictEqual((yield* jobs.get("once")).status, "completed")
        const [never] = yield* runsOf("never")
        assert.deepStrictEqual([never?.status, never?.reason?.code], ["missed", "misfire"])
        assert.strictEqual((yield* jobs.get("never")).status, "failed")
      })
    )
  )

  it.effect("five years of a job that is due each second cost one missed row", () =>
    outage(
      create({ name: "seconds", cron_expr: "* * * * * *", misfire: "skip" }),
      instant("1975-01-01T00:00:00Z"),
      Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* jobs.pause("seconds", "test").pipe(Effect.delay("3 seconds"), Effect.fork)
        yield* until(instant("1975-01-01T00:00:10Z"))
        const runs = yield* runsOf("seconds")
        const range = runs.filter((run) => run.status === "missed")
        assert.strictEqual(range.length, 1)
        const to = instant("1975-01-01T00:00:00Z") - 61 * second
        assert.deepStrictEqual(
          [range[0]?.missed_from, range[0]?.missed_to, range[0]?.missed_count],
          [second, to, to / second]
        )
      })
    )
  )

  it.effect(
    "five years of a job that is due each second are one catch-up run, one missed row, and the last minute",
    () =>
      outage(
        create({ name: "seconds", cron_expr: "* * * * * *", timezone: "America/New_York" }),
        instant("1975-01-01T00:00:00Z"),
        Effect.gen(function* () {
          const jobs = yield* Jobs
          yield* jobs.pause("seconds", "test").pipe(Effect.delay("1 second"), Effect.fork)
          yield* until(instant("1975-01-01T00:00:10Z"))
          const runs = yield* runsOf("seconds")
          const [range, caughtUp, ...rest] = runs
          const last = instant("1975-01-01T00:00:00Z") - 61 * second
          assert.deepStrictEqual(
            [range?.status, range?.missed_from, range?.missed_to, range?.missed_count],
            ["missed", second, last - second, last / second - 1]
          )
          assert.deepStrictEqual(
            [caughtUp?.trigger, caughtUp?.status, caughtUp?.scheduled_for],
            ["catch_up", "succeeded", last]
          )
          // Those within the grace have their rows, as ever: the catch-up run held the one permit.
          assert.isAtMost(rest.length, 63)
          assert.isTrue(rest.every((run) => run.trigger === "schedule"))
        })
      )
  )

  it.effect("of a day are capped and staggered with run_all: ten, a second apart, the rest one missed row", () =>
    outage(
      create({ name: "often", cron_expr: "*/5 * * * *", misfire: "run_all" }),
      24 * hour + 2 * minute,
      Effect.gen(function* () {
        yield* until(24 * hour + 4 * minute)
        const runs = yield* runsOf("often")
        assert.deepStrictEqual([runs[0]?.status, runs[0]?.missed_count], ["missed", 24 * 12 - 10])
        const caughtUp = runs.slice(1)
        assert.strictEqual(caughtUp.length, 10)
        assert.isTrue(caughtUp.every((run) => run.trigger === "catch_up" && run.status === "succeeded"))
        const starts = caughtUp.map((run) => run.started_at ?? 0)
        assert.deepStrictEqual(
          starts,
          starts.map((_, i) => 24 * hour + 2 * minute + i * second)
        )
      })
    )
  )

  it.effect("within the grace run as usual", () =>
    outage(
      create({ name: "hourly", cron_expr: "0 * * * *" }),
      hour + 45 * second,
      Effect.gen(function* () {
        yield* until(hour + minute)
        assert.deepStrictEqual(
          (yield* runsOf("hourly")).map((run) => [run.trigger, run.status, run.started_at]),
          [["schedule", "succeeded", hour + 45 * second]]
        )
      })
    )
  )

  it.effect("while the job was paused are nobody's", () =>
    outage(
      Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* create({ name: "resting", cron_expr: "0 * * * *" })
        yield* jobs.pause("resting", "test")
      }),
      3 * hour + minute,
      Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* jobs.resume("resting", "test")
        yield* until(4 * hour + minute)
        assert.deepStrictEqual(
          (yield* runsOf("resting")).map((run) => [run.scheduled_for, run.status]),
          [[4 * hour, "succeeded"]]
        )
      })
    )
  )
})

describe("a time that is already past", () => {
  it.effect("is refused, unless misfire says what becomes of it", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* until(2 * hour)
      const at = "1970-01-01T01:00:00Z"
      const refused = yield* Effect.flip(jobs.create(define({ name: "late", at }), "test"))
      assert.strictEqual(refused._tag, "JobInvalid")
      assert.include(refused.message, "already past")
      yield* create({ name: "run", at, misfire: "run_once" })
      yield* create({ name: "skip", at, misfire: "skip" })
      yield* until(2 * hour + second)
      assert.deepStrictEqual(
        (yield* runsOf("run")).map((run) => [run.trigger, run.status]),
        [["catch_up", "succeeded"]]
      )
      assert.deepStrictEqual(
        (yield* runsOf("skip")).map((run) => [run.status, run.reason?.code]),
        [["missed", "misfire"]]
      )
      assert.deepStrictEqual(
        [(yield* jobs.get("run")).status, (yield* jobs.get("skip")).status],
        ["completed", "failed"]
      )
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({}) })))
  )

  it.effect("is refused on an edit too, which leaves the job as it was", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* until(2 * hour)
      const before = yield* create({ name: "later", at: "1970-01-01T05:00:00Z" })
      const refused = yield* Effect.flip(jobs.update("later", { at: "1970-01-01T01:00:00Z" }, { actor: "test" }))
      assert.strictEqual(refused._tag, "JobInvalid")
      assert.strictEqual((yield* jobs.get("later")).next_run, before.next_run)
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({}) })))
  )

  it.effect("given by an edit with a misfire follows that: no job stays active without a slot", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "moved", at: "1970-01-01T05:00:00Z" })
      yield* until(2 * hour)
      yield* jobs.update("moved", { at: "1970-01-01T01:00:00Z", misfire: "skip" }, { actor: "test" })
      yield* until(2 * hour + second)
      assert.deepStrictEqual(
        (yield* runsOf("moved")).map((run) => [run.scheduled_for, run.status]),
        [[hour, "missed"]]
      )
      assert.strictEqual((yield* jobs.get("moved")).status, "failed")
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({}) })))
  )
})

describe("a slot far ahead", () => {
  const day = 24 * hour
  const at = 400 * day + 30 * minute

  // The 25th day is where a timer of a signed 32-bit count of ms overflows.
  for (const days of [25, 399]) {
    it.effect(`400 days from now is due then and not before, through a restart after ${days} days`, () =>
      outage(
        Effect.zipRight(create({ name: "once", at: new Date(at).toISOString() }), TestClock.adjust("5 minutes")),
        days * day,
        Effect.gen(function* () {
          const jobs = yield* Jobs
          yield* TestClock.adjust("5 minutes")
          assert.deepStrictEqual(yield* runsOf("once"), [])
          assert.strictEqual((yield* jobs.get("once")).next_run, at)
          const now = days * day + 5 * minute
          const timers = Chunk.toReadonlyArray(yield* TestClock.sleeps())
          assert.isNotEmpty(timers)
          // Upkeep goes by the hour: no slot waits for it.
          const long = timers.filter((timer) => timer > now + minute)
          assert.isAtMost(long.length, 1, "no timer that a slot waits for is longer than a minute")
          assert.isTrue(long.every((timer) => timer <= now + hour))
        })
      )
    )
  }

  it.effect("400 days from now runs at its instant", () =>
    outage(
      create({ name: "once", at: new Date(at).toISOString() }),
      at - 10 * minute,
      Effect.gen(function* () {
        yield* until(at - 1)
        assert.deepStrictEqual(yield* runsOf("once"), [])
        yield* until(at + second)
        const [run] = yield* runsOf("once")
        assert.deepStrictEqual([run?.status, run?.trigger, run?.started_at], ["succeeded", "schedule", at])
      })
    )
  )
})
