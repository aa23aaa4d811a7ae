import * as SqlClient from "@effect/sql/SqlClient"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { AuditDraft } from "../Domain/Audit.ts"
import type { Delivery } from "../Domain/Delivery.ts"
import type { DeliveryId } from "../Domain/Ids.ts"
import type { DueDelivery } from "../JobStore.ts"
import { Failpoints } from "./Failpoints.ts"
import { decodeDeliveryRow } from "./Rows.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { SqliteHistory } from "./SqliteHistory.ts"
import { SqliteJobs } from "./SqliteJobs.ts"
import { Writer } from "./Writer.ts"

const decodeNext = Schema.decodeUnknown(Schema.Array(Schema.Struct({ at: Schema.Number })))

/** The outbox: deliveries that are due, and what became of them. */
export class SqliteOutbox extends Effect.Service<SqliteOutbox>()("symbiont/JobStore/SqliteOutbox", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const writer = yield* Writer
    const audit = yield* SqliteAudit
    const jobs = yield* SqliteJobs
    const history = yield* SqliteHistory
    const failpoints = yield* Failpoints

    const due = Effect.fn("JobStore.dueDeliveries")(function* (now: number, limit: number) {
      const rows = yield* sql`SELECT * FROM deliveries WHERE state = 'pending' AND next_attempt_at <= ${now}
        ORDER BY next_attempt_at, id LIMIT ${limit}`
      const deliveries = rows.flatMap((row) =>
        Either.match(decodeDeliveryRow(row), { onLeft: () => [], onRight: (delivery) => [delivery] })
      )
      if (deliveries.length === 0) return []
      const runRows = yield* sql`SELECT * FROM runs WHERE id IN ${sql.in(deliveries.map((d) => d.run_id))}`
      const runs = new Map((yield* history.assemble(yield* history.readable(runRows))).map((run) => [run.id, run]))
      const byId = yield* jobs.byIds([...new Set(deliveries.map((d) => d.job_id))])
      return deliveries.flatMap((delivery): ReadonlyArray<DueDelivery> => {
        const run = runs.get(delivery.run_id)
        const job = byId.get(delivery.job_id)
        return run === undefined || job === undefined ? [] : [{ delivery, job, run }]
      })
    }, Effect.orDie)

    const next =
      sql`SELECT next_attempt_at AS at FROM deliveries WHERE state = 'pending' AND next_attempt_at IS NOT NULL
      ORDER BY next_attempt_at LIMIT 1`.pipe(
        Effect.flatMap(decodeNext),
        Effect.map((rows) => rows[0]?.at ?? null),
        Effect.orDie
      )

    const settle = Effect.fn("JobStore.settleDelivery")(function* (
      id: DeliveryId,
      change: Pick<Delivery, "state" | "next_attempt_at" | "delivered_at" | "error">,
      events: ReadonlyArray<AuditDraft>
    ) {
      const now = yield* Clock.currentTimeMillis
      yield* failpoints.hit("delivery.sent")
      yield* writer.commit(
        Effect.andThen(
          sql`UPDATE deliveries SET ${sql.update(change)}, attempts = attempts + 1 WHERE id = ${id} AND state = 'pending'`,
          audit.append(events, now)
        )
      )
      yield* failpoints.hit("delivery.committed")
    })

    return { due, next, settle } as const
  })
}) {}
