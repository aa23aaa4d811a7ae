import type { StoredJob } from "../Domain/Job.ts"
import { stableHash } from "../Domain/StableHash.ts"

/**
 * The delay of one slot of a job: whole milliseconds, uniform in 0..1000 x `max_jitter_seconds`, both included, and the
 * same whenever it is asked. {@link startOf} keeps it before the next slot.
 */
export const jitterMillis = (job_id: string, slot: number, max_jitter_seconds: number): number =>
  Math.floor((stableHash(`${job_id}:${slot}`) / 0x1_0000_0000) * (1_000 * max_jitter_seconds + 1))

/**
 * When the run of a slot starts, in UTC ms: after its jitter, yet before the next slot (null when there is none). The
 * job's own `max_jitter` goes before the service's `max_jitter_seconds`.
 */
export const startOf = (
  job: Pick<StoredJob, "id" | "max_jitter">,
  slot: number,
  next: number | null,
  max_jitter_seconds: number
): number => {
  const start = slot + jitterMillis(job.id, slot, job.max_jitter ?? max_jitter_seconds)
  return next === null ? start : Math.min(start, next - 1)
}
