import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"

const statements = [
  // What an agent says to a channel while it runs; null for deliveries whose text is made from their run.
  "ALTER TABLE deliveries ADD COLUMN text TEXT",
  // An agent may say several things to one channel.
  "DROP INDEX deliveries_once",
  `CREATE UNIQUE INDEX deliveries_once ON deliveries (run_id, channel, kind)
    WHERE kind <> 'undelivered' AND kind <> 'notify'`
]

/** Notifications that agents send while they run. */
export const notices = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
)
