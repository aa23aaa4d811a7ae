import { assert, describe, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { CliError } from "../../src/Cli/Errors.ts"
import { watching } from "../../src/Cli/Watch.ts"

const gone = new CliError({ kind: "unreachable", message: "no service" })

/** Watches without a terminal; each look takes `millis` and gives the next of these. */
const watch = (looks: ReadonlyArray<string | CliError>, millis = 0) =>
  Effect.gen(function* () {
    const printed: Array<string> = []
    const rest = [...looks]
    const look = Effect.delay(
      Effect.suspend(() => {
        const next = rest.shift() ?? "the end"
        return next instanceof CliError ? next : Effect.succeed(next)
      }),
      millis
    )
    const console = yield* Console.consoleWith(Effect.succeed)
    const fiber = yield* Effect.fork(
      Console.withConsole(watching(look, Effect.succeed), {
        ...console,
        log: (text: unknown) => Effect.sync(() => void printed.push(String(text)))
      })
    )
    return { fiber, printed }
  })

describe("watching", () => {
  it.effect("shows what it sees every 5 seconds, however long a look takes", () =>
    Effect.gen(function* () {
      const { fiber, printed } = yield* watch(["a", "b", "c"], 400)
      yield* TestClock.adjust("16 seconds")
      assert.deepStrictEqual(printed.slice(0, 3), [
        "1970-01-01T00:00:00Z\na\n",
        "1970-01-01T00:00:05Z\nb\n",
        "1970-01-01T00:00:10Z\nc\n"
      ])
      assert.lengthOf(printed, 4)
      yield* Fiber.interrupt(fiber)
    })
  )

  it.effect("keeps the last that it saw while the service is gone, and says since when", () =>
    Effect.gen(function* () {
      const { fiber, printed } = yield* watch(["a", gone, gone, "b"])
      yield* TestClock.adjust("15 seconds")
      assert.deepStrictEqual(printed, [
        "1970-01-01T00:00:00Z\na\n",
        "1970-01-01T00:00:05Z\nno service since 1970-01-01T00:00:05Z, trying again\n\na\n",
        "1970-01-01T00:00:10Z\nno service since 1970-01-01T00:00:05Z, trying again\n\na\n",
        "1970-01-01T00:00:15Z\nb\n"
      ])
      yield* Fiber.interrupt(fiber)
    })
  )

  it.effect("ends with what the first look fails of, and with a job that is gone", () =>
    Effect.gen(function* () {
      const first = yield* watch([gone])
      assert.deepStrictEqual(yield* Fiber.await(first.fiber), Exit.fail(gone))
      const removed = new CliError({ kind: "notFound", message: "no job" })
      const later = yield* watch(["a", removed])
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* Fiber.await(later.fiber), Exit.fail(removed))
    })
  )
})
