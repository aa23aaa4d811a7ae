import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { AgentHandler } from "../../src/Agents.ts"
import { AgentFailure, type Usage } from "../../src/Domain/Agent.ts"
import { JobStore } from "../../src/JobStore.ts"
import { retryDelay } from "../../src/Scheduler/Retry.ts"
import { create, engine, minute, runsOf, until } from "../support/Engine.ts"

const days = 24 * 60 * minute

const asksToWait =
  (retry_after_ms: number): AgentHandler =>
  () =>
    new AgentFailure({ kind: "rate_limited", message: "later", retry_after_ms })

const tells =
  (usage: Usage): AgentHandler =>
  ({ spent }) =>
    Effect.as(spent(usage), { output: "sleep", usage })

const only = (name: string) =>
  Effect.gen(function* () {
    const store = yield* JobStore
    const [run] = yield* runsOf(name)
    assert.isDefined(run)
    return yield* store.findRun(run.id)
  })

describe("what an agent leaves behind that cannot be stored", () => {
  for (const [asked, waits] of [
    [Number.POSITIVE_INFINITY, 30 * days],
    [Number.MAX_SAFE_INTEGER, 30 * days],
    [Number.NaN, minute],
    [-1, minute]
  ] as const) {
    it.effect(`a wait of ${asked} ms is one of ${waits} ms`, () =>
      Effect.gen(function* () {
        yield* create({ name: "waits", every: "1m", retry: { attempts: 2, backoff: "1m" } })
        yield* until(minute)
        const run = yield* only("waits")
        assert.deepStrictEqual([run.status, run.next_attempt_at], ["pending", minute + waits])
      }).pipe(Effect.provide(engine({ agent: asksToWait(asked) })))
    )
  }

  it("a wait that was asked for counts for 30 days at most, a job's own backoff for what it is", () => {
    assert.strictEqual(retryDelay({}, 1, Number.MAX_VALUE), 30 * days)
    assert.strictEqual(retryDelay({}, 1, 45_000.4), 45_000)
  })

  it.effect("a run whose end cannot be stored fails for good, with its output, and says what is wrong", () =>
    Effect.gen(function* () {
      yield* create({ name: "odd", every: "1m", retry: { attempts: 3 } })
      yield* until(minute)
      const run = yield* only("odd")
      assert.deepStrictEqual(
        [run.status, run.error_message, run.output, run.tool_calls, run.attempts.map(({ failure }) => failure)],
        [
          "failed",
          "its end could not be stored: tool_calls.0.result_bytes is not what can be stored",
          "done",
          [],
          ["permanent"]
        ]
      )
      yield* until(2 * minute)
      assert.lengthOf(yield* runsOf("odd"), 2)
    }).pipe(
      Effect.provide(
        engine({
          agent: ({ toolCalled }) =>
            Effect.as(toolCalled({ name: "x", arguments: "{}", result_bytes: 0.5, duration_ms: 1 }), {
              output: "done"
            })
        })
      )
    )
  )

  for (const [told, counted] of [
    [
      { input_tokens: Number.NaN, output_tokens: Number.POSITIVE_INFINITY, cost_usd: Number.POSITIVE_INFINITY },
      { input_tokens: 0, output_tokens: 2e12, cost_usd: 2e9 }
    ],
    [
      { input_tokens: -5, output_tokens: 0.6, cost_usd: -1 },
      { input_tokens: 0, output_tokens: 2, cost_usd: 0 }
    ],
    [
      { input_tokens: 7, output_tokens: 1, cost_usd: 0.25 },
      { input_tokens: 14, output_tokens: 2, cost_usd: 0.5 }
    ]
  ] as const) {
    it.effect(`a usage of ${Object.values(told)} is counted as what can be`, () =>
      Effect.gen(function* () {
        yield* create({ name: "spends", every: "1m", heartbeat: { enabled: true } })
        yield* until(minute)
        const run = yield* only("spends")
        assert.deepStrictEqual(
          [run.status, run.usage, run.iterations.map(({ usage }) => usage)],
          ["succeeded", counted, [counted]]
        )
      }).pipe(Effect.provide(engine({ agent: tells(told) })))
    )
  }
})
