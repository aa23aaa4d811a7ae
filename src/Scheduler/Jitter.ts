import { stableHash } from "../Domain/StableHash.ts"

/**
 * The delay of one slot of a job: whole milliseconds, uniform in 0..1000 x `max_jitter_seconds`, both included, and the
 * same whenever it is asked. The caller keeps it before the next slot.
 */
export const jitterMillis = (job_id: string, slot: number, max_jitter_seconds: number): number =>
  Math.floor((stableHash(`${job_id}:${slot}`) / 0x1_0000_0000) * (1_000 * max_jitter_seconds + 1))
