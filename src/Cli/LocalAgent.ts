import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import { AgentRuntime } from "../Agents.ts"
import { noBudget } from "../Budgets.ts"
import { runByHand } from "../RunByHand.ts"
import { environmentWithout, ServiceEnvironment } from "../ServiceEnvironment.ts"
import { findConfigFile, loadSettings, Settings } from "../Settings.ts"
import { CliError, unusable } from "./Errors.ts"
import { readSymbiFile } from "./SymbiFile.ts"
import { writeErr } from "./Terminal.ts"

/**
 * Runs an agent of a `.symbi` file in this process, with the providers that the configuration names; what it says
 * meanwhile goes to stderr.
 */
export const runLocally = Effect.fnUntraced(function* (
  file: string,
  name: string,
  input: string,
  config: Option.Option<string>
) {
  const { agents } = yield* readSymbiFile(file)
  const own = yield* ServiceEnvironment
  const { keyVariables, settings } = yield* Effect.flatMap(findConfigFile(config), (configFile) =>
    loadSettings({ configFile, env: own.variables, overrides: {} })
  ).pipe(Effect.mapError(unusable))
  return yield* Effect.gen(function* () {
    const runtime = yield* AgentRuntime
    yield* runtime.load(agents.map(({ definition }) => definition))
    const agent = yield* Effect.mapError(
      runtime.find(name),
      ({ message }) => new CliError({ kind: "notFound", message: `${file}: ${message}` })
    )
    return yield* runByHand(agent, {
      input,
      maxRuntime: settings.scheduler.default_max_runtime,
      log: writeErr,
      budget: noBudget
    }).pipe(Effect.mapError(({ message }) => new CliError({ kind: "failed", message })))
  }).pipe(
    Effect.provide(
      AgentRuntime.layer.pipe(
        Layer.provide(ServiceEnvironment.layer(environmentWithout(keyVariables, own))),
        Layer.provide(Layer.succeed(Settings, settings))
      )
    )
  )
})
