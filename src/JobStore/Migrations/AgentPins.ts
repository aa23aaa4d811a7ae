import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"

const statements = [
  `CREATE TABLE agentpin_pins (
    domain TEXT NOT NULL,
    kid TEXT NOT NULL,
    thumbprint TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    PRIMARY KEY (domain, kid)
  ) WITHOUT ROWID`,
  `CREATE TABLE agentpin_uses (
    domain TEXT NOT NULL,
    jti TEXT NOT NULL,
    job_id TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (domain, jti)
  ) WITHOUT ROWID`,
  "CREATE INDEX agentpin_uses_until ON agentpin_uses (until)"
]

/** The keys first seen of each domain, and the jobs that credentials belong to. */
export const agentPins = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
})
