import { DurationText, durationMillis } from "../Domain/Duration.ts"
import type { Retry } from "../Domain/Schedule.ts"
import { maxRetryAfter } from "../Network/RetryAfter.ts"

const defaults = { backoff: DurationText.make("30s"), factor: 4, max: DurationText.make("1h") }

/**
 * The wait before the next attempt, in ms, after `failures` failed ones: backoff x factor^(failures - 1), at most max,
 * and no less than a rate limit asked for, of which 30 days count at most.
 */
export const retryDelay = (retry: typeof Retry.Type, failures: number, retryAfterMs = 0): number => {
  const backoff = durationMillis(retry.backoff ?? defaults.backoff)
  const max = durationMillis(retry.max ?? defaults.max)
  const wait = Math.min(max, backoff * (retry.factor ?? defaults.factor) ** (failures - 1))
  // Agents written in code say what they like.
  const asked = retryAfterMs > 0 ? Math.min(retryAfterMs, maxRetryAfter) : 0
  return Math.round(Math.max(wait, asked))
}
