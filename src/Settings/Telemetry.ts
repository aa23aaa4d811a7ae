import * as Schema from "effect/Schema"
import { optionalText, withDefault } from "./Fields.ts"

const pairs = (text: string): ReadonlyArray<ReadonlyArray<string>> =>
  text
    .split(",")
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "")
    .map((pair) => {
      const at = pair.indexOf("=")
      return at < 1 ? [pair] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()]
    })

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** What `name=value,name=value` says, percent-decoded as the OpenTelemetry specification has it. */
export const pairsIn = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(pairs(text).map(([name = "", value = ""]) => [decoded(name), decoded(value)]))

const Pairs = Schema.String.pipe(
  Schema.filter((text) => pairs(text).every(({ length }) => length === 2), {
    message: () => ({ message: "a text such as name=value,name=value", override: true })
  })
)

const ratio = "a number from 0 to 1"

/** `[telemetry]`: where traces and metrics go, in OTLP over HTTP as JSON; nowhere without an endpoint. */
export const TelemetrySettings = Schema.Struct({
  /** Base address of the collector; `/v1/traces` and `/v1/metrics` are added. */
  otlp_endpoint: Schema.optionalWith(
    Schema.String.pipe(
      Schema.filter((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
        message: () => ({ message: "an http or https URL", override: true })
      })
    ),
    { exact: true }
  ),
  otlp_headers: Schema.optionalWith(Schema.Redacted(Pairs), { exact: true }),
  service_name: optionalText,
  resource_attributes: withDefault(Pairs, () => ""),
  traces_sampler: withDefault(
    Schema.Literal(
      "always_on",
      "always_off",
      "traceidratio",
      "parentbased_always_on",
      "parentbased_always_off",
      "parentbased_traceidratio"
    ),
    () => "parentbased_always_on" as const
  ),
  traces_sampler_arg: withDefault(
    Schema.Number.pipe(Schema.between(0, 1, { message: () => ({ message: ratio, override: true }) })),
    () => 1
  ),
  disabled: withDefault(Schema.Boolean, () => false)
})
