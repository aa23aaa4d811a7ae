import * as Effect from "effect/Effect"
import type { RunStatus } from "../Domain/Run.ts"
import { Database } from "./Database.ts"

const sums = ["runs_succeeded", "runs_failed", "execution_time_ms_sum", "execution_time_count"] as const
const longest = "longest_run_ms"

/**
 * The totals of the service. Ends of runs are noted for the transaction that is open and written once before it
 * commits; one that is rolled back counts nothing.
 */
export class Counters extends Effect.Service<Counters>()("symbiont/JobStore/Counters", {
  effect: Effect.gen(function* () {
    const { prepare } = yield* Database
    const add = prepare(
      "INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"
    )
    const raise = prepare(
      "INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)"
    )
    const none = { runs_succeeded: 0, runs_failed: 0, execution_time_ms_sum: 0, execution_time_count: 0 }
    let noted = { ...none }
    let longestMillis: number | null = null

    /** Counts a run that came to its end; its time is none where it never started. */
    const note = (status: RunStatus, execution_time_ms: number | null | undefined): void => {
      if (status === "succeeded") noted.runs_succeeded++
      else noted.runs_failed++
      if (execution_time_ms === null || execution_time_ms === undefined) return
      noted.execution_time_ms_sum += execution_time_ms
      noted.execution_time_count++
      longestMillis = Math.max(longestMillis ?? 0, execution_time_ms)
    }

    const discard = (): void => {
      noted = { ...none }
      longestMillis = null
    }

    /** Writes what was noted. */
    const flush = (): void => {
      const [written, millis] = [noted, longestMillis]
      discard()
      for (const name of sums) if (written[name] !== 0) add.run(name, written[name])
      if (millis !== null) raise.run(longest, millis)
    }

    return { discard, flush, note } as const
  })
}) {}
