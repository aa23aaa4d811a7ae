import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** Whether what is printed is seen on a terminal. */
export const isTerminal = Effect.sync(() => process.stdout.isTTY === true)

/** The width of the terminal, or what COLUMNS says of it; 0 where there is none. */
export const terminalColumns = Effect.gen(function* () {
  if (!(yield* isTerminal)) return 0
  const told = yield* Effect.option(Config.integer("COLUMNS"))
  return Option.getOrElse(
    Option.filter(told, (columns) => columns > 0),
    () => process.stdout.columns || 80
  )
})

/** Whether a person can be asked: both ends are a terminal. */
export const isInteractive = Effect.sync(() => process.stdin.isTTY === true && process.stdout.isTTY === true)

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the sequences to remove
const ansi = /\u001b\[[0-9;?]*[A-Za-z]/g

/** Prints texts changed by `edit`, and in colours only on a terminal and where NO_COLOR is not set (no-color.org). */
export const withConsole =
  (edit: (text: string) => string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      const noColour = yield* Effect.orDie(Config.option(Config.string("NO_COLOR")))
      const coloured = process.stdout.isTTY && Option.getOrElse(noColour, () => "") === ""
      const print = (args: ReadonlyArray<unknown>) =>
        args.map((arg) => (typeof arg === "string" ? edit(coloured ? arg : arg.replace(ansi, "")) : arg))
      const console = yield* Console.consoleWith(Effect.succeed)
      return yield* Console.withConsole(effect, {
        ...console,
        log: (...args) => console.log(...print(args)),
        error: (...args) => console.error(...print(args))
      })
    })

/** Writes a text to stderr as it is, without a line break of its own. */
export const writeErr = (text: string) =>
  Effect.async<void>((resume) => {
    process.stderr.write(text, () => resume(Effect.void))
  })

/** Writes a text to stdout as it is, without a line break of its own. */
export const writeOut = (text: string) =>
  Effect.async<void>((resume) => {
    process.stdout.write(text, () => resume(Effect.void))
  })
