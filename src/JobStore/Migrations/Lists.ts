import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"

const labelsIn = (row: "OLD" | "NEW") => `SELECT DISTINCT of.value AS label, ${row}.id AS job_id
  FROM json_each(CASE WHEN json_valid(${row}.definition) THEN ${row}.definition ELSE '{}' END, '$.labels') AS of`

const addLabels = `INSERT OR IGNORE INTO job_labels ${labelsIn("NEW")} WHERE NEW.deleted_at IS NULL`

const dropLabels = `DELETE FROM job_labels WHERE (label, job_id) IN (${labelsIn("OLD")})`

const statements = [
  // Lists that find little must not walk all that they leave out.
  "CREATE INDEX jobs_agent_status ON jobs (agent_id, status, id) WHERE deleted_at IS NULL",
  "CREATE INDEX deliveries_channel ON deliveries (channel, id)",
  "DROP INDEX deliveries_state",
  "CREATE INDEX deliveries_state ON deliveries (state, id) WHERE state IN ('pending', 'failed', 'dead')",

  // Of jobs that were not deleted.
  `CREATE TABLE job_labels (label TEXT NOT NULL, job_id TEXT NOT NULL, PRIMARY KEY (label, job_id)) WITHOUT ROWID`,
  `INSERT OR IGNORE INTO job_labels SELECT of.value, jobs.id FROM jobs,
    json_each(CASE WHEN json_valid(definition) THEN definition ELSE '{}' END, '$.labels') AS of
    WHERE deleted_at IS NULL`,
  // Most jobs have none, and each new one would pay for the search.
  `CREATE TRIGGER jobs_labels_insert AFTER INSERT ON jobs
    WHEN CASE WHEN json_valid(NEW.definition) THEN NEW.definition -> '$.labels' IS NOT '[]' ELSE 0 END BEGIN
    ${addLabels};
  END`,
  `CREATE TRIGGER jobs_labels_update AFTER UPDATE OF definition, deleted_at ON jobs
    WHEN OLD.definition IS NOT NEW.definition OR OLD.deleted_at IS NOT NEW.deleted_at BEGIN
    ${dropLabels};
    ${addLabels};
  END`,
  `CREATE TRIGGER jobs_labels_delete AFTER DELETE ON jobs BEGIN
    ${dropLabels};
  END`
]

/** What lists of jobs and deliveries are filtered by. */
export const lists = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
)
