import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { unsetFor } from "../Delivery.ts"
import { placeOf } from "../Domain/Redaction.ts"
import { checkFiles, type TextFile } from "../FileCheck.ts"
import { ServiceEnvironment, withheldVariables } from "../ServiceEnvironment.ts"
import { loadSettings, ownServerOf, type Settings } from "../Settings.ts"
import { failed, ok, type Verdict, warning } from "./Verdict.ts"

/** The configuration as `symbi up` would read it, with what is wrong or doubtful; null where it cannot be used. */
export const readConfiguration = Effect.fn("Doctor.configuration")(function* (
  configFile: Option.Option<string>,
  data_dir: Option.Option<string>
) {
  const { variables } = yield* ServiceEnvironment
  const name = Option.getOrElse(configFile, () => "the defaults (no symbiont.toml)")
  const loaded = yield* Effect.either(
    loadSettings({ configFile, env: variables, overrides: { data_dir: Option.getOrUndefined(data_dir) } })
  )
  if (loaded._tag === "Left") {
    const problems = loaded.left.problems.map((problem) =>
      failed("configuration", problem, "correct it; `symbi up` does not start like this")
    )
    return { loaded: null, verdicts: problems as ReadonlyArray<Verdict> }
  }
  // A secret that is not set is more than a doubt: what needs it fails.
  const unset = loaded.right.settings.unset ?? []
  const verdicts = [
    ...unset.map(({ key, variable }) =>
      failed("secrets", `${key} needs ${variable}, which is not set`, `set ${variable} for the service`)
    ),
    ...loaded.right.warnings
      .filter(
        (text) => !unset.some(({ key, variable }) => text.includes(`${key}: the environment variable ${variable}`))
      )
      .map((text) => warning("configuration", text, "correct it, or take it out"))
  ]
  return {
    loaded: loaded.right,
    verdicts: verdicts.length === 0 ? [ok("configuration", `${name} can be used`)] : verdicts
  }
})

type Loaded = Effect.Effect.Success<ReturnType<typeof loadSettings>>

/** Whether alerts about what could not be delivered have somewhere to go. */
export const checkFallback = ({ settings: { scheduler, unset } }: Loaded): ReadonlyArray<Verdict> => {
  const { fallback } = scheduler.delivery
  if (fallback === "none") {
    return [
      warning(
        "fallback",
        "nobody is told of deliveries that fail (fallback = none)",
        "set fallback under [scheduler.delivery] to a channel"
      )
    ]
  }
  const missing = unsetFor(fallback, "undelivered", {}, { settings: scheduler.delivery, unset })
  return missing === undefined
    ? [ok("fallback", `deliveries that fail are told of by ${fallback}`)]
    : [failed("fallback", missing, "set it, or choose another fallback")]
}

const variableOf = (message: string): string | undefined =>
  /the environment variable (\w+) is not set/.exec(message)?.[1]

/** The files of agents and schedules: errors, variables that are not set, and models without a key. */
export const checkAgentFiles = (files: ReadonlyArray<TextFile>, loaded: Loaded | null) =>
  Effect.gen(function* () {
    const { variables } = yield* ServiceEnvironment
    const now = yield* Clock.currentTimeMillis
    const { diagnostics, parsed } = checkFiles(files, {
      now,
      timezone: loaded?.settings.scheduler.timezone ?? "UTC",
      variables,
      withheld: withheldVariables(loaded?.keyVariables ?? []),
      agents: [],
      policies: new Map(),
      channels:
        loaded === null
          ? null
          : { settings: loaded.settings.scheduler.delivery, unset: loaded.settings.unset, inCode: new Map() },
      unset: "error",
      past: false
    })
    const said = diagnostics.map(({ file, line, message, severity }) => {
      const variable = variableOf(message)
      const text = `${file}:${line}: ${message}`
      if (variable !== undefined) return failed("secrets", text, `set ${variable} for the service`)
      return severity === "error"
        ? failed("files", text, "`symbi validate` shows the place")
        : warning("files", text, "`symbi validate` shows the place")
    })
    const models = parsed.agents.filter(({ definition }) => definition.kind === "model").length
    const counts = `${files.length} ${files.length === 1 ? "file" : "files"} of agents and schedules`
    return {
      models,
      verdicts:
        said.length === 0 ? [ok("files", files.length === 0 ? "no files of agents" : `${counts}, no errors`)] : said
    }
  })

type Providers = Settings["Type"]["providers"]

/** Providers that have a key, or need none; of the two that are known to everybody one is enough. */
export const checkProviders = ({ settings }: Loaded, models: number): ReadonlyArray<Verdict> => {
  const usable = Object.entries(settings.providers).filter(
    ([name, { api_key, base_url }]) => api_key !== undefined || base_url !== ownServerOf(name)
  )
  if (usable.length > 0) return [ok("providers", `${usable.map(([name]) => name).join(", ")} can be asked`)]
  return models === 0
    ? [ok("providers", "no agent has a model; none is needed")]
    : [
        failed(
          "providers",
          `${models} agents have a model, and no provider has a key`,
          "set ANTHROPIC_API_KEY or OPENAI_API_KEY, or write [providers.NAME]"
        )
      ]
}

/** Whether the servers of providers answer, whatever they say. */
export const checkReachable = (providers: Providers) =>
  Effect.forEach(
    Object.entries(providers).filter(
      ([name, { api_key, base_url }]) => api_key !== undefined || base_url !== ownServerOf(name)
    ),
    ([name, { base_url }]) =>
      Effect.promise((signal) =>
        fetch(base_url, { signal, redirect: "manual" }).then(
          () => ok("network", `${name} answers at ${placeOf(base_url)}`),
          () =>
            failed(
              "network",
              `${name} does not answer at ${placeOf(base_url)}`,
              "is the network up, and base_url right?"
            )
        )
      ),
    { concurrency: 4 }
  )
