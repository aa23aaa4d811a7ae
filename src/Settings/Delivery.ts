import * as Either from "effect/Either"
import { identity } from "effect/Function"
import * as Schema from "effect/Schema"
import { builtInChannels, DeliveryChannel } from "../Domain/Delivery.ts"
import { DurationText } from "../Domain/Duration.ts"
import { parseAllowedHosts } from "../Network/AllowedHosts.ts"
import { didYouMean } from "../Suggestion.ts"
import { intBetween, optionalText, withDefault } from "./Fields.ts"

const optionalSecret = Schema.optionalWith(Schema.Redacted(Schema.NonEmptyString), { exact: true })

const httpUrl = Schema.String.pipe(
  Schema.filter((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
    message: () => ({ message: "an http or https URL", override: true })
  })
)

const secretUrl = Schema.optionalWith(Schema.Redacted(httpUrl), { exact: true })

const AllowHosts = Schema.Array(Schema.NonEmptyString).pipe(
  Schema.filter((entries) => Either.match(parseAllowedHosts(entries), { onLeft: identity, onRight: () => undefined }))
)

const retries = intBetween(0, 100)

const isChannel = Schema.is(DeliveryChannel)
const channelForms = `${builtInChannels.join(", ")}, custom:<name>`

/** A table of tables by names that users choose. */
const named = <A, I>(
  value: Schema.Schema<A, I>,
  isName: (name: string) => boolean,
  whatIsWrong: (name: string) => string
) =>
  Schema.Record({ key: Schema.String, value }).pipe(
    Schema.filter((table) =>
      Object.keys(table).flatMap((name) => (isName(name) ? [] : [{ path: [name], message: whatIsWrong(name) }]))
    )
  )

const noChannel = (name: string): string =>
  `there is no such channel; ${didYouMean(name, builtInChannels) ?? `use one of ${channelForms}`}`

const Fallback = Schema.Union(DeliveryChannel, Schema.Literal("none")).annotations({
  message: () => ({ message: `a channel (${channelForms}) or "none"`, override: true })
})

/** `[scheduler.delivery.channels.NAME]`: limits of a channel, where they differ from those of all. */
export const ChannelSettings = Schema.Struct({
  /** Deliveries under way to one destination at once. */
  concurrency: Schema.optionalWith(intBetween(1, 1_000), { exact: true }),
  /** Deliveries started per second to one destination; 0 for no limit. */
  rate_limit: Schema.optionalWith(intBetween(0, 1_000_000), { exact: true }),
  retry_attempts: Schema.optionalWith(retries, { exact: true })
})

/** `[scheduler.delivery.custom.NAME]`: the channel `custom:NAME` as a command of the operator's. */
export const CustomChannelSettings = Schema.Struct({
  command: Schema.NonEmptyArray(Schema.NonEmptyString),
  timeout: withDefault(DurationText, () => DurationText.make("30s"))
})

/** `[scheduler.delivery]`: how output leaves, through which accounts, and what happens when it cannot. */
export const DeliverySettings = Schema.Struct({
  /** Attempts after the first one. */
  retry_attempts: withDefault(retries, () => 3),
  /** Wait before the first retry; each further one is six times longer, up to an hour. */
  retry_delay: withDefault(DurationText, () => DurationText.make("5s")),
  concurrency: withDefault(intBetween(1, 1_000), () => 16),
  rate_limit: withDefault(intBetween(0, 1_000_000), () => 0),
  /** Longer output, in bytes, is cut for webhook, email and custom channels; it stays whole with its run. */
  max_output_bytes: withDefault(intBetween(1_024, 104_857_600), () => 262_144),
  /** The channel that is told of deliveries that failed or died. */
  fallback: withDefault(Fallback, () => "log_file" as const),
  fallback_webhook_url: secretUrl,
  fallback_email_recipients: Schema.optionalWith(Schema.NonEmptyArray(Schema.NonEmptyString), { exact: true }),
  /** Hosts, addresses and networks that may be delivered to though they are not public; each may end in `:PORT`. */
  allow_hosts: withDefault(AllowHosts, () => []),
  webhook_timeout_seconds: withDefault(intBetween(1, 3_600), () => 30),
  webhook_retry_attempts: Schema.optionalWith(retries, { exact: true }),
  webhook_auth_header: optionalSecret,
  webhook_secret: optionalSecret,
  slack_api_token: optionalSecret,
  slack_default_channel: optionalText,
  slack_webhook_url: secretUrl,
  slack_base_url: withDefault(httpUrl, () => "https://slack.com/api"),
  /** What becomes of output that is too long for a message: the beginning of it, or a file beside it. */
  slack_long_output: withDefault(Schema.Literal("cut", "upload"), () => "cut" as const),
  smtp_host: optionalText,
  smtp_port: withDefault(intBetween(1, 65_535), () => 587),
  smtp_username: optionalText,
  smtp_password: optionalSecret,
  /** `auto`: TLS from the start on port 465, else STARTTLS, which a password needs unless the server is this machine. */
  smtp_tls: withDefault(Schema.Literal("auto", "implicit", "required", "off"), () => "auto" as const),
  /** PEM file of the certificates to trust in place of the system's. */
  smtp_ca: optionalText,
  email_from: optionalText,
  channels: withDefault(named(ChannelSettings, isChannel, noChannel), () => ({})),
  custom: withDefault(
    named(
      CustomChannelSettings,
      (name) => isChannel(`custom:${name}`),
      () => "the name begins with a letter or _, and has only letters, digits, _ and -"
    ),
    () => ({})
  )
})
export type DeliverySettings = typeof DeliverySettings.Type
