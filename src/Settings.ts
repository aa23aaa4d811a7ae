import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { AgentPinDomain } from "./Domain/AgentPin.ts"
import { Budget, Caps } from "./Domain/Budget.ts"
import { DurationText } from "./Domain/Duration.ts"
import { TimeZone } from "./Domain/Schedule.ts"
import { ChannelSettings, CustomChannelSettings, DeliverySettings } from "./Settings/Delivery.ts"
import { checkDelivery } from "./Settings/DeliveryChecks.ts"
import { effectiveSettings } from "./Settings/Effective.ts"
import { intBetween, optionalText, withDefault } from "./Settings/Fields.ts"
import { describeIssues } from "./Settings/Issues.ts"
import { ConfiguredKeys, keyWarnings } from "./Settings/Keys.ts"
import { LoggingSettings } from "./Settings/Logging.ts"
import { ModelPrices, ProviderSettings, ProvidersSettings } from "./Settings/Providers.ts"
import { RetentionSettings } from "./Settings/Retention.ts"
import { type KeyTree, mergeSources, type UnsetSetting, type Variables } from "./Settings/Sources.ts"
import { TelemetrySettings } from "./Settings/Telemetry.ts"
import { parseToml } from "./Settings/Toml.ts"

/** `[scheduler]`: the guide's six keys, and the zone, environment and limits that jobs fall back to. */
export const SchedulerSettings = Schema.Struct({
  tick_interval_seconds: withDefault(intBetween(1, 60), () => 1),
  max_jitter_seconds: withDefault(intBetween(0, 86_400), () => 0),
  max_concurrent_jobs: withDefault(intBetween(1, 100_000), () => 10),
  enable_metrics: withDefault(Schema.Boolean, () => true),
  default_max_retries: withDefault(intBetween(1, 1_000), () => 3),
  shutdown_timeout_seconds: withDefault(intBetween(0, 86_400), () => 30),
  timezone: withDefault(TimeZone, () => "UTC"),
  environment: withDefault(Schema.NonEmptyString, () => "development"),
  default_max_runtime: withDefault(Schema.Union(DurationText, Schema.Literal("none")), () => DurationText.make("1h")),
  misfire_grace: withDefault(DurationText, () => DurationText.make("60s")),
  retention: withDefault(RetentionSettings, () => Schema.decodeSync(RetentionSettings)({})),
  delivery: withDefault(DeliverySettings, () => Schema.decodeSync(DeliverySettings)({})),
  /** What all runs of the service may spend together. */
  budget: Schema.optionalWith(Budget, { exact: true })
})

/** `[server]`: where the HTTP API listens, who may ask, how much, and how long a request may take to arrive. */
export const ServerSettings = Schema.Struct({
  host: withDefault(Schema.NonEmptyString, () => "127.0.0.1"),
  port: withDefault(intBetween(0, 65_535), () => 8080),
  public_url: Schema.optionalWith(
    Schema.String.pipe(
      Schema.filter((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
        message: () => ({ message: "an http or https URL", override: true })
      })
    ),
    { exact: true }
  ),
  api_keys: withDefault(ConfiguredKeys, () => []),
  /** Requests per second and key, twice as many at once; 0 for no limit. */
  rate_limit: withDefault(intBetween(0, 1_000_000), () => 100),
  request_timeout: withDefault(DurationText, () => DurationText.make("30s"))
})

/** `[agentpin]`: whether every job needs a credential, whose agents they are for, and the files of documents. */
export const AgentPinSettings = Schema.Struct({
  required: withDefault(Schema.Boolean, () => false),
  domain: Schema.optionalWith(AgentPinDomain, { exact: true }),
  audience: optionalText,
  discovery: optionalText,
  revocations: optionalText,
  bundle: optionalText,
  makers: optionalText
})

/** The effective configuration of one service: environment over `symbiont.toml` over defaults. */
export const SettingsSchema = Schema.Struct({
  scheduler: SchedulerSettings,
  server: ServerSettings,
  agentpin: AgentPinSettings,
  providers: withDefault(ProvidersSettings, () => Schema.decodeSync(ProvidersSettings)({})),
  logging: withDefault(LoggingSettings, () => Schema.decodeSync(LoggingSettings)({})),
  telemetry: withDefault(TelemetrySettings, () => Schema.decodeSync(TelemetrySettings)({}))
})

/** The effective configuration. */
export class Settings extends Context.Tag("symbiont/Settings")<
  Settings,
  typeof SettingsSchema.Type & {
    /** Folder that holds the database, the logs and the sessions. */
    readonly data_dir: string
    /**
     * Keys of `[scheduler.delivery]` and of `[providers]` whose variable is not set: nothing goes out without what it was
     * to go out with.
     */
    readonly unset?: ReadonlyArray<UnsetSetting>
  }
>() {}

/** Where people reach the API, without a slash at the end; null when only the system knows the port. */
export const baseUrlOf = ({ server }: Pick<Settings["Type"], "server">): string | null => {
  if (server.public_url !== undefined) return server.public_url.replace(/\/+$/, "")
  if (server.port === 0) return null
  return `http://${server.host.includes(":") ? `[${server.host}]` : server.host}:${server.port}`
}

/** The configuration cannot be used; each problem says where it is, what is expected and what was found. */
export class SettingsError extends Data.TaggedError("SettingsError")<{
  readonly problems: ReadonlyArray<string>
  /** Whether the file that was asked for is not there. */
  readonly missing?: boolean
}> {
  override get message() {
    return this.problems.join("\n")
  }
}

const refuse = (...problems: ReadonlyArray<string>) => new SettingsError({ problems })

const keysOf = (schema: { readonly fields: Readonly<Record<string, unknown>> }): KeyTree =>
  Object.fromEntries(Object.keys(schema.fields).map((key) => [key, null]))

const knownKeys: KeyTree = {
  scheduler: {
    ...keysOf(SchedulerSettings),
    retention: keysOf(RetentionSettings),
    budget: {
      ...keysOf(Budget),
      per_run: { tokens: null, cost_usd: null },
      per_day: keysOf(Caps),
      per_month: keysOf(Caps),
      total: keysOf(Caps)
    },
    delivery: {
      ...keysOf(DeliverySettings),
      channels: { "*": keysOf(ChannelSettings) },
      custom: { "*": keysOf(CustomChannelSettings) }
    }
  },
  server: keysOf(ServerSettings),
  agentpin: keysOf(AgentPinSettings),
  logging: keysOf(LoggingSettings),
  telemetry: keysOf(TelemetrySettings),
  providers: { "*": { ...keysOf(ProviderSettings), prices: { "*": keysOf(ModelPrices) } } }
}

const readConfigFile = Effect.fnUntraced(function* (name: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(fs.readFileString(name), (error) =>
    error._tag === "SystemError" && error.reason === "NotFound"
      ? new SettingsError({ problems: [`${name}: no such file; create it, or leave out --config`], missing: true })
      : refuse(`${name}: cannot be read: ${error.message}`)
  )
  const document = yield* Either.mapLeft(parseToml(text), (problem) => refuse(`${name}:${problem}`))
  return { name, text, document }
})

const decodeTelemetry = Schema.decodeUnknownEither(TelemetrySettings)

/** The file that was asked for, else `symbiont.toml` of the working folder, if there is one. */
export const findConfigFile = Effect.fnUntraced(function* (asked: Option.Option<string>) {
  if (Option.isSome(asked)) return asked
  const fs = yield* FileSystem.FileSystem
  return (yield* Effect.orElseSucceed(fs.exists("symbiont.toml"), () => false))
    ? Option.some("symbiont.toml")
    : Option.none<string>()
})

/**
 * Reads the effective configuration: options over environment over file over defaults. Warnings tell of what has no
 * effect. Without a `data_dir` the data live in `.symbi` beside the configuration file, or in the working folder.
 */
export const loadSettings = Effect.fn("Settings.load")(function* (input: {
  readonly configFile: Option.Option<string>
  readonly env: Variables
  readonly overrides: {
    readonly port?: number | undefined
    readonly host?: string | undefined
    readonly data_dir?: string | undefined
  }
}) {
  const path = yield* Path.Path
  const { configFile, env, overrides } = input
  const file = configFile._tag === "None" ? undefined : yield* readConfigFile(configFile.value)
  const merged = mergeSources({
    known: knownKeys,
    file,
    env,
    flags: [
      ["--port", "server.port", overrides.port],
      ["--host", "server.host", overrides.host]
    ],
    isUsable: (key, value) => {
      const [section, ...rest] = key.split(".")
      return section !== "telemetry" || Either.isRight(decodeTelemetry({ [rest.join(".")]: value }))
    }
  })
  // What is doubtful may be why something is wrong: a key that was misspelt, a variable that is not set.
  const refuseAll = (problems: ReadonlyArray<string>) =>
    refuse(...problems, ...merged.warnings.map((warning) => `warning: ${warning}`))
  if (merged.problems.length > 0) return yield* refuseAll(merged.problems)
  const decoded = yield* Schema.decodeUnknown(SettingsSchema, { errors: "all" })(merged.values).pipe(
    Effect.mapError((error) => refuseAll(describeIssues(ParseResult.ArrayFormatter.formatErrorSync(error), merged)))
  )
  const aimless = Object.entries(decoded.agentpin).find(([, value]) => value !== false)
  if (aimless !== undefined && decoded.agentpin.domain === undefined) {
    const where = merged.origin(`agentpin.${aimless[0]}`)?.where
    return yield* refuseAll([
      `${where}: needs the domain of the agents; set domain under [agentpin], or SYMBI_AGENTPIN_DOMAIN`
    ])
  }
  const delivery = checkDelivery(decoded.scheduler.delivery, merged)
  if (delivery.problems.length > 0) return yield* refuseAll(delivery.problems)
  const beside = path.join(file === undefined ? "." : path.dirname(file.name), ".symbi")
  const [data, dataFrom] = overrides.data_dir
    ? [overrides.data_dir, "option --data"]
    : env["SYMBI_DATA_DIR"]
      ? [env["SYMBI_DATA_DIR"], "environment variable SYMBI_DATA_DIR"]
      : [beside, "default"]
  const settings: typeof Settings.Service = {
    ...decoded,
    data_dir: path.resolve(data),
    ...(merged.unset.length === 0 ? {} : { unset: merged.unset })
  }
  const effective = [
    ...effectiveSettings(decoded, merged.origin),
    { key: "data_dir", value: settings.data_dir, from: dataFrom }
  ]
  const keysFrom = merged.origin("server.api_keys")?.where ?? ""
  return {
    settings,
    effective,
    keyVariables: merged.keyVariables,
    warnings: [...merged.warnings, ...delivery.warnings, ...keyWarnings(decoded.server.api_keys, keysFrom)]
  }
})

export type { DeliverySettings } from "./Settings/Delivery.ts"
export type { EffectiveSetting } from "./Settings/Effective.ts"
export type { ConfiguredKey } from "./Settings/Keys.ts"
export type { LoggingSettings } from "./Settings/Logging.ts"
export { type ModelPrices, ownServerOf, type Provider } from "./Settings/Providers.ts"
export { retentionMillis } from "./Settings/Retention.ts"
export type { UnsetSetting } from "./Settings/Sources.ts"
export { pairsIn, type TelemetrySettings } from "./Settings/Telemetry.ts"
