import * as Effect from "effect/Effect"
import type { Delivery } from "../Domain/Delivery.ts"
import { destinationOf } from "../Domain/Destination.ts"
import { Ids } from "../Domain/Ids.ts"
import type { Job } from "../Domain/Job.ts"
import { Database } from "./Database.ts"

const columns = [
  "id",
  "run_id",
  "job_id",
  "channel",
  "kind",
  "destination",
  "about",
  "state",
  "attempts",
  "created_at",
  "next_attempt_at"
] as const

/** Rows of new deliveries. Every method runs inside its caller's transaction. */
export class SqliteNewDeliveries extends Effect.Service<SqliteNewDeliveries>()(
  "symbiont/JobStore/SqliteNewDeliveries",
  {
    effect: Effect.gen(function* () {
      const { prepare } = yield* Database
      const ids = yield* Ids
      const insertDelivery = prepare(
        `INSERT INTO deliveries (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`
      )

      const row = (
        asked: Pick<Delivery, "run_id" | "job_id" | "channel" | "kind"> & Partial<Pick<Delivery, "about">>,
        job: Job | null,
        now: number
      ): Delivery => ({
        id: ids.nextDelivery(),
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

      const insert = (rows: ReadonlyArray<Delivery>): void => {
        for (const delivery of rows) insertDelivery.run(...columns.map((name) => delivery[name]))
      }

      return { insert, row } as const
    })
  }
) {}
