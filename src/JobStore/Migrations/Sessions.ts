import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"

const statements = [
  // What shared sessions dropped, and sessions that ended. `bytes` is the size of the turns' texts.
  `CREATE TABLE session_archives (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL,
    job_id TEXT NOT NULL REFERENCES jobs (id),
    turns TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    archived_at INTEGER NOT NULL
  )`,
  "CREATE INDEX session_archives_job ON session_archives (job_id, id, bytes)",
  "CREATE INDEX session_archives_session ON session_archives (session_id)",
  "CREATE INDEX session_archives_age ON session_archives (archived_at, id)",
  "CREATE INDEX sessions_age ON sessions (updated_at, id)"
]

/** Where the turns go that a shared session drops. */
export const sessions = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
)
