import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** Whether a person can be asked: both ends are a terminal. */
export const isInteractive = Effect.sync(() => process.stdin.isTTY === true && process.stdout.isTTY === true)

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the sequences to remove
const ansi = /\u001b\[[0-9;?]*[A-Za-z]/g

const withoutColour = (args: ReadonlyArray<unknown>): ReadonlyArray<unknown> =>
  args.map((arg) => (typeof arg === "string" ? arg.replace(ansi, "") : arg))

/** Colours only on a terminal, and not where NO_COLOR is set (no-color.org). */
export const withColourChoice = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const noColour = yield* Effect.orDie(Config.option(Config.string("NO_COLOR")))
    if (process.stdout.isTTY && Option.getOrElse(noColour, () => "") === "") return yield* effect
    const console = yield* Console.consoleWith(Effect.succeed)
    return yield* Console.withConsole(effect, {
      ...console,
      log: (...args) => console.log(...withoutColour(args)),
      error: (...args) => console.error(...withoutColour(args))
    })
  })
