import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { JobId, RunId, SessionId } from "../Domain/Ids.ts"
import type { ClockSeen } from "./StableClock.ts"

/** Where a walk over ended runs goes on: after this one, in the order of their ends. */
export interface RunCursor {
  readonly finished_at: number
  readonly id: string
}

/** A job that keeps only so many of its ended runs. */
export interface KeepsRuns {
  readonly id: JobId
  readonly keep_runs: number
}

/** Up to which slot a job's history was deleted, UTC ms. */
export interface Pruned {
  /** The latest slot whose run was deleted. */
  readonly slot: number
  /** The latest of those that went for the job's `keep_runs`; null when none did. */
  readonly beyond_keep_runs: number | null
}

/**
 * Deletes what is old, a batch at a time; each batch is one transaction, and costs the same however much is stored.
 * Nothing deletes a live run, one with a delivery to make, one that a reservation of a budget or an idempotency key
 * refers to, or the latest ended run of a job that is there.
 */
export class RetentionStore extends Context.Tag("symbiont/RetentionStore")<
  RetentionStore,
  {
    /** Notes a look at the clock; gives what was known of it, null before the first look, and what is. */
    readonly lookAtClock: (
      look: (before: ClockSeen | null) => ClockSeen
    ) => Effect.Effect<{ readonly before: ClockSeen | null; readonly after: ClockSeen }>
    /** Runs that ended before an instant, in the order of their ends, that may be deleted; `next` is null at the end. */
    readonly endedBefore: (
      before: number,
      after: RunCursor | null,
      limit: number
    ) => Effect.Effect<{ readonly ids: ReadonlyArray<RunId>; readonly next: RunCursor | null }>
    /** The jobs with a `keep_runs`, in the order of their ids. */
    readonly keepers: (after: string, limit: number) => Effect.Effect<ReadonlyArray<KeepsRuns>>
    /**
     * Ended runs of a job that were made before its latest so many that woke the agent, the last made first, that may
     * be deleted; the walk goes on from `next`, which is null at the end.
     */
    readonly beyond: (
      job: KeepsRuns,
      before: number | null,
      limit: number
    ) => Effect.Effect<{ readonly ids: ReadonlyArray<RunId>; readonly next: number | null }>
    /** Deletes runs with their attempts, deliveries and approvals, if they still may be; gives how many. */
    readonly removeRuns: (ids: ReadonlyArray<RunId>, why: "age" | "keep_runs") => Effect.Effect<number>
    /** Archives shared sessions unused since an instant whose jobs are not to use them again; gives how many. */
    readonly archiveSessions: (before: number, now: number, limit: number) => Effect.Effect<number>
    /** Deletes what was archived before an instant. */
    readonly removeArchives: (before: number, limit: number) => Effect.Effect<Removed>
    /** Forgets idempotency keys that were used before an instant; gives how many. */
    readonly forgetKeys: (before: number, limit: number) => Effect.Effect<number>
    /** Deletes jobs that were deleted before an instant and of which nothing else is left; gives how many. */
    readonly removeJobs: (before: number, limit: number) => Effect.Effect<number>
    /** Null when no run of a slot of the job was deleted. */
    readonly prunedTo: (job_id: JobId) => Effect.Effect<Pruned | null>
  }
>() {}

/** How many rows were deleted, and the sessions of which nothing is left: their folders can go. */
export interface Removed {
  readonly count: number
  readonly gone: ReadonlyArray<SessionId>
}
