import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"

const statements = [
  "CREATE INDEX runs_ended ON runs (finished_at, id) WHERE finished_at IS NOT NULL",
  "CREATE INDEX jobs_deleted ON jobs (deleted_at, id) WHERE deleted_at IS NOT NULL",
  // Text that is no JSON would fail every change of a job.
  `CREATE INDEX jobs_keep_runs ON jobs (id)
    WHERE CASE WHEN json_valid(definition) THEN json_extract(definition, '$.keep_runs') END IS NOT NULL`,
  "CREATE INDEX idempotency_run ON idempotency (run_id)",

  // The latest slot of each job whose run was deleted: what is missing from there back was there.
  "CREATE TABLE runs_pruned (job_id TEXT PRIMARY KEY NOT NULL, slot INTEGER NOT NULL) WITHOUT ROWID",
  `CREATE TABLE retention_clock (
    one INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
    seen INTEGER NOT NULL,
    since INTEGER NOT NULL
  )`
]

/** What upkeep finds old rows by, and what it knows. */
export const retention = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
)
