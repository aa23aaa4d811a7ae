import * as Context from "effect/Context"
import * as Schema from "effect/Schema"
import { DurationText } from "./Domain/Duration.ts"
import { TimeZone } from "./Domain/Schedule.ts"

const intBetween = (low: number, high: number) => Schema.Int.pipe(Schema.between(low, high))

const withDefault = <A, I>(schema: Schema.Schema<A, I>, value: () => A) =>
  Schema.optionalWith(schema, { exact: true, default: value })

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
  misfire_grace: withDefault(DurationText, () => DurationText.make("60s"))
})

/** `[server]`: where the HTTP API listens. */
export const ServerSettings = Schema.Struct({
  host: withDefault(Schema.NonEmptyString, () => "127.0.0.1"),
  port: withDefault(intBetween(0, 65_535), () => 8080)
})

/** The effective configuration of one service: environment over `symbiont.toml` over defaults. */
export const SettingsSchema = Schema.Struct({
  scheduler: SchedulerSettings,
  server: ServerSettings
})

/** The effective configuration. */
export class Settings extends Context.Tag("symbiont/Settings")<
  Settings,
  typeof SettingsSchema.Type & {
    /** Folder that holds the database, the logs and the sessions. */
    readonly data_dir: string
  }
>() {}
