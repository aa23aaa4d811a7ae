import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { Metrics, renderPrometheus } from "../../src/Observability.ts"
import { scriptedAgent, testRuntime } from "../../src/testing.ts"
import { create, minute, runsOf, second, until } from "../support/Engine.ts"

const looks = Effect.map(Metrics, (metrics) => {
  const line = /^symbiont_scheduler_looks_total (\d+)$/m.exec(renderPrometheus(metrics.families()))
  return Number(line?.[1] ?? 0)
})

const looksIn = (tick_interval_seconds: number) =>
  Effect.gen(function* () {
    yield* TestClock.adjust("1 second")
    const before = yield* looks
    yield* TestClock.adjust("1 minute")
    return (yield* looks) - before
  }).pipe(Effect.provide(testRuntime({ settings: { scheduler: { tick_interval_seconds } } })))

describe("the dispatcher", () => {
  it.effect("looks once a tick when nothing is due", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* looksIn(1), 60)
      assert.strictEqual(yield* looksIn(5), 12)
    })
  )

  it.effect("starts a due job at its instant, not at the next tick", () =>
    Effect.gen(function* () {
      yield* create({ name: "odd", every: "61s" })
      yield* until(3 * minute + 10 * second)
      assert.deepStrictEqual(
        (yield* runsOf("odd")).map((run) => run.started_at),
        [61 * second, 122 * second, 183 * second]
      )
    }).pipe(
      Effect.provide(
        testRuntime({ agents: { agent: scriptedAgent({}) }, settings: { scheduler: { tick_interval_seconds: 60 } } })
      )
    )
  )
})
