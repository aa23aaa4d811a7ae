import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"

const statements = [
  "ALTER TABLE runs ADD COLUMN context_bytes INTEGER",
  "ALTER TABLE runs ADD COLUMN saved TEXT",
  "ALTER TABLE jobs ADD COLUMN last_usage TEXT",
  "ALTER TABLE jobs ADD COLUMN gate_seen TEXT",
  "ALTER TABLE jobs ADD COLUMN all_clears INTEGER NOT NULL DEFAULT 0",
  "ALTER TABLE jobs ADD COLUMN quiet_until INTEGER",
  // What a person is asked to exceed; null where the policy asks.
  "ALTER TABLE approvals ADD COLUMN over_budget TEXT",

  // What was spent, by whose budget it is ("service", "agent:NAME", "job:ID") and by span ("day:2026-11-21", "total").
  `CREATE TABLE budget_spent (
    owner TEXT NOT NULL,
    span TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    cost_usd REAL NOT NULL,
    runs INTEGER NOT NULL,
    PRIMARY KEY (owner, span)
  ) WITHOUT ROWID`,
  // What live runs, and agents run by hand, may still spend of it. Gone with their end.
  `CREATE TABLE budget_reserved (
    run_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    span TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    cost_usd REAL NOT NULL,
    PRIMARY KEY (run_id, owner, span)
  ) WITHOUT ROWID`,
  "CREATE INDEX budget_reserved_owner ON budget_reserved (owner, span)"
]

/** What agents need: budgets, what a slot that was not woken for saved, and how long heartbeats sleep. */
export const agents = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
})
