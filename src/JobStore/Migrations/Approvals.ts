import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"

const statements = [
  `CREATE TABLE approvals (
    id TEXT PRIMARY KEY NOT NULL,
    run_id TEXT NOT NULL UNIQUE REFERENCES runs (id),
    job_id TEXT NOT NULL REFERENCES jobs (id),
    partition INTEGER NOT NULL,
    state TEXT NOT NULL,
    approvers TEXT NOT NULL,
    submitted_by TEXT NOT NULL,
    requested_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    expires_by TEXT NOT NULL,
    approval_default TEXT NOT NULL,
    decided_at INTEGER,
    decided_by TEXT,
    reason TEXT,
    binding TEXT NOT NULL
  )`,
  "CREATE INDEX approvals_state ON approvals (state, id)",
  "CREATE INDEX approvals_expiry ON approvals (expires_at, id) WHERE state = 'pending'",
  "CREATE INDEX approvals_job ON approvals (job_id, id) WHERE state = 'pending'",
  "ALTER TABLE runs ADD COLUMN requested_by TEXT",
  "ALTER TABLE runs ADD COLUMN approval_id TEXT",
  "ALTER TABLE runs ADD COLUMN evaluations TEXT NOT NULL DEFAULT '[]'",
  "ALTER TABLE jobs ADD COLUMN defined_by TEXT NOT NULL DEFAULT 'unknown'"
]

/** Runs that wait for approval, and what is known of who asked and what the gate was told. */
export const approvals = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
)
