import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { Jobs } from "../../src/Jobs.ts"
import { failure, scriptedAgent, storeInFile } from "../../src/testing.ts"
import { audited } from "../support/Audit.ts"
import { create, engine, hour, instant, minute, runsOf, second, until } from "../support/Engine.ts"
import { type WallClock, withWallClock } from "../support/WallClock.ts"

const day = 24 * hour
const start = instant("2026-06-01T00:00:30Z")

const jumps = Effect.gen(function* () {
  const events = yield* audited({ type: "ClockJumped", limit: 10 })
  return events.map((event) => event.reason)
})

const ok = { agent: scriptedAgent({}) }

/** A test of an engine that begins at the start, on a machine whose clock can be set. */
const onEngine = (
  what: string,
  body: (wall: WallClock) => Effect.Effect<void, unknown, Layer.Layer.Success<ReturnType<typeof engine>>>,
  agents: Parameters<typeof engine>[0] = ok
) =>
  it.effect(what, () =>
    withWallClock((wall) => Effect.zipRight(until(start), Effect.provide(body(wall), engine(agents))))
  )

/** Slots before 2027 at which a run succeeded, in minutes after midnight of the first day. */
const ran = (ref: string) =>
  Effect.map(runsOf(ref), (runs) =>
    runs
      .filter((run) => run.status === "succeeded" && run.scheduled_for < instant("2027-01-01T00:00:00Z"))
      .map((run) => (run.scheduled_for - (start - 30 * second)) / minute)
  )

describe("a machine that was suspended", () => {
  onEngine("for ten minutes: on record, the latest slot caught up, the older ones one missed row", (wall) =>
    Effect.gen(function* () {
      yield* create({ name: "often", cron_expr: "*/3 * * * *" })
      yield* TestClock.adjust("3 minutes")
      yield* wall.jump(10 * minute)
      yield* TestClock.adjust("2 minutes")
      const runs = yield* runsOf("often")
      assert.deepStrictEqual(
        runs.map((run) => [(run.scheduled_for - start + 30 * second) / minute, run.trigger, run.status]),
        [
          [3, "schedule", "succeeded"],
          [6, "schedule", "missed"],
          [12, "catch_up", "succeeded"],
          [15, "schedule", "succeeded"]
        ]
      )
      assert.deepStrictEqual([runs[1]?.missed_count, runs[1]?.missed_to], [2, (runs[1]?.missed_from ?? 0) + 3 * minute])
      assert.deepStrictEqual(yield* jumps, [
        "the clock jumped ahead by 10m, from 2026-06-01T00:04:00.000Z to 2026-06-01T00:14:00.000Z"
      ])
    })
  )

  onEngine("shorter than half a minute is no jump", (wall) =>
    Effect.gen(function* () {
      yield* TestClock.adjust("2 minutes")
      yield* wall.jump(29 * second)
      yield* TestClock.adjust("2 minutes")
      yield* wall.jump(-29 * second)
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(yield* jumps, [])
    })
  )
})

describe("a clock that was ahead and is set back, when its slots come again all at once", () => {
  const rowsOf = Effect.map(runsOf("hourly"), (runs) =>
    runs.map(({ missed_count, missed_from, missed_to, scheduled_for, trigger }) =>
      missed_from === null || missed_to === null
        ? [trigger, (scheduled_for - start + 30 * second) / hour]
        : [missed_count, (missed_from - start + 30 * second) / hour, (missed_to - start + 30 * second) / hour]
    )
  )

  const jumpAndLook = (wall: WallClock, by: number) => Effect.zipRight(wall.jump(by), TestClock.adjust("1 minute"))

  /** Slots 1 to 4 come at once, and the latest is caught up. Its row is all that stays when the clock is set back. */
  const aheadAndBack = Effect.fnUntraced(function* (wall: WallClock) {
    yield* create({ name: "hourly", cron_expr: "0 * * * *", misfire: "run_once" })
    yield* jumpAndLook(wall, 4 * hour + 10 * minute)
    yield* jumpAndLook(wall, -4 * hour - 10 * minute)
  })

  onEngine("misses the slots about the one that had its row already, and not that", (wall) =>
    Effect.gen(function* () {
      yield* aheadAndBack(wall)
      assert.deepStrictEqual(yield* rowsOf, [["catch_up", 4]])
      yield* jumpAndLook(wall, 7 * hour + 10 * minute)
      assert.deepStrictEqual(yield* rowsOf, [
        [3, 1, 3],
        ["catch_up", 4],
        [2, 5, 6],
        ["catch_up", 7]
      ])
    })
  )

  onEngine("catches up with the latest slot that has no row", (wall) =>
    Effect.gen(function* () {
      yield* aheadAndBack(wall)
      yield* jumpAndLook(wall, 4 * hour + 20 * minute)
      assert.deepStrictEqual(yield* rowsOf, [
        [2, 1, 2],
        ["catch_up", 3],
        ["catch_up", 4]
      ])
    })
  )
})

describe("a clock set to 2098 and back", () => {
  onEngine("costs each job one run at most; afterwards every job is due when it should be", (wall) =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "often", cron_expr: "*/10 * * * *" })
      yield* create({ name: "daily", cron_expr: "0 3 * * *", misfire: "skip" })
      yield* create({ name: "yearly", cron_expr: "0 0 1 1 *", timezone: "America/New_York" })
      yield* create({ name: "period", every: "25m" })
      yield* create({ name: "once", at: "2026-06-01T02:00:00Z", misfire: "skip" })
      yield* create({ name: "resting", cron_expr: "*/10 * * * *" })
      yield* create({ name: "edited", cron_expr: "*/10 * * * *" })
      yield* TestClock.adjust("30 minutes")
      const away = instant("2098-01-01T00:00:00Z") - start
      yield* wall.jump(away)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* jobs.get("once")).status, "failed")
      yield* create({ name: "made then", cron_expr: "*/10 * * * *" })
      yield* create({ name: "period made then", every: "25m" })
      yield* jobs.pause("resting", "test")
      yield* jobs.update("edited", { cron_expr: "*/15 * * * *" }, { actor: "test" })
      yield* TestClock.adjust("10 minutes")
      yield* wall.jump(-away)
      // 50 minutes after the start, by every clock.
      yield* TestClock.adjust("5 minutes")
      yield* jobs.resume("resting", "test")
      yield* TestClock.adjust("3 hours")

      const span = (from: number, to: number, step: number) =>
        Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step)
      const now = ((yield* Clock.currentTimeMillis) - start + 30 * second) / minute
      // The visit hid two slots, which are on record as missed.
      assert.deepStrictEqual(yield* ran("often"), [...span(10, 30, 10), ...span(60, now, 10)])
      const often = yield* runsOf("often")
      assert.strictEqual(often.filter((run) => run.trigger === "catch_up").length, 1)
      assert.deepStrictEqual(
        often.filter((run) => run.status === "missed").map((run) => [run.missed_count, run.missed_from, run.missed_to]),
        [[2, start - 30 * second + 40 * minute, start - 30 * second + 50 * minute]]
      )
      assert.deepStrictEqual(yield* ran("daily"), [3 * 60])
      assert.deepStrictEqual(yield* ran("once"), [2 * 60])
      assert.strictEqual((yield* jobs.get("once")).status, "completed")
      assert.deepStrictEqual(yield* ran("resting"), [...span(10, 30, 10), ...span(60, now, 10)])
      assert.deepStrictEqual(yield* ran("edited"), [...span(10, 30, 10), ...span(60, now, 15)])
      assert.deepStrictEqual(yield* ran("made then"), span(60, now, 10))
      assert.strictEqual((yield* jobs.get("yearly")).next_run, instant("2027-01-01T05:00:00Z"))
      assert.deepStrictEqual(yield* ran("period"), [25.5, ...span(75.5, now, 25)])
      assert.strictEqual((yield* ran("period made then")).length, Math.floor((now - 51) / 25))
      assert.strictEqual((yield* jumps).length, 2)
    })
  )
})

describe("a clock set back by an hour", () => {
  onEngine("repeats no slot and loses none", (wall) =>
    Effect.gen(function* () {
      yield* create({ name: "often", cron_expr: "*/10 * * * *" })
      yield* TestClock.adjust("2 hours")
      yield* wall.jump(-hour)
      yield* TestClock.adjust("3 hours")
      assert.deepStrictEqual(
        yield* ran("often"),
        Array.from({ length: 24 }, (_, i) => (i + 1) * 10)
      )
      assert.deepStrictEqual(yield* jumps, [
        "the clock was set back by 1h, from 2026-06-01T02:01:00.000Z to 2026-06-01T01:01:00.000Z"
      ])
    })
  )

  onEngine(
    "makes no waiting longer: a retry comes after its backoff, a run lasts what it lasted",
    (wall) =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const retry = { attempts: 2, backoff: "5m", factor: 1, max: "5m" }
        yield* create({ name: "flaky", at: "2026-06-01T00:01:00Z", retry })
        yield* TestClock.adjust("1 minute")
        yield* wall.jump(-hour)
        yield* TestClock.adjust("6 minutes")
        const [run] = yield* runsOf("flaky")
        assert.strictEqual(run?.status, "running")
        yield* wall.jump(-hour)
        yield* TestClock.adjust("4 minutes")
        const [ended] = yield* runsOf("flaky")
        assert.deepStrictEqual([ended?.status, ended?.execution_time_ms], ["succeeded", 4 * minute])
        assert.strictEqual((yield* jobs.get("flaky")).status, "completed")
      }),
    { agent: scriptedAgent({ fails: failure("transient", "not yet") }, { takes: "4 minutes" }) }
  )

  it.effect("while the service was down is noticed at the next start", () =>
    withWallClock((wall) =>
      Effect.gen(function* () {
        yield* until(start + 10 * day)
        const fs = yield* FileSystem.FileSystem
        const runtime = engine(ok, { store: storeInFile(`${yield* fs.makeTempDirectoryScoped()}/data.db`) })
        yield* Effect.gen(function* () {
          yield* create({ name: "often", cron_expr: "*/10 * * * *" })
          yield* TestClock.adjust("1 minute")
        }).pipe(Effect.provide(runtime))
        yield* wall.jump(-10 * day)
        yield* TestClock.adjust("1 minute")
        yield* Effect.gen(function* () {
          yield* TestClock.adjust("30 minutes")
          assert.deepStrictEqual(yield* ran("often"), [10, 20, 30])
          assert.strictEqual((yield* jumps).length, 1)
        }).pipe(Effect.provide(runtime))
      }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
    )
  )
})
