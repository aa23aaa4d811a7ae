import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"

// A run can have several alerts on one channel, which the unique key of the old table forbids.
const statements = [
  `CREATE TABLE deliveries_new (
    id TEXT PRIMARY KEY NOT NULL,
    run_id TEXT NOT NULL REFERENCES runs (id),
    job_id TEXT NOT NULL REFERENCES jobs (id),
    channel TEXT NOT NULL,
    kind TEXT NOT NULL,
    destination TEXT NOT NULL,
    about TEXT,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    next_attempt_at INTEGER,
    delivered_at INTEGER,
    error TEXT
  )`,
  `INSERT INTO deliveries_new SELECT id, run_id, job_id, channel, kind, channel, NULL, state, attempts, created_at,
    next_attempt_at, delivered_at, error FROM deliveries`,
  "DROP TABLE deliveries",
  "ALTER TABLE deliveries_new RENAME TO deliveries",
  "CREATE UNIQUE INDEX deliveries_once ON deliveries (run_id, channel, kind) WHERE kind <> 'undelivered'",
  "CREATE INDEX deliveries_run ON deliveries (run_id)",
  "CREATE INDEX deliveries_due ON deliveries (destination, next_attempt_at, id) WHERE state = 'pending'",
  "CREATE INDEX deliveries_state ON deliveries (state, id) WHERE state IN ('failed', 'dead')",
  "CREATE INDEX deliveries_job ON deliveries (job_id, id)"
]

/** Deliveries by destination, and alerts about them. */
export const deliveries = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
)
