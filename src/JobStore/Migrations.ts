import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import { passing } from "../Failpoints.ts"
import { agentPins } from "./Migrations/AgentPins.ts"
import { agents } from "./Migrations/Agents.ts"
import { approvals } from "./Migrations/Approvals.ts"
import { auditChain } from "./Migrations/AuditChain.ts"
import { deliveries } from "./Migrations/Deliveries.ts"
import { keys } from "./Migrations/Keys.ts"
import { lists } from "./Migrations/Lists.ts"
import { notices } from "./Migrations/Notices.ts"
import { retention } from "./Migrations/Retention.ts"
import { sessions } from "./Migrations/Sessions.ts"
import { totals } from "./Migrations/Totals.ts"
import { upkeep } from "./Migrations/Upkeep.ts"

const countedAs = (row: "OLD" | "NEW") =>
  `CASE WHEN ${row}.quarantined IS NULL THEN ${row}.status ELSE 'quarantined' END`

const countIn = (
  row: "OLD" | "NEW"
) => `INSERT INTO job_counts SELECT ${countedAs(row)}, 1 WHERE ${row}.deleted_at IS NULL
      ON CONFLICT (status) DO UPDATE SET n = n + 1`

const countOut = (row: "OLD" | "NEW") =>
  `UPDATE job_counts SET n = n - 1 WHERE ${row}.deleted_at IS NULL AND status = ${countedAs(row)}`

const statements = [
  `CREATE TABLE jobs (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    status TEXT NOT NULL,
    paused_by TEXT,
    partition INTEGER NOT NULL,
    definition TEXT NOT NULL,
    next_run INTEGER,
    last_run INTEGER,
    failure_count INTEGER NOT NULL,
    anchor INTEGER NOT NULL,
    version INTEGER NOT NULL,
    source_file TEXT,
    applied TEXT,
    last_summary TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    quarantined TEXT
  )`,
  "CREATE UNIQUE INDEX jobs_name ON jobs (name) WHERE deleted_at IS NULL",
  // A row whose status is no status must come up as due, or nobody would learn that it is damaged.
  `CREATE INDEX jobs_due ON jobs (next_run, id)
    WHERE next_run IS NOT NULL AND status NOT IN ('paused', 'completed', 'failed', 'dead_letter')`,
  "CREATE INDEX jobs_status ON jobs (status, id) WHERE deleted_at IS NULL",
  "CREATE INDEX jobs_agent ON jobs (agent_id, id) WHERE deleted_at IS NULL",
  "CREATE INDEX jobs_source ON jobs (source_file, id) WHERE source_file IS NOT NULL AND deleted_at IS NULL",

  // Counting a million jobs by status must not walk them. A job that is set aside counts as nothing else.
  "CREATE TABLE job_counts (status TEXT PRIMARY KEY NOT NULL, n INTEGER NOT NULL) WITHOUT ROWID",
  `CREATE TRIGGER jobs_count_insert AFTER INSERT ON jobs BEGIN
    ${countIn("NEW")};
  END`,
  `CREATE TRIGGER jobs_count_update AFTER UPDATE OF status, deleted_at, quarantined ON jobs
    WHEN OLD.status <> NEW.status OR OLD.deleted_at IS NOT NEW.deleted_at OR OLD.quarantined IS NOT NEW.quarantined BEGIN
    ${countOut("OLD")};
    ${countIn("NEW")};
  END`,
  `CREATE TRIGGER jobs_count_delete AFTER DELETE ON jobs BEGIN
    ${countOut("OLD")};
  END`,

  `CREATE TABLE runs (
    id TEXT PRIMARY KEY NOT NULL,
    job_id TEXT NOT NULL REFERENCES jobs (id),
    job_name TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    trigger TEXT NOT NULL,
    status TEXT NOT NULL,
    scheduled_for INTEGER NOT NULL,
    start_at INTEGER,
    next_attempt_at INTEGER,
    ready_at INTEGER,
    holds_permit INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    execution_time_ms INTEGER,
    attempt INTEGER NOT NULL,
    owner TEXT,
    partition INTEGER NOT NULL,
    input TEXT,
    error_message TEXT,
    reason TEXT,
    decision TEXT,
    session_id TEXT,
    stop_reason TEXT,
    usage TEXT,
    missed_count INTEGER,
    missed_from INTEGER,
    missed_to INTEGER,
    created_at INTEGER NOT NULL,
    iterations TEXT NOT NULL,
    tool_calls TEXT NOT NULL,
    output TEXT
  )`,
  // The slot's identity. Manual runs and backfills are not slots of the schedule.
  "CREATE UNIQUE INDEX runs_slot ON runs (job_id, scheduled_for) WHERE trigger IN ('schedule', 'catch_up')",
  "CREATE INDEX runs_history ON runs (job_id, id)",
  "CREATE INDEX runs_history_status ON runs (job_id, status, id)",
  "CREATE INDEX runs_ready ON runs (ready_at, id) WHERE status = 'pending' AND ready_at IS NOT NULL",
  "CREATE INDEX runs_live ON runs (job_id, id) WHERE status IN ('pending', 'running')",
  "CREATE INDEX runs_running ON runs (owner, id) WHERE status = 'running'",

  `CREATE TABLE attempts (
    run_id TEXT NOT NULL REFERENCES runs (id),
    number INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    outcome TEXT,
    failure TEXT,
    error_message TEXT,
    PRIMARY KEY (run_id, number)
  ) WITHOUT ROWID`,

  `CREATE TABLE sessions (
    id TEXT PRIMARY KEY NOT NULL,
    job_id TEXT NOT NULL UNIQUE REFERENCES jobs (id),
    turns TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  )`,

  `CREATE TABLE deliveries (
    id TEXT PRIMARY KEY NOT NULL,
    run_id TEXT NOT NULL REFERENCES runs (id),
    job_id TEXT NOT NULL REFERENCES jobs (id),
    channel TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    next_attempt_at INTEGER,
    delivered_at INTEGER,
    error TEXT,
    UNIQUE (run_id, channel, kind)
  )`,
  "CREATE INDEX deliveries_due ON deliveries (next_attempt_at, id) WHERE state = 'pending'",

  `CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    time INTEGER NOT NULL,
    type TEXT NOT NULL,
    actor TEXT NOT NULL,
    job_id TEXT,
    job_name TEXT,
    run_id TEXT,
    reason TEXT,
    before TEXT,
    after TEXT
  )`,
  "CREATE INDEX audit_type ON audit (type, seq)",
  "CREATE INDEX audit_job ON audit (job_id, seq)",

  "CREATE TABLE nodes (owner TEXT PRIMARY KEY NOT NULL, started_at INTEGER NOT NULL, lease_until INTEGER NOT NULL)",
  "CREATE TABLE counters (name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) WITHOUT ROWID",
  `CREATE TABLE idempotency (
    key TEXT PRIMARY KEY NOT NULL,
    hash TEXT NOT NULL,
    run_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) WITHOUT ROWID`,
  "CREATE INDEX idempotency_age ON idempotency (created_at)"
]

const initial = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* Effect.forEach(
    statements,
    (statement) => Effect.zipRight(sql.unsafe(statement), passing("migration.statement")),
    {
      discard: true
    }
  )
})

const nodesSeen = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`ALTER TABLE nodes ADD COLUMN seen_at INTEGER`)

// What a backfill left out or ran anew is asked for by slot, as with the slots of the schedule.
const backfills = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) => sql`CREATE INDEX runs_backfill ON runs (job_id, scheduled_for) WHERE trigger = 'backfill'`
)

/** Every change of the schema, oldest first. */
export const migrations = {
  "0001_initial": initial,
  "0002_nodes_seen": nodesSeen,
  "0003_backfills": backfills,
  "0004_approvals": approvals,
  "0005_keys": keys,
  "0006_agentpin": agentPins,
  "0007_audit_chain": auditChain,
  "0008_deliveries": deliveries,
  "0009_agents": agents,
  "0010_notices": notices,
  "0011_sessions": sessions,
  "0012_retention": retention,
  "0013_upkeep": upkeep,
  "0014_totals": totals,
  "0015_lists": lists
}

/** Number of the newest migration; a database beyond it comes from a newer version. */
export const schemaVersion = Math.max(...Object.keys(migrations).map((name) => Number.parseInt(name, 10)))
