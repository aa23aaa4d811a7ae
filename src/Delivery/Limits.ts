import * as Duration from "effect/Duration"
import { durationMillis } from "../Domain/Duration.ts"
import type { DeliverySettings } from "../Settings.ts"

/** What a channel may do. */
export interface ChannelLimits {
  /** Deliveries under way to one destination at once. */
  readonly concurrency: number
  /** Least time between two starts to one destination, in ms. */
  readonly spacing: number
  /** Attempts in all. */
  readonly attempts: number
  /** How long one attempt may take, in ms. */
  readonly timeout: number
}

const defaultTimeout = 60_000
/** What a channel with a limit of its own gets beyond it, in ms, to say that it was reached. */
const allowance = 10_000

const timeoutOf = (settings: DeliverySettings, channel: string): number => {
  if (channel === "webhook") return settings.webhook_timeout_seconds * 1_000 + allowance
  const name = channel.slice("custom:".length)
  const custom =
    channel.startsWith("custom:") && Object.hasOwn(settings.custom, name) ? settings.custom[name] : undefined
  return custom === undefined ? defaultTimeout : durationMillis(custom.timeout) + allowance
}

/** The limits of a channel: its own table over the keys for all channels. */
export const limitsOf = (settings: DeliverySettings, channel: string): ChannelLimits => {
  const own = Object.hasOwn(settings.channels, channel) ? settings.channels[channel] : undefined
  const forWebhooks = channel === "webhook" ? settings.webhook_retry_attempts : undefined
  const rate = own?.rate_limit ?? settings.rate_limit
  return {
    concurrency: own?.concurrency ?? settings.concurrency,
    spacing: rate === 0 ? 0 : 1_000 / rate,
    attempts: 1 + (own?.retry_attempts ?? forWebhooks ?? settings.retry_attempts),
    timeout: timeoutOf(settings, channel)
  }
}

/** A destination's channel. */
export const channelOf = (destination: string): string => destination.split(" ", 1)[0] ?? destination

const longest = Duration.toMillis("1 hour")
const growth = 6

/** Wait before the next attempt after `failed` of them, in ms, before jitter. */
export const backoffOf = (settings: DeliverySettings, failed: number): number =>
  Math.min(longest, durationMillis(settings.retry_delay) * growth ** (failed - 1))

/** Receivers may ask for a longer wait than the backoff, up to this, in ms. */
export const longestRetryAfter = longest
