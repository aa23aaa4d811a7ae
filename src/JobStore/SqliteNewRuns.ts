import * as Effect from "effect/Effect"
import { type BootId, Ids } from "../Domain/Ids.ts"
import { deliveriesAtEnd, type StoredJob } from "../Domain/Job.ts"
import { isTerminal } from "../Domain/Run.ts"
import { partitionOf } from "../Domain/StableHash.ts"
import type { NewRun } from "../JobStore.ts"
import { recordRun } from "../Observability.ts"
import { Database, type Value } from "./Database.ts"
import { type RunRow, runNames, runValues } from "./Rows.ts"
import { SqliteNewDeliveries } from "./SqliteNewDeliveries.ts"
import { Tally } from "./Tally.ts"

/** One list for all rows that have nothing in one. */
const none: ReadonlyArray<never> = []

/** A row to insert, and the job by whose definition it came about: it may tell of slots that end as they come. */
export interface RunOfJob {
  readonly row: RunRow
  readonly job: StoredJob
}

/** Rows of new runs. Every method runs inside its caller's transaction. */
export class SqliteNewRuns extends Effect.Service<SqliteNewRuns>()("symbiont/JobStore/SqliteNewRuns", {
  effect: Effect.gen(function* () {
    const { prepare } = yield* Database
    const ids = yield* Ids
    const deliveries = yield* SqliteNewDeliveries
    const tally = yield* Tally

    const insertRun = prepare(
      `INSERT INTO runs (${runNames.join(", ")}) VALUES (${runNames.map(() => "?").join(", ")}) ON CONFLICT DO NOTHING`
    )

    // Field by field: an object that is spread in the middle of others is made many times as slowly.
    const row = (job: StoredJob, run: NewRun, now: number): RunRow => ({
      id: ids.nextRun(),
      job_id: job.id,
      job_name: job.name,
      agent_id: job.agent_id,
      trigger: run.trigger,
      status: run.status,
      scheduled_for: run.scheduled_for,
      start_at: run.start_at,
      next_attempt_at: null,
      ready_at: run.status === "pending" && run.holds_permit ? (run.start_at ?? now) : null,
      holds_permit: run.holds_permit,
      started_at: null,
      finished_at: isTerminal(run.status) ? now : null,
      execution_time_ms: null,
      attempt: 0,
      owner: null,
      partition: partitionOf(job.id),
      input: run.input,
      error_message: null,
      reason: run.reason,
      decision: null,
      requested_by: run.requested_by ?? null,
      approval_id: null,
      evaluations: none,
      session_id: null,
      stop_reason: null,
      usage: null,
      context_bytes: null,
      iteration_count: null,
      saved: run.saved ?? null,
      missed_count: run.missed_count ?? null,
      missed_from: run.missed_from ?? null,
      missed_to: run.missed_to ?? null,
      created_at: now,
      iterations: none,
      tool_calls: none,
      output: null
    })

    /** The row of a new run that starts at once. */
    const startedRow = (row: RunRow, owner: BootId, now: number): RunRow =>
      Object.assign({ ...row }, { status: "running" as const, attempt: 1, owner, started_at: now, ready_at: null })

    /**
     * Inserts one row, and gives its values; undefined for a slot that has its row already (the clock went back and came
     * again), which keeps it.
     */
    const insertOne = ({ job, row }: RunOfJob): ReadonlyArray<Value> | undefined => {
      const values = runValues(row)
      if (insertRun.run(...values) === 0) return undefined
      if (isTerminal(row.status)) tally.note(recordRun(row))
      const told = deliveriesAtEnd(job, row.status)
      if (told.length > 0) {
        deliveries.insert(
          told.map((asked) => deliveries.row({ run_id: row.id, job_id: job.id, ...asked }, job, row.created_at))
        )
      }
      return values
    }

    const insert = (runs: ReadonlyArray<RunOfJob>): void => {
      for (const run of runs) insertOne(run)
    }

    return { insert, insertOne, row, startedRow } as const
  })
}) {}
