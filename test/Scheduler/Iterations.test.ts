import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { bounded } from "../../src/Domain/Bounded.ts"
import type { Iteration } from "../../src/Domain/Run.ts"
import { Jobs } from "../../src/Jobs.ts"
import { iterationsOf } from "../../src/Scheduler/Iterations.ts"
import { failure, scriptedAgent } from "../../src/testing.ts"
import { Explanations } from "../../src/Why.ts"
import { create, engine, hour, minute, runsOf, second, until } from "../support/Engine.ts"

const nth = (number: number, summary = "x"): Iteration => ({
  attempt: 1,
  number,
  phase: "act",
  summary,
  duration_ms: 1
})

const none = { iterations: [], iteration_count: null }

const added = (count: number, summary?: string, before: Parameters<typeof iterationsOf>[0] = none) => {
  const all = iterationsOf(before)
  for (let number = 1; number <= count; number++) all.add(nth(number, summary))
  return all.kept()
}

const numbers = ({ iterations }: { readonly iterations: ReadonlyArray<Iteration> }) =>
  iterations.map(({ number }) => number ?? 0)

const whole = (name: string) =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    return yield* jobs.getRun((yield* runsOf(name)).at(-1)?.id ?? "")
  })

describe("the iterations that a run keeps", () => {
  it("are all of them up to five hundred, then the first and the last, and how many there were", () => {
    assert.deepStrictEqual(
      numbers(added(500)),
      [...Array(500).keys()].map((n) => n + 1)
    )
    const kept = added(100_000)
    assert.deepStrictEqual([kept.iterations.length, kept.iteration_count], [500, 100_000])
    assert.deepStrictEqual(numbers(kept).slice(48, 52), [49, 50, 99_551, 99_552])
    assert.strictEqual(numbers(kept).at(-1), 100_000)
    assert.isNull(added(0).iteration_count)
  })

  it("are at most 1 MiB, over attempts too, whatever they say", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(FastCheck.tuple(FastCheck.integer({ min: 1, max: 700 }), FastCheck.integer({ max: 2_000 })), {
          minLength: 1,
          maxLength: 4
        }),
        (attempts) => {
          let kept: Parameters<typeof iterationsOf>[0] = none
          let count = 0
          for (const [many, length] of attempts) {
            // Each of these characters takes six bytes in JSON.
            kept = added(many, "\u0001".repeat(Math.max(0, length)), kept)
            count += many
          }
          assert.isBelow(Buffer.byteLength(JSON.stringify(kept.iterations)), 1_048_577)
          assert.strictEqual(kept.iteration_count, count)
          assert.deepStrictEqual(iterationsOf(kept).kept(), kept)
        }
      ),
      { numRuns: 20 }
    )
  })

  it.effect("are counted by attempt: what stopped the last one is told of it alone", () =>
    Effect.gen(function* () {
      const heartbeat = { enabled: true, max_iterations: 3 }
      yield* create({ name: "twice", every: "1h", heartbeat, retry: { attempts: 2, backoff: "1s" } })
      yield* until(hour + minute)
      const run = yield* whole("twice")
      assert.deepStrictEqual(
        run.iterations.map(({ attempt, number }) => [attempt, number]),
        [
          [1, 1],
          [1, 2],
          [2, 1],
          [2, 2],
          [2, 3]
        ]
      )
      assert.deepStrictEqual([run.stop_reason, run.iteration_count], ["max_iterations", 5])
      const { answer } = yield* (yield* Explanations).run(run.id)
      assert.include(answer, "stopped after 3 iterations")
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({}, { fails: failure("transient", "busy") }, {}) })))
  )

  it.effect("have the one that failed, with what it said, took and spent", () =>
    Effect.gen(function* () {
      yield* create({ name: "fails", every: "1h", heartbeat: { enabled: true } })
      yield* until(hour + minute)
      const run = yield* whole("fails")
      assert.strictEqual(run.status, "failed")
      const [last] = run.iterations
      assert.deepInclude(last, { phase: "assess", error: "it broke", duration_ms: 7 * second, number: 1, attempt: 1 })
      assert.deepStrictEqual(last?.usage, { input_tokens: 5, output_tokens: 2 })
    }).pipe(
      Effect.provide(
        engine({
          agent: ({ spent }) =>
            spent({ input_tokens: 5, output_tokens: 2 }).pipe(
              Effect.zipRight(Effect.sleep("7 seconds")),
              Effect.zipRight(failure("permanent", "it broke"))
            )
        })
      )
    )
  )

  it.effect("have the one in which the time was over, or the run was cancelled", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "late", every: "1h", max_runtime: "90s", heartbeat: { enabled: true } })
      yield* create({ name: "cancelled", every: "1h", heartbeat: { enabled: true } })
      yield* until(hour + 50 * second)
      yield* jobs.cancelRun((yield* whole("cancelled")).id, "test")
      yield* until(hour + 2 * minute)
      for (const [name, took, status] of [
        ["late", 10 * second, "timed_out"],
        ["cancelled", 10 * second, "cancelled"]
      ] as const) {
        const run = yield* whole(name)
        assert.strictEqual(run.status, status)
        assert.deepInclude(run.iterations.at(-1), { duration_ms: took, error: "stopped before it answered" })
        assert.strictEqual(run.iteration_count, name === "late" ? 3 : 2)
      }
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({ takes: "40 seconds" }) })))
  )
})

describe("a text that is cut", () => {
  it("is not cut through a pair that makes one character", () => {
    const text = `${"a".repeat(8)}😀bbbb`
    assert.strictEqual(bounded(text, 10), `${"a".repeat(8)}…`)
    assert.strictEqual(bounded(text, 11), `${"a".repeat(8)}😀…`)
    assert.isTrue(bounded("😀".repeat(2_000), 2_000).isWellFormed())
    assert.strictEqual(bounded("fits", 4), "fits")
  })
})
