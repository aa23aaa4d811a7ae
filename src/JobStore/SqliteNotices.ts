import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type DeliveryChannel, maxNotices } from "../Domain/Delivery.ts"
import { JobId } from "../Domain/Ids.ts"
import { FencedOut } from "../Domain/Run.ts"
import type { AttemptRef } from "../JobStore.ts"
import { SqliteJobs } from "./SqliteJobs.ts"
import { SqliteNewDeliveries } from "./SqliteNewDeliveries.ts"
import { Writer } from "./Writer.ts"

const decodeRows = Schema.decodeUnknown(Schema.Array(Schema.Struct({ job_id: JobId, notices: Schema.Number })))

/** What agents tell channels while they run. */
export class SqliteNotices extends Effect.Service<SqliteNotices>()("symbiont/JobStore/SqliteNotices", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const writer = yield* Writer
    const jobs = yield* SqliteJobs
    const newDeliveries = yield* SqliteNewDeliveries

    const add = Effect.fn("JobStore.addNotice")(function* (
      { attempt, owner, run_id }: AttemptRef,
      channel: DeliveryChannel,
      text: string,
      now: number
    ) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const found = yield* sql`SELECT job_id,
            (SELECT count(*) FROM deliveries WHERE deliveries.run_id = runs.id AND kind = 'notify') AS notices
            FROM runs WHERE id = ${run_id} AND status = 'running' AND attempt = ${attempt} AND owner = ${owner}`
          const [row] = yield* Effect.orDie(decodeRows(found))
          if (row === undefined) return yield* new FencedOut({ run: run_id, attempt })
          if (row.notices >= maxNotices) return false
          const job = jobs.byIds([row.job_id]).get(row.job_id) ?? null
          const delivery = newDeliveries.row({ run_id, job_id: row.job_id, channel, kind: "notify" }, job, now)
          newDeliveries.insert([delivery])
          yield* sql`UPDATE deliveries SET text = ${text} WHERE id = ${delivery.id}`
          return true
        })
      )
    })

    return { add } as const
  })
}) {}
