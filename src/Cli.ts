import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as CommandDescriptor from "@effect/cli/CommandDescriptor"
import * as ValidationError from "@effect/cli/ValidationError"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { commandOf, emptyOption, orderWords } from "./Cli/Argv.ts"
import { commandNames, commands, isCommandName } from "./Cli/Commands.ts"
import { CliError, exitCodes } from "./Cli/Errors.ts"
import { tidyHelp } from "./Cli/Help.ts"
import { symbi } from "./Cli/Root.ts"
import { withConsole } from "./Cli/Terminal.ts"
import { nearest } from "./Suggestion.ts"
import { version } from "./Version.ts"

/**
 * `symbi` with the command that is asked for, and the names of the commands under that; with all of them where it is
 * none of them.
 */
const loaded = (words: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const [asked] = commandOf(words)
    const names = isCommandName(asked) ? [asked] : commandNames
    const [first, ...others] = yield* Effect.promise(() => Promise.all(names.map((name) => commands[name]())))
    if (first === undefined) return yield* Effect.dieMessage("there are no commands")
    const under = [...HashMap.keys(CommandDescriptor.getSubcommands<unknown>(first.descriptor))]
    return {
      whole: Command.withSubcommands(symbi, [first, ...others]),
      // The library gives a command that leads to no others itself.
      under: others.length > 0 ? [] : under.filter((name) => name !== asked)
    }
  })

const live = Layer.merge(NodeHttpClient.layer, CliConfig.layer({ showBuiltIns: false, isCaseSensitive: true }))

const report = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  const failure = Option.getOrUndefined(Cause.failureOption(cause))
  if (failure instanceof CliError) return Console.error(`error: ${failure.message}`)
  if (Cause.isInterruptedOnly(cause) || ValidationError.isValidationError(failure)) return Effect.void
  return Console.error(Cause.pretty(cause))
}

/** The parser would blame `symbi` for a wrong word after `symbi cron`, and name the commands of `symbi`. */
const checkCommand = (words: ReadonlyArray<string>, under: ReadonlyArray<string>) => {
  const [first, second] = commandOf(words)
  if (under.length === 0 || second === undefined || under.includes(second)) return Effect.void
  const meant = nearest(second, under)
  const hint = meant === undefined ? `the commands are ${under.join(", ")}` : `did you mean "${meant}"?`
  return new CliError({ kind: "usage", message: `no command "symbi ${first} ${second}"; ${hint}` })
}

const about = { name: "Symbiont Scheduler", version, executable: "symbi" }

/** Runs the words after `symbi`; whatever goes wrong is told once, on stderr. */
export const runCli = (words: ReadonlyArray<string>) =>
  Effect.suspend(() => {
    const ordered = words.length === 0 ? ["--help"] : orderWords(words)
    const helps = ordered.includes("--help") || ordered.includes("-h")
    const command = ordered.slice(
      0,
      ordered.findIndex((word) => word.startsWith("-"))
    )
    const empty = emptyOption(ordered)
    if (empty !== undefined) {
      const refusal = new CliError({ kind: "usage", message: `${empty} is empty; give its value, or leave it out` })
      return Effect.tapErrorCause(refusal, report)
    }
    return loaded(ordered).pipe(
      Effect.tap(({ under }) => checkCommand(ordered, under)),
      Effect.flatMap(({ whole }) => Command.run(whole, about)(["node", "symbi", ...ordered])),
      Effect.tapErrorCause(report),
      withConsole(helps ? (page) => tidyHelp(page, command) : identity)
    )
  }).pipe(Effect.provide(live))

/** The exit code of a command: see {@link exitCodes}. Interrupted is 130, but for commands that run until interrupted. */
export const exitCodeOf = (exit: Exit.Exit<unknown, unknown>, words: ReadonlyArray<string>): number => {
  if (Exit.isSuccess(exit)) return 0
  const failure = Option.getOrUndefined(Cause.failureOption(exit.cause))
  if (failure instanceof CliError) return exitCodes[failure.kind]
  if (ValidationError.isValidationError(failure)) return exitCodes.usage
  if (!Cause.isInterruptedOnly(exit.cause)) return exitCodes.failed
  const follows = words.includes("--follow") || (words.includes("logs") && words.includes("-f"))
  return words[0] === "up" || words.includes("--watch") || follows ? 0 : 130
}
