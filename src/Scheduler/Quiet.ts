import * as Either from "effect/Either"
import { durationMillis } from "../Domain/Duration.ts"
import { shortInstant } from "../Domain/Instant.ts"
import type { StoredJob } from "../Domain/Job.ts"
import type { Reason } from "../Domain/Run.ts"
import type { HeartbeatBackoff } from "../Domain/Session.ts"
import { make } from "../Recurrence.ts"

const defaultAfter = 3
const defaultFactor = 2
const defaultMaxMillis = 3_600_000

const maxSleep = ({ max }: HeartbeatBackoff): number => (max === undefined ? defaultMaxMillis : durationMillis(max))

/**
 * Until when (UTC ms) the slots of a heartbeat are slept through after `all_clears` in a row, the last of them at `slot`:
 * the trigger's own interval times the factor to the power of how many more than wanted they are, and one. Null when
 * they are too few, or no further slot comes.
 */
export const quietUntil = (
  backoff: HeartbeatBackoff,
  all_clears: number,
  job: StoredJob,
  slot: number,
  timezone: string
): number | null => {
  const { after = defaultAfter, factor = defaultFactor } = backoff
  if (all_clears < after) return null
  const recurrence = make(job, { name: job.name, anchor: job.anchor, timezone })
  const next = Either.isRight(recurrence) ? recurrence.right.next(slot) : null
  if (next === null) return null
  return slot + Math.round(Math.min((next - slot) * factor ** (all_clears - after + 1), maxSleep(backoff)))
}

/**
 * Until when a job sleeps through its slots at `now`; null when it does not. What is further away than the longest sleep
 * was set by a clock that was set back since.
 */
export const asleepUntil = (job: Pick<StoredJob, "heartbeat" | "quiet_until">, now: number): number | null => {
  const backoff = job.heartbeat?.enabled === true ? job.heartbeat.backoff : undefined
  if (backoff === undefined || job.quiet_until === null) return null
  return job.quiet_until - now > maxSleep(backoff) ? null : job.quiet_until
}

/** Why a slot is slept through. */
export const sleptThrough = ({ all_clears }: Pick<StoredJob, "all_clears">, until: number): Reason => ({
  code: "backoff",
  text: `nothing to do ${all_clears} times in a row: its heartbeat sleeps until ${shortInstant(until)}`
})
