import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { formatInstant } from "../../src/Domain/Instant.ts"
import { Jobs } from "../../src/Jobs.ts"
import { scriptedAgent } from "../../src/testing.ts"
import { create, engine, instant, runsOf, until } from "../support/Engine.ts"

const timezone = "America/New_York"
const ok = { agent: scriptedAgent({}) }

/** Slots that succeeded, each as its UTC hour and minute; anything else than a success shows its status. */
const slots = (ref: string) =>
  Effect.map(runsOf(ref), (runs) =>
    runs.map((run) => {
      const time = formatInstant(run.scheduled_for).slice(5, 16)
      return run.status === "succeeded" ? time : `${time} ${run.status}`
    })
  )

// On 2026-11-01 the clock of New York shows 01:00 to 02:00 twice: from 05:00Z and from 06:00Z.
describe("a repeated hour", () => {
  it.effect("runs a job at a fixed time once, an hourly one each hour that passes", () =>
    Effect.gen(function* () {
      yield* until(instant("2026-11-01T04:10:00Z"))
      yield* Effect.gen(function* () {
        yield* create({ name: "fixed", cron_expr: "30 1 * * *", timezone })
        yield* create({ name: "hourly", cron_expr: "0 * * * *", timezone })
        yield* until(instant("2026-11-01T08:10:00Z"))
        assert.deepStrictEqual(yield* slots("fixed"), ["11-01T05:30"])
        assert.deepStrictEqual(yield* slots("hourly"), ["11-01T05:00", "11-01T06:00", "11-01T07:00", "11-01T08:00"])
      }).pipe(Effect.provide(engine(ok)))
    })
  )

  it.effect("fires nothing extra for jobs added, edited, paused or resumed within it", () =>
    Effect.gen(function* () {
      const first = "11-01T05:30"
      yield* until(instant("2026-11-01T05:20:00Z"))
      yield* Effect.gen(function* () {
        const jobs = yield* Jobs
        const edit = (ref: string, weekdays: string) =>
          jobs.update(ref, { cron_expr: `30 1 * * ${weekdays}` }, { actor: "test" })
        for (const name of ["edited before", "edited after", "edited late", "resumed", "resumed late"]) {
          yield* create({ name, cron_expr: "30 1 * * *", timezone })
        }
        yield* until(instant("2026-11-01T05:25:00Z"))
        yield* edit("edited before", "0-6")
        yield* until(instant("2026-11-01T05:40:00Z"))
        yield* create({ name: "added after", cron_expr: "30 1 * * *", timezone })
        yield* edit("edited after", "0-6")
        yield* jobs.pause("resumed", "test")
        yield* jobs.resume("resumed", "test")
        yield* jobs.pause("resumed late", "test")
        // The second time that the clock shows 01:10, then 01:45.
        yield* until(instant("2026-11-01T06:10:00Z"))
        yield* create({ name: "added late", cron_expr: "30 1 * * *", timezone })
        yield* edit("edited late", "0-6")
        yield* jobs.resume("resumed late", "test")
        yield* until(instant("2026-11-01T06:45:00Z"))
        yield* edit("edited before", "*")
        yield* edit("edited late", "*")
        yield* until(instant("2026-11-01T07:10:00Z"))
        for (const name of ["edited before", "edited after", "edited late", "resumed", "resumed late"]) {
          assert.deepStrictEqual(yield* slots(name), [first], name)
          assert.strictEqual((yield* jobs.get(name)).next_run, instant("2026-11-02T06:30:00Z"), name)
        }
        assert.deepStrictEqual(yield* slots("added after"), [])
        assert.deepStrictEqual(yield* slots("added late"), [])
      }).pipe(Effect.provide(engine(ok)))
    })
  )
})

// On 2026-03-08 the clock of New York goes from 02:00 to 03:00, at 07:00Z.
describe("a skipped hour", () => {
  it.effect("runs a job whose time does not exist at the first instant after it, and only then", () =>
    Effect.gen(function* () {
      yield* until(instant("2026-03-08T06:50:00Z"))
      yield* Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* create({ name: "fixed", cron_expr: "30 2 * * *", timezone })
        yield* create({ name: "skipping", cron_expr: "30 2 * * *", timezone, dst: { gap: "skip" } })
        yield* until(instant("2026-03-08T07:10:00Z"))
        yield* jobs.update("fixed", { cron_expr: "30 2 * * 0-6" }, { actor: "test" })
        yield* until(instant("2026-03-08T07:40:00Z"))
        assert.deepStrictEqual(yield* slots("fixed"), ["03-08T07:00"])
        assert.deepStrictEqual(yield* slots("skipping"), [])
        assert.strictEqual((yield* jobs.get("fixed")).next_run, instant("2026-03-09T06:30:00Z"))
      }).pipe(Effect.provide(engine(ok)))
    })
  )
})
