import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { atOnce, inTurns, type Steps } from "../src/Steps.ts"

function* counting(steps: number, done: (step: number) => void): Steps<number> {
  for (let step = 1; step <= steps; step++) {
    done(step)
    yield
  }
  return steps
}

describe("work in steps", () => {
  it("is done at once", () => {
    assert.strictEqual(atOnce(counting(5_000, () => {})), 5_000)
  })

  it.effect("lets in what has arrived meanwhile, and goes on where it was", () =>
    Effect.gen(function* () {
      let steps = 0
      const arrived = yield* Deferred.make<number>()
      setImmediate(() => Deferred.unsafeDone(arrived, Effect.succeed(steps)))
      const given = yield* inTurns(counting(50_000, (step) => (steps = step)))
      assert.deepStrictEqual([given, steps], [50_000, 50_000])
      assert.isBelow(yield* Deferred.await(arrived), 5_000)
    })
  )

  it.effect("does what is little without a pause", () =>
    Effect.gen(function* () {
      let isLater = false
      setImmediate(() => (isLater = true))
      yield* inTurns(counting(500, () => {}))
      assert.isFalse(isLater)
    })
  )
})
