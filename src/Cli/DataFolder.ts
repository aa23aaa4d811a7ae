import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ServiceEnvironment } from "../ServiceEnvironment.ts"
import { unusable } from "./Errors.ts"

/** Which data folder is meant, where a command works on it without the service. */
export const dataOptions = {
  config: Options.text("config").pipe(
    Options.withPseudoName("file"),
    Options.withDescription("configuration that names the data folder (default symbiont.toml, if there is one)"),
    Options.optional
  ),
  data: Options.text("data").pipe(
    Options.withPseudoName("folder"),
    Options.withDescription("data folder (default as configured, else .symbi)"),
    Options.optional
  )
}

/** The data folder: the one that was named, else the one that `symbi up` would use. */
export const dataFolder = Effect.fnUntraced(function* (options: {
  readonly config: Option.Option<string>
  readonly data: Option.Option<string>
}) {
  if (Option.isSome(options.data)) return options.data.value
  const { findConfigFile, loadSettings } = yield* Effect.promise(() => import("../Settings.ts"))
  const { variables } = yield* ServiceEnvironment
  const { settings } = yield* Effect.mapError(
    loadSettings({ configFile: yield* findConfigFile(options.config), env: variables, overrides: {} }),
    unusable
  )
  return settings.data_dir
})
