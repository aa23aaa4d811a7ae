import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import type { Delivery } from "../Domain/Delivery.ts"
import { destinationOf } from "../Domain/Destination.ts"
import { Ids } from "../Domain/Ids.ts"
import type { Job } from "../Domain/Job.ts"

/** Rows in one statement; they go in as one JSON text. */
const insertBatch = 500

/** Rows of new deliveries. Every method runs inside its caller's transaction. */
export class SqliteNewDeliveries extends Effect.Service<SqliteNewDeliveries>()(
  "symbiont/JobStore/SqliteNewDeliveries",
  {
    effect: Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const ids = yield* Ids

      const row = (
        asked: Pick<Delivery, "run_id" | "job_id" | "channel" | "kind"> & Partial<Pick<Delivery, "about">>,
        job: Job | null,
        now: number
      ) =>
        Effect.map(
          ids.delivery,
          (id): Delivery => ({
            id,
            about: null,
            ...asked,
            destination: destinationOf(asked.channel, asked.kind, job),
            state: "pending",
            attempts: 0,
            created_at: now,
            next_attempt_at: now,
            delivered_at: null,
            error: null
          })
        )

      const columns = sql.literal(`id, run_id, job_id, channel, kind, destination, about, state, attempts, created_at,
      next_attempt_at, delivered_at, error`)
      const values = sql.literal(
        `value ->> 'id', value ->> 'run_id', value ->> 'job_id', value ->> 'channel', value ->> 'kind',
      value ->> 'destination', value ->> 'about', value ->> 'state', value ->> 'attempts', value ->> 'created_at',
      value ->> 'next_attempt_at', NULL, NULL`
      )

      // A slot that had its row already did not get the one that these deliveries would be of.
      const insert = Effect.fnUntraced(function* (rows: ReadonlyArray<Delivery>) {
        for (let i = 0; i < rows.length; i += insertBatch) {
          const batch = JSON.stringify(rows.slice(i, i + insertBatch))
          yield* sql`INSERT INTO deliveries (${columns}) SELECT ${values} FROM json_each(${batch})
          WHERE EXISTS (SELECT 1 FROM runs WHERE runs.id = value ->> 'run_id')`
        }
      })

      return { insert, row } as const
    })
  }
) {}
