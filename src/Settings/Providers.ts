import * as Schema from "effect/Schema"
import { DurationText } from "../Domain/Duration.ts"
import { intBetween, withDefault } from "./Fields.ts"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

const amount = Schema.Number.pipe(
  Schema.filter((price) => price >= 0 && Number.isFinite(price), {
    message: () => ({ message: "a price of 0 or more", override: true })
  })
)

/** What a model costs, in US dollars per million tokens; `cached_input` is of input read from a cache. */
export const ModelPrices = Schema.Struct({
  input: amount,
  output: amount,
  /** As `input` unless given. */
  cached_input: optional(amount)
})
export type ModelPrices = typeof ModelPrices.Type

const isBase = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)

const BaseUrl = Schema.String.pipe(
  Schema.filter((text) => isBase(text), {
    message: () => ({ message: "an http or https URL", override: true })
  }),
  // What follows says nothing of the text: it may hold a password.
  Schema.filter((text) => {
    if (!isBase(text)) return undefined
    const { hash, password, search, username } = new URL(text)
    if (username !== "" || password !== "") return "has a user or a password; a key belongs into api_key"
    return search === "" && hash === "" ? undefined : "has a query or a fragment; requests go to paths below it"
  })
)

const ApiKey = Schema.NonEmptyString.pipe(
  Schema.filter((text) => /^[\x21-\x7e]*$/.test(text) || "has spaces, line breaks or characters that are not ASCII")
)

const Kind = Schema.Literal("anthropic", "openai").annotations({
  message: () => ({ message: 'a kind ("anthropic" or "openai")', override: true })
})

const common = {
  api_key: optional(Schema.Redacted(ApiKey)),
  /** Names of models, or patterns such as `llama*`, that are this provider's whatever their name says. */
  models: withDefault(Schema.Array(Schema.NonEmptyString), () => []),
  /** How long an answer may take, with all that is tried again. */
  timeout: withDefault(DurationText, () => DurationText.make("5m")),
  /** The longest silence within an answer. */
  idle_timeout: withDefault(DurationText, () => DurationText.make("60s")),
  /** How often a call is tried again that failed before any answer. */
  retries: withDefault(intBetween(0, 10), () => 2),
  /** By name of the model, or a pattern. */
  prices: withDefault(Schema.Record({ key: Schema.String, value: ModelPrices }), () => ({}))
}

/** `[providers.NAME]`: a server that models are called at, and what it speaks. */
export const ProviderSettings = Schema.Struct({ kind: optional(Kind), base_url: optional(BaseUrl), ...common })

const Provider = Schema.typeSchema(Schema.Struct({ ...ProviderSettings.fields, kind: Kind, base_url: BaseUrl }))

/** A provider as it is used: with its kind and its URL. */
export type Provider = typeof Provider.Type

const builtIn: Readonly<Record<string, Pick<Provider, "kind" | "base_url">>> = {
  anthropic: { kind: "anthropic", base_url: "https://api.anthropic.com" },
  openai: { kind: "openai", base_url: "https://api.openai.com/v1" }
}

/** Where the server is of a provider that is known without a configuration. */
export const ownServerOf = (name: string): string | undefined =>
  Object.hasOwn(builtIn, name) ? builtIn[name]?.base_url : undefined

const isName = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_-]*$/.test(name)

const wrongName = "the name begins with a letter or _, and has only letters, digits, _ and -"

const Given = Schema.Record({ key: Schema.String, value: ProviderSettings }).pipe(
  Schema.filter((table) =>
    Object.entries(table).flatMap(([name, { base_url }]) => {
      if (!isName(name)) return [{ path: [name], message: wrongName }]
      return base_url === undefined && ownServerOf(name) === undefined
        ? [{ path: [name, "base_url"], message: "is missing" }]
        : []
    })
  )
)

const empty = Schema.decodeSync(ProviderSettings)({})

/** `[providers]`, by name. `anthropic` and `openai` are always among them. */
export const ProvidersSettings = Schema.transform(Given, Schema.Record({ key: Schema.String, value: Provider }), {
  strict: true,
  decode: (given) => {
    const unnamed = Object.fromEntries(Object.keys(builtIn).map((name) => [name, empty]))
    const all = Object.entries({ ...unnamed, ...given })
    return Object.fromEntries(
      all.map(([name, table]) => [name, { kind: "openai" as const, base_url: "", ...builtIn[name], ...table }])
    )
  },
  encode: (providers) => providers
})
