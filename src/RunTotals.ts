import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { JobId } from "./Domain/Ids.ts"

/** How many runs of a job ended by themselves since it was created, and how many of them failed. */
export interface JobTotals {
  readonly runs: number
  /** Runs that failed, timed out or were interrupted. */
  readonly failures: number
}

/** Totals of the whole service. */
export interface ServiceTotals {
  /** All that are not deleted, damaged ones too. */
  readonly jobs: number
  readonly dead_letter_jobs: number
  readonly longest_run_ms: number
}

/** Lasting totals that upkeep takes nothing from; each is kept as it changes, so that nobody has to count runs. */
export class RunTotals extends Context.Tag("symbiont/RunTotals")<
  RunTotals,
  {
    /** Of these jobs; deleted ones too, unknown ones are absent. */
    readonly ofJobs: (ids: ReadonlyArray<JobId>) => Effect.Effect<ReadonlyMap<JobId, JobTotals>>
    readonly ofService: Effect.Effect<ServiceTotals>
  }
>() {}
