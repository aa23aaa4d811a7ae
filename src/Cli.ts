import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as ValidationError from "@effect/cli/ValidationError"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { agentpin } from "./Cli/AgentPin.ts"
import { agents } from "./Cli/Agents.ts"
import { apply } from "./Cli/Apply.ts"
import { approvals } from "./Cli/Approvals.ts"
import { emptyOption, orderWords } from "./Cli/Argv.ts"
import { audit } from "./Cli/Audit.ts"
import { budgets } from "./Cli/Budgets.ts"
import { config } from "./Cli/Config.ts"
import { cron } from "./Cli/Cron.ts"
import { deliveries } from "./Cli/Deliveries.ts"
import { CliError, exitCodes } from "./Cli/Errors.ts"
import { exportJobs } from "./Cli/Export.ts"
import { fmt } from "./Cli/Fmt.ts"
import { tidyHelp } from "./Cli/Help.ts"
import { keys } from "./Cli/Keys.ts"
import { symbi } from "./Cli/Root.ts"
import { runAgent } from "./Cli/RunAgent.ts"
import { withConsole } from "./Cli/Terminal.ts"
import { up } from "./Cli/Up.ts"
import { validate } from "./Cli/Validate.ts"
import { why } from "./Cli/Why.ts"
import { nearest } from "./Suggestion.ts"
import { version } from "./Version.ts"

const main = Command.run(
  symbi.pipe(
    Command.withSubcommands([
      up,
      cron,
      approvals,
      deliveries,
      why,
      runAgent,
      agents,
      budgets,
      validate,
      fmt,
      apply,
      exportJobs,
      config,
      audit,
      agentpin,
      keys
    ])
  ),
  {
    name: "Symbiont Scheduler",
    version,
    executable: "symbi"
  }
)

const live = Layer.merge(FetchHttpClient.layer, CliConfig.layer({ showBuiltIns: false, isCaseSensitive: true }))

const report = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  const failure = Option.getOrUndefined(Cause.failureOption(cause))
  if (failure instanceof CliError) return Console.error(`error: ${failure.message}`)
  if (Cause.isInterruptedOnly(cause) || ValidationError.isValidationError(failure)) return Effect.void
  return Console.error(Cause.pretty(cause))
}

/** Commands that only lead to others, by name. */
const groups: ReadonlyMap<string, ReadonlyArray<string>> = new Map([
  ["cron", [...HashMap.keys(Command.getSubcommands(cron))]],
  ["approvals", [...HashMap.keys(Command.getSubcommands(approvals))]],
  ["deliveries", [...HashMap.keys(Command.getSubcommands(deliveries))]],
  ["agents", [...HashMap.keys(Command.getSubcommands(agents))]],
  ["audit", [...HashMap.keys(Command.getSubcommands(audit))]],
  ["agentpin", [...HashMap.keys(Command.getSubcommands(agentpin))]],
  ["keys", [...HashMap.keys(Command.getSubcommands(keys))]]
])

/** The parser would blame `symbi` for a wrong word after `symbi cron`, and name the commands of `symbi`. */
const checkCommand = ([first, second]: ReadonlyArray<string>) => {
  const names = groups.get(first ?? "")
  if (names === undefined || second === undefined || second.startsWith("-") || names.includes(second)) {
    return Effect.void
  }
  const meant = nearest(second, names)
  const hint = meant === undefined ? `the commands are ${names.join(", ")}` : `did you mean "${meant}"?`
  return new CliError({ kind: "usage", message: `no command "symbi ${first} ${second}"; ${hint}` })
}

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
    return checkCommand(ordered).pipe(
      Effect.zipRight(main(["node", "symbi", ...ordered])),
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
  return words[0] === "up" || words.includes("--watch") ? 0 : 130
}
