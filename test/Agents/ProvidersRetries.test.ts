import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as TestClock from "effect/TestClock"
import {
  cut,
  drops,
  errorEvent,
  fails,
  overloaded,
  rateLimited,
  type Step,
  say,
  silent,
  unavailable
} from "../support/ModelServer.ts"
import { ask, failureOf, modelOf, wires } from "./providers.ts"

/** Asks on the test clock, which is moved on whenever someone waits; tells how long that was, too. */
const asked = (model: Parameters<typeof ask>[0]) =>
  Effect.gen(function* () {
    const start = yield* Clock.currentTimeMillis
    const fiber = yield* Effect.fork(ask(model))
    // What waits for the network is not woken by the clock: look again and again.
    while (Either.isLeft(Either.fromOption(yield* Fiber.poll(fiber), () => "under way"))) {
      yield* TestClock.adjust(250)
      yield* Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void)))
    }
    return { ...(yield* Fiber.join(fiber)), waited: (yield* Clock.currentTimeMillis) - start }
  })

const atOnce = { "retry-after-ms": "0" }
const failing: ReadonlyArray<readonly [what: string, step: Step]> = [
  ["429", fails(429, "slow", { headers: atOnce })],
  ["500", fails(500, "oh", { headers: atOnce })],
  ["529", { ...overloaded, headers: atOnce }],
  ["503 of a proxy", { ...unavailable, headers: atOnce }]
]

const onTestClock: ReadonlyArray<readonly [what: string, step: Step]> = [
  ["a connection that is closed without an answer", drops],
  ["a connection that is closed", cut("", "resets")],
  ["a stream that ends before anything came", cut("", "half_closes")],
  ["an error in a stream before anything came", errorEvent("overloaded_error", "Overloaded")],
  ["503", unavailable]
]

describe("what failed before any answer", () => {
  for (const wire of wires) {
    for (const [what, step] of failing) {
      it.live(`${wire}: is tried again after ${what}`, () =>
        Effect.scoped(
          Effect.gen(function* () {
            const { model, server } = yield* modelOf(wire, { retries: 2 })
            server.script(step, step, say("fine"))
            const result = yield* ask(model)
            assert.strictEqual(Either.getOrThrow(result.answer).text, "fine")
            assert.lengthOf(server.calls, 3)
            assert.strictEqual(server.calls[2]?.text, server.calls[0]?.text)
            assert.lengthOf(result.usages, 1)
          })
        )
      )
    }

    for (const [what, step] of onTestClock) {
      it.scoped(`${wire}: is tried again after ${what}`, () =>
        Effect.gen(function* () {
          const { model, server } = yield* modelOf(wire, { retries: 1, timeout: "1d", idle_timeout: "1d" })
          server.script(step, say("fine"))
          const { answer } = yield* asked(model)
          assert.strictEqual(Either.getOrThrow(answer).text, "fine")
          assert.lengthOf(server.calls, 2)
        })
      )
    }

    it.scoped(`${wire}: is not tried again once something came`, () =>
      Effect.gen(function* () {
        for (const step of [cut("Hel"), errorEvent("overloaded_error", "Overloaded", "Hel")]) {
          const { model, server } = yield* modelOf(wire, { retries: 5 })
          server.script(step)
          assert.strictEqual(failureOf(yield* ask(model)).kind, "transient")
          assert.lengthOf(server.calls, 1)
        }
      })
    )

    it.scoped(`${wire}: is not tried again where that cannot help`, () =>
      Effect.gen(function* () {
        for (const status of [400, 401, 403, 404, 408, 413]) {
          const { model, server } = yield* modelOf(wire, { retries: 5 })
          server.script(fails(status))
          yield* ask(model)
          assert.lengthOf(server.calls, 1)
        }
      })
    )
  }

  it.scoped("waits for 1 s, 4 s and so on, give or take a quarter, and gives up after so many tries", () =>
    Effect.gen(function* () {
      const { model, server } = yield* modelOf("anthropic", { retries: 3, timeout: "1d", idle_timeout: "1d" })
      server.script(unavailable)
      const { answer, waited } = yield* asked(model)
      assert.isTrue(Either.isLeft(answer))
      assert.lengthOf(server.calls, 4)
      assert.isAtLeast(waited, 0.75 * 21_000)
    }).pipe(Effect.withRandom(Random.make("waits")))
  )

  it.scoped("waits as long as it is told", () =>
    Effect.gen(function* () {
      const { model, server } = yield* modelOf("openai", { retries: 1, timeout: "1d", idle_timeout: "1d" })
      server.script(rateLimited(30), say("fine"))
      const { answer, waited } = yield* asked(model)
      assert.isTrue(Either.isRight(answer))
      assert.isAtLeast(waited, 30_000)
    })
  )

  it.scoped("leaves a longer wait than a minute to whoever called", () =>
    Effect.gen(function* () {
      const { model, server } = yield* modelOf("openai", { retries: 5 })
      server.script(rateLimited(61), say("fine"))
      const { kind, retry_after_ms } = failureOf(yield* ask(model))
      assert.deepStrictEqual([kind, retry_after_ms], ["rate_limited", 61_000])
      assert.lengthOf(server.calls, 1)
    })
  )

  it.scoped("leaves a wait that its time does not allow to whoever called", () =>
    Effect.gen(function* () {
      const { model, server } = yield* modelOf("openai", { retries: 5, timeout: "20s" })
      server.script(rateLimited(30), say("fine"))
      assert.strictEqual(failureOf(yield* ask(model)).retry_after_ms, 30_000)
      assert.lengthOf(server.calls, 1)
    })
  )

  it.scoped("takes the time of a request before the provider's, over all tries", () =>
    Effect.gen(function* () {
      const { model, server } = yield* modelOf("openai", { timeout: "1d", idle_timeout: "1d" })
      server.script(silent("Hel"))
      const fiber = yield* Effect.fork(ask(model, { timeout: 90_000 }))
      yield* server.called(1)
      yield* TestClock.adjust("90 seconds")
      const { kind, message } = failureOf(yield* Fiber.join(fiber))
      assert.deepStrictEqual([kind, message], ["timeout", 'no whole answer of provider "test" within 1m30s'])
    })
  )
})
