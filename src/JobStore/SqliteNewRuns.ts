import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import { Ids } from "../Domain/Ids.ts"
import { deliveriesAtEnd, type StoredJob } from "../Domain/Job.ts"
import { isTerminal } from "../Domain/Run.ts"
import { partitionOf } from "../Domain/StableHash.ts"
import type { NewRun } from "../JobStore.ts"
import { recordRun } from "../Observability.ts"
import { encodeRunRow, type RunRow } from "./Rows.ts"
import { SqliteNewDeliveries } from "./SqliteNewDeliveries.ts"
import { Tally } from "./Tally.ts"

/** Rows in one multi-row insert; SQLite binds at most 32,766 values. */
const insertBatch = 500

/** A row to insert, and the job by whose definition it came about: it may tell of slots that end as they come. */
export interface RunOfJob {
  readonly row: RunRow
  readonly job: StoredJob
}

/** Rows of new runs. Every method runs inside its caller's transaction. */
export class SqliteNewRuns extends Effect.Service<SqliteNewRuns>()("symbiont/JobStore/SqliteNewRuns", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const ids = yield* Ids
    const deliveries = yield* SqliteNewDeliveries
    const tally = yield* Tally

    const row = (job: StoredJob, run: NewRun, now: number) =>
      Effect.map(
        ids.run,
        (id): RunRow => ({
          id,
          job_id: job.id,
          job_name: job.name,
          agent_id: job.agent_id,
          next_attempt_at: null,
          started_at: null,
          finished_at: isTerminal(run.status) ? now : null,
          execution_time_ms: null,
          attempt: 0,
          owner: null,
          partition: partitionOf(job.id),
          error_message: null,
          decision: null,
          requested_by: null,
          approval_id: null,
          evaluations: [],
          session_id: null,
          stop_reason: null,
          usage: null,
          context_bytes: null,
          iteration_count: null,
          saved: null,
          missed_count: null,
          missed_from: null,
          missed_to: null,
          ...run,
          ready_at: run.status === "pending" && run.holds_permit ? (run.start_at ?? now) : null,
          created_at: now,
          iterations: [],
          tool_calls: [],
          output: null
        })
      )

    // A slot that has its row already (the clock went back and came again) keeps it.
    const insert = Effect.fnUntraced(function* (runs: ReadonlyArray<RunOfJob>) {
      for (let i = 0; i < runs.length; i += insertBatch) {
        const encoded = runs.slice(i, i + insertBatch).map(({ row }) => encodeRunRow(row))
        yield* sql`INSERT INTO runs ${sql.insert(encoded)} ON CONFLICT DO NOTHING`
      }
      for (const { row } of runs) if (isTerminal(row.status)) yield* tally.note(recordRun(row))
      const told = runs.flatMap(({ job, row }) =>
        deliveriesAtEnd(job, row.status).map((asked) => ({
          asked: { run_id: row.id, job_id: job.id, ...asked },
          job,
          row
        }))
      )
      yield* deliveries.insert(
        yield* Effect.forEach(told, ({ asked, job, row }) => deliveries.row(asked, job, row.created_at))
      )
    })

    return { insert, row } as const
  })
}) {}
