import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { CurrentDelivery } from "../../src/Delivery/CurrentDelivery.ts"
import { makeStdout } from "../../src/Delivery/Stdout.ts"
import { finishedRun, jobNamed } from "./fixtures.ts"

/** A standard output whose writes end when they are told to, and the channel on it. */
const setUp = Effect.gen(function* () {
  const writes: Array<{ readonly text: string; readonly end: Deferred.Deferred<void, string> }> = []
  const channel = yield* makeStdout({
    isTTY: false,
    write: (text) =>
      Effect.gen(function* () {
        const end = yield* Deferred.make<void, string>()
        writes.push({ text, end })
        // As of a real stream: nothing takes it back.
        yield* Deferred.await(end)
      })
  })
  const send = (id: string) =>
    channel(jobNamed("nightly"), finishedRun(), id).pipe(
      Effect.provideService(CurrentDelivery, { id, kind: "output", subject: "" }),
      Effect.timeoutFail({ duration: "60 seconds", onTimeout: () => "timed out" as const }),
      Effect.either
    )
  const attempt = (id: string) => Effect.tap(Effect.fork(send(id)), settled)
  const end = (index: number, how: Effect.Effect<void, string> = Effect.void) => {
    const write = writes[index]
    return write === undefined
      ? Effect.dieMessage(`no write ${index}`)
      : Effect.zipRight(Deferred.complete(write.end, how), settled)
  }
  const printed = () => writes.map(({ text }) => text.split("\n")[1])
  return { attempt, end, printed }
})

const settled = Effect.yieldNow().pipe(Effect.repeatN(20))

const result = (fiber: Fiber.Fiber<Either.Either<void, unknown>>) =>
  Effect.map(Fiber.join(fiber), (either) => (Either.isRight(either) ? "printed" : either.left))

describe("the stdout channel", () => {
  it.scoped("prints once what an attempt gave up on, when the next one finds it under way", () =>
    Effect.gen(function* () {
      const { attempt, end, printed } = yield* setUp
      const first = yield* attempt("a")
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual(yield* result(first), "timed out")
      const second = yield* attempt("a")
      yield* end(0)
      assert.strictEqual(yield* result(second), "printed")
      assert.deepStrictEqual(printed(), ["a"])
    })
  )

  it.scoped("prints once what ended after an attempt gave up on it, and again when it is sent anew", () =>
    Effect.gen(function* () {
      const { attempt, end, printed } = yield* setUp
      const first = yield* attempt("a")
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual(yield* result(first), "timed out")
      yield* end(0)
      assert.strictEqual(yield* result(yield* attempt("a")), "printed")
      assert.deepStrictEqual(printed(), ["a"])
      const anew = yield* attempt("a")
      yield* end(1)
      assert.strictEqual(yield* result(anew), "printed")
      assert.deepStrictEqual(printed(), ["a", "a"])
    })
  )

  it.scoped("prints one after the other, and nothing of an attempt that gave up before its turn", () =>
    Effect.gen(function* () {
      const { attempt, end, printed } = yield* setUp
      const first = yield* attempt("a")
      const second = yield* attempt("b")
      yield* TestClock.adjust("30 seconds")
      const third = yield* attempt("c")
      assert.deepStrictEqual(printed(), ["a"])
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual([yield* result(first), yield* result(second)], ["timed out", "timed out"])
      const again = yield* attempt("b")
      yield* end(0)
      assert.deepStrictEqual(printed(), ["a", "c"])
      yield* end(1)
      yield* end(2)
      assert.deepStrictEqual([yield* result(third), yield* result(again)], ["printed", "printed"])
      assert.deepStrictEqual(printed(), ["a", "c", "b"])
    })
  )

  it.scoped("prints again what could not be written, whether or not anybody waited for it", () =>
    Effect.gen(function* () {
      const { attempt, end, printed } = yield* setUp
      const seen = yield* attempt("a")
      yield* end(0, Effect.fail("EPIPE"))
      assert.propertyVal(yield* result(seen), "message", "standard output cannot be written: EPIPE")
      const unseen = yield* attempt("a")
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual(yield* result(unseen), "timed out")
      yield* end(1, Effect.fail("EPIPE"))
      const last = yield* attempt("a")
      yield* end(2)
      assert.strictEqual(yield* result(last), "printed")
      assert.deepStrictEqual(printed(), ["a", "a", "a"])
    })
  )
})
