import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { neutralise } from "../ControlCharacters.ts"

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

/** Whether NO_COLOR leaves colours to be shown (no-color.org). */
export const wantsColours = Effect.map(
  Effect.orDie(Config.option(Config.string("NO_COLOR"))),
  (noColour) => Option.getOrElse(noColour, () => "") === ""
)

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the sequences to remove
const ansi = /\u001b\[[0-9;?]*[A-Za-z]/g

// biome-ignore lint/suspicious/noControlCharactersInRegex: the sequence that a terminal is coloured with
const colour = /(\u001b\[[0-9;]*m)/

/** A text for a terminal without what colours it. */
export const withoutColours = (text: string): string =>
  text
    .split(colour)
    .filter((_, index) => index % 2 === 0)
    .join("")

/** A line that is printed; on a terminal nothing in it but its colours is obeyed. */
const printed = (text: string, { coloured, terminal }: { readonly coloured: boolean; readonly terminal: boolean }) => {
  const wanted = coloured ? text : text.replace(ansi, "")
  if (!terminal) return wanted
  const parts = `${wanted}\n`.split(colour)
  return parts
    .map((part, index) => (index % 2 === 1 ? part : neutralise(part)))
    .join("")
    .slice(0, -1)
}

/** Prints texts changed by `edit`, and in colours only on a terminal and where NO_COLOR is not set (no-color.org). */
export const withConsole =
  (edit: (text: string) => string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      const colours = yield* wantsColours
      const print = (stream: NodeJS.WriteStream, args: ReadonlyArray<unknown>) => {
        const terminal = stream.isTTY === true
        return args.map((arg) =>
          typeof arg === "string" ? edit(printed(arg, { coloured: terminal && colours, terminal })) : arg
        )
      }
      const console = yield* Console.consoleWith(Effect.succeed)
      return yield* Console.withConsole(effect, {
        ...console,
        log: (...args) => console.log(...print(process.stdout, args)),
        error: (...args) => console.error(...print(process.stderr, args))
      })
    })

const write = (stream: NodeJS.WriteStream, text: string) =>
  Effect.async<void>((resume) => {
    stream.write(text, () => resume(Effect.void))
  })

const asShown = (stream: NodeJS.WriteStream, text: string): string => (stream.isTTY === true ? neutralise(text) : text)

/**
 * A text that others wrote, such as an agent or a service, as it is; on a terminal of stderr with its control
 * characters shown instead of obeyed.
 */
export const forStderr = (text: string): string => asShown(process.stderr, text)

/** Writes such a text to stderr, without a line break of its own. */
export const writeErr = (text: string) => Effect.suspend(() => write(process.stderr, forStderr(text)))

/** The same on stdout. */
export const writeOut = (text: string) => Effect.suspend(() => write(process.stdout, asShown(process.stdout, text)))

/** Writes what the terminal is to obey. */
export const steerTerminal = (text: string) => write(process.stdout, text)
