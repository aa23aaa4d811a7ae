import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"

const statements = [
  // Null for runs of older versions, which kept all their iterations.
  "ALTER TABLE runs ADD COLUMN iteration_count INTEGER",
  // The order in which a job's runs were made is that of their rowids, whatever the clock said at the time.
  "CREATE INDEX runs_made ON runs (job_id) WHERE finished_at IS NOT NULL",
  `CREATE INDEX runs_woken ON runs (job_id) WHERE finished_at IS NOT NULL AND started_at IS NOT NULL
    AND status NOT IN ('skipped', 'missed', 'denied')`,
  "CREATE INDEX runs_by_hand ON runs (job_id, scheduled_for) WHERE trigger = 'manual'",
  // A job's row is looked for in all that refers to it before it is deleted.
  "CREATE INDEX approvals_of_job ON approvals (job_id)",
  // The latest of the deleted slots that went for the job's keep_runs.
  "ALTER TABLE runs_pruned ADD COLUMN beyond_keep_runs INTEGER"
]

/** What runs keep of long beats, and in what order upkeep deletes them. */
export const upkeep = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
)
