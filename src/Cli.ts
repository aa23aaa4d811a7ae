import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as ValidationError from "@effect/cli/ValidationError"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { emptyOption, isGiven, type Line, parserWords, readLine, unmarked } from "./Cli/Argv.ts"
import { commandNames, commands, isCommandName } from "./Cli/Commands.ts"
import { CliError, exitCodes } from "./Cli/Errors.ts"
import { misuseOf } from "./Cli/Misuse.ts"
import { symbi } from "./Cli/Root.ts"
import { type CommandShape, shapeOf, textOf } from "./Cli/Shape.ts"
import { forStderr, withConsole } from "./Cli/Terminal.ts"
import { nearest } from "./Suggestion.ts"
import { version } from "./Version.ts"

/** `symbi` with the command that is asked for, and the shape of that; with all of them where it is none of them. */
const loaded = ({ command: [asked] }: Line) =>
  Effect.gen(function* () {
    const names = isCommandName(asked) ? [asked] : commandNames
    const [first, ...others] = yield* Effect.promise(() => Promise.all(names.map((name) => commands[name]())))
    if (first === undefined) return yield* Effect.dieMessage("there are no commands")
    return {
      whole: Command.withSubcommands(symbi, [first, ...others]),
      shape: asked === undefined || others.length > 0 ? undefined : shapeOf(first.descriptor, [asked])
    }
  })

const live = Layer.merge(NodeHttpClient.layer, CliConfig.layer({ showBuiltIns: false, isCaseSensitive: true }))

/** What the parser says of a value, without the name of its type in a sentence of its own. */
const validationText = ({ error }: ValidationError.ValidationError): string =>
  textOf(error)
    .replace(/\s*\n\s*/g, " ")
    .trim()
    .replace(/^'(.*)' is not a integer$/s, '"$1" is no whole number')

const report = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  const failure = Option.getOrUndefined(Cause.failureOption(cause))
  if (failure instanceof CliError) return Console.error(`error: ${forStderr(failure.message)}`)
  if (Cause.isInterruptedOnly(cause)) return Effect.void
  if (ValidationError.isValidationError(failure)) return Console.error(`error: ${forStderr(validationText(failure))}`)
  return Console.error(Cause.pretty(cause))
}

const noCommand = (words: ReadonlyArray<string>, names: ReadonlyArray<string>) => {
  const meant = nearest(words.at(-1) ?? "", names)
  const all = words.length === 1 ? "symbi --help lists them" : `the commands are ${names.join(", ")}`
  const hint = meant === undefined ? all : `did you mean "${meant}"?`
  return new CliError({ kind: "usage", message: `no command "${["symbi", ...words].join(" ")}"; ${hint}` })
}

/** Refuses words that name no command, or are not what the command takes. */
const checkLine = (line: Line, whole: CommandShape | undefined) => {
  const [first, second] = line.command
  if (first !== undefined && !isCommandName(first)) return noCommand([first], commandNames)
  if (first === undefined || whole === undefined) return Effect.void
  const under = whole.commands.map((child) => child.words[1] ?? "")
  const shape = under.length === 0 ? whole : whole.commands.find((child) => child.words[1] === second)
  if (shape === undefined) return noCommand([first, second ?? ""], under)
  const misuse = misuseOf(shape, line)
  return misuse === undefined ? Effect.void : new CliError({ kind: "usage", message: misuse })
}

/** Prints the page of the command that is named; of `symbi` where none is. */
const printHelp = Effect.fnUntraced(function* (command: ReadonlyArray<string>) {
  const { mainPage, pageOf } = yield* Effect.promise(() => import("./Cli/Help.ts"))
  const { allShapes } = yield* Effect.promise(() => import("./Cli/AllShapes.ts"))
  const shapes = yield* allShapes
  const [first, second] = command
  if (first === undefined) return yield* Console.log(mainPage(shapes, version))
  const shape = shapes.find(({ words }) => words[0] === first)
  if (shape === undefined) return yield* noCommand([first], commandNames)
  if (shape.commands.length === 0 || second === undefined) return yield* Console.log(pageOf(shape))
  const under = shape.commands.find(({ words }) => words[1] === second)
  if (under !== undefined) return yield* Console.log(pageOf(under))
  return yield* noCommand(
    [first, second],
    shape.commands.map(({ words }) => words[1] ?? "")
  )
})

const about = { name: "Symbiont Scheduler", version, executable: "symbi" }

/** The parser tells of what it refuses by itself; that is told once, by {@link report}. */
const parserSilent = { error: () => Effect.void }

const runCommand = (line: Line) =>
  Effect.gen(function* () {
    const { shape, whole } = yield* loaded(line)
    if (shape !== undefined && shape.commands.length > 0 && line.command.length === 1) {
      return yield* printHelp(line.command)
    }
    yield* checkLine(line, shape)
    const console = yield* Console.consoleWith(Effect.succeed)
    const asGiven = Command.withHandler(whole, (parsed) => whole.handler(unmarked(parsed)))
    const spoken = Command.transformHandler(asGiven, (handler) => Console.withConsole(handler, console))
    yield* Console.withConsole(Command.run(spoken, about)(["node", "symbi", ...parserWords(line)]), {
      ...console,
      ...parserSilent
    })
  })

/** Runs the words after `symbi`; whatever goes wrong is told once, on stderr. */
export const runCli = (words: ReadonlyArray<string>) =>
  Effect.suspend(() => {
    const line = readLine(words[0] === "help" ? words.slice(1) : words)
    if (words.length === 0 || words[0] === "help" || isGiven(line, "--help", "-h")) return printHelp(line.command)
    if (line.command.length === 0) {
      if (isGiven(line, "--version")) return Console.log(version)
      return new CliError({
        kind: "usage",
        message: `no command in "symbi ${words.join(" ")}"; symbi --help lists them`
      })
    }
    const empty = emptyOption(line)
    if (empty !== undefined) {
      return new CliError({ kind: "usage", message: `${empty} is empty; give its value, or leave it out` })
    }
    return runCommand(line)
  }).pipe(Effect.tapErrorCause(report), withConsole(identity), Effect.provide(live))

/** The exit code of a command: see {@link exitCodes}. Interrupted is 130, but for commands that run until interrupted. */
export const exitCodeOf = (exit: Exit.Exit<unknown, unknown>, words: ReadonlyArray<string>): number => {
  if (Exit.isSuccess(exit)) return 0
  const failure = Option.getOrUndefined(Cause.failureOption(exit.cause))
  if (failure instanceof CliError) return exitCodes[failure.kind]
  if (ValidationError.isValidationError(failure)) return exitCodes.usage
  if (!Cause.isInterruptedOnly(exit.cause)) return exitCodes.failed
  const line = readLine(words)
  const [command] = line.command
  const follows = command === "logs" && isGiven(line, "--follow", "-f")
  return command === "up" || follows || isGiven(line, "--watch") ? 0 : 130
}
