import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"

const counted = "status IN ('succeeded', 'failed', 'timed_out', 'interrupted')"

const statements = [
  "ALTER TABLE jobs ADD COLUMN runs_ended INTEGER NOT NULL DEFAULT 0",
  "ALTER TABLE jobs ADD COLUMN runs_failed INTEGER NOT NULL DEFAULT 0",
  // What the history still has: upkeep may have deleted more.
  `UPDATE jobs SET runs_ended = of.runs, runs_failed = of.failures FROM (
    SELECT job_id, count(*) AS runs, sum(status <> 'succeeded') AS failures FROM runs WHERE ${counted} GROUP BY job_id
  ) AS of WHERE of.job_id = jobs.id`,
  `INSERT INTO counters SELECT 'longest_run_ms', max(execution_time_ms) FROM runs WHERE ${counted}
    HAVING max(execution_time_ms) IS NOT NULL`
]

/** How often jobs ran, and the longest run of all. */
export const totals = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
)
