import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { BootId } from "../Domain/Ids.ts"

/** Most rows that a check looks at, or counts. */
export const maxCounted = 100

/** Ids of what a check found, at most {@link maxCounted}. */
export type Found = Effect.Effect<ReadonlyArray<string>>

/** A run under way, and since when its attempt runs, in UTC ms. */
export interface RunningSince {
  readonly run_id: string
  readonly job_id: string
  readonly started_at: number
}

/** Present counts that are read when somebody looks. */
export interface StoreGauges {
  readonly pending: number
  readonly awaiting_approval: number
  readonly jobs: ReadonlyArray<{ readonly status: string; readonly count: number }>
}

/**
 * What the store can say of rows that must not be as they are. Every question is answered by an index and looks at a
 * bounded number of rows. Instants in UTC ms; database failures are defects.
 */
export class InvariantStore extends Context.Tag("symbiont/InvariantStore")<
  InvariantStore,
  {
    /** Names of jobs whose slot was due before this and that nobody claimed. */
    readonly overdueJobs: (before: number) => Found
    /** Running runs of another owner than this, with no lease, or of this one, with a lease that ran out. */
    readonly staleRuns: (owner: BootId, now: number) => Found
    /** Runs under way, the oldest first. */
    readonly running: (limit: number) => Effect.Effect<ReadonlyArray<RunningSince>>
    /** Runs that could have started before this. */
    readonly unstartedRuns: (before: number) => Found
    /** Approvals that were to end before this and are still pending. */
    readonly overdueApprovals: (before: number) => Found
    /** Deliveries that were due before this and wait for an attempt. */
    readonly waitingDeliveries: (before: number) => Found
    /** Deliveries that were refused or ran out of attempts. */
    readonly undelivered: Found
    /** Jobs set aside because their rows are damaged; without ids where only their number is known. */
    readonly quarantined: Effect.Effect<{ readonly count: number; readonly ids: ReadonlyArray<string> }>
    /** Jobs, approvals, and the latest runs and deliveries, whose state is none that there is: `job_… (napping)`. */
    readonly unknownStates: Found
    /** What is broken in the latest entries of the audit log; null when nothing is. */
    readonly auditTail: Effect.Effect<string | null>
    readonly gauges: Effect.Effect<StoreGauges>
    /** Which of these names are names of jobs. */
    readonly jobsNamed: (names: ReadonlyArray<string>) => Effect.Effect<ReadonlySet<string>>
  }
>() {}
