import * as Either from "effect/Either"
import { AgentFailure, type ModelAgent } from "../../Domain/Agent.ts"
import { ownServerOf, type Provider, type Settings } from "../../Settings.ts"
import { best } from "./Names.ts"
import { sentName } from "./SentName.ts"

/** A provider by name, and a model as it knows it. */
export interface Chosen {
  readonly name: string
  readonly provider: Provider
  readonly model: string
}

type Configured = Pick<Settings["Type"], "providers" | "unset">
type Wanted = Pick<ModelAgent, "id" | "model" | "provider">

const listed = (providers: Configured["providers"]): string => Object.keys(providers).sort().join(", ")

const knownName = (model: string): string | undefined => {
  if (model.startsWith("claude")) return "anthropic"
  return /^(gpt|o\d|chatgpt)/.test(model) ? "openai" : undefined
}

/** The provider's name, and the model's without it. */
const named = (
  { id, model, provider }: Wanted,
  providers: Configured["providers"]
): Either.Either<readonly [name: string, model: string], string> => {
  if (provider !== undefined) {
    return Object.hasOwn(providers, provider)
      ? Either.right([provider, model])
      : Either.left(
          `agent "${id}": there is no provider "${provider}"; configured are ${listed(providers)}; write [providers.${provider}] with its base_url in symbiont.toml`
        )
  }
  const slash = model.indexOf("/")
  const prefix = model.slice(0, Math.max(0, slash))
  if (Object.hasOwn(providers, prefix) && slash < model.length - 1)
    return Either.right([prefix, model.slice(slash + 1)])
  const patterns = Object.entries(providers).flatMap(([name, { models }]) =>
    models.map((pattern) => [pattern, name] as const)
  )
  const found = best(patterns, model) ?? knownName(model)
  return found === undefined
    ? Either.left(
        `agent "${id}": no provider is known for the model "${model}"; configured are ${listed(providers)}; write provider: "NAME" in the agent, or models = ["${model}"] under [providers.NAME] in symbiont.toml`
      )
    : Either.right([found, model])
}

/** Why a provider cannot be called as it is configured. */
const unusable = (name: string, provider: Provider, { unset = [] }: Configured): string | undefined => {
  const missing = unset.find(({ key }) => key === `providers.${name}.api_key`)
  if (missing !== undefined) {
    return `${missing.key} needs the environment variable ${missing.variable}, which is not set; set it and start the service again`
  }
  if (provider.api_key !== undefined || provider.base_url !== ownServerOf(name)) return undefined
  return `the provider "${name}" has no key; set ${name.toUpperCase()}_API_KEY, or api_key under [providers.${name}], and start the service again`
}

/**
 * The provider of an agent's model: what the agent names, else `NAME/model`, else by the patterns of `models`, else by
 * the model's name. Left says what to configure.
 */
export const choose = (agent: Wanted, settings: Configured): Either.Either<Chosen, AgentFailure> =>
  Either.flatMap(named(agent, settings.providers), ([name, model]) => {
    const provider = settings.providers[name]
    if (provider === undefined) return Either.left(`there is no provider "${name}"`)
    const problem = unusable(name, provider, settings)
    return problem === undefined
      ? Either.right({ name, provider, model: sentName(provider.kind, model) })
      : Either.left(`agent "${agent.id}": ${problem}`)
  }).pipe(Either.mapLeft((message) => new AgentFailure({ kind: "permanent", message })))
