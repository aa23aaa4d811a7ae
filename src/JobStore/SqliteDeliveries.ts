import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { AuditDraft } from "../Domain/Audit.ts"
import { DeliveryNotFound, type ListedDelivery } from "../Domain/Delivery.ts"
import type { DeliveryCounts, DeliveryFilter, Page } from "../JobStore.ts"
import { decodeListedDeliveryRow } from "./Rows.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { Writer } from "./Writer.ts"

const decodeCounts = Schema.decodeUnknown(
  Schema.Array(Schema.Struct({ state: Schema.String, n: Schema.Number, oldest: Schema.NullOr(Schema.Number) }))
)

/** Deliveries as people look at them, and sending them anew. */
export class SqliteDeliveries extends Effect.Service<SqliteDeliveries>()("symbiont/JobStore/SqliteDeliveries", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const writer = yield* Writer
    const audit = yield* SqliteAudit

    const listed = sql`SELECT deliveries.*, runs.job_name FROM deliveries JOIN runs ON runs.id = deliveries.run_id`

    const readable = Effect.fnUntraced(function* (rows: ReadonlyArray<object>) {
      const found: Array<ListedDelivery> = []
      for (const row of rows) {
        const decoded = decodeListedDeliveryRow(row)
        if (Either.isRight(decoded)) found.push(decoded.right)
        else yield* Effect.logWarning("a delivery left out: its row is damaged", decoded.left.message)
      }
      return found as ReadonlyArray<ListedDelivery>
    })

    // The index of what is not delivered is used only where its own words stand.
    const inState = (state: NonNullable<DeliveryFilter["state"]>) =>
      state === "delivered"
        ? sql`deliveries.state = ${state}`
        : sql`deliveries.state IN ('pending', 'failed', 'dead') AND deliveries.state = ${state}`

    const conditions = (filter: Partial<DeliveryFilter>) =>
      sql.and([
        sql`1 = 1`,
        ...(filter.state === undefined ? [] : [inState(filter.state)]),
        ...(filter.channel === undefined ? [] : [sql`deliveries.channel = ${filter.channel}`]),
        ...(filter.job_id === undefined ? [] : [sql`deliveries.job_id = ${filter.job_id}`]),
        ...(filter.cursor === undefined ? [] : [sql`deliveries.id < ${filter.cursor}`])
      ])

    const list = Effect.fn("JobStore.listDeliveries")(function* (filter: DeliveryFilter) {
      const rows =
        yield* sql`${listed} WHERE ${conditions(filter)} ORDER BY deliveries.id DESC LIMIT ${filter.limit + 1}`
      const shown = rows.slice(0, filter.limit)
      return {
        items: yield* readable(shown),
        next: rows.length > filter.limit ? String(shown.at(-1)?.["id"]) : null
      } satisfies Page<ListedDelivery>
    }, Effect.orDie)

    const read = Effect.fnUntraced(function* (id: string) {
      const [delivery] = yield* readable(yield* sql`${listed} WHERE deliveries.id = ${id}`)
      return delivery ?? (yield* new DeliveryNotFound({ delivery: id }))
    })

    const find = Effect.fn("JobStore.findDelivery")((id: string) => Effect.catchTag(read(id), "SqlError", Effect.die))

    const anew = (now: number) =>
      // Not the instant that it had: an attempt under way must find it changed.
      sql`UPDATE deliveries SET state = 'pending', attempts = 0, delivered_at = NULL,
        next_attempt_at = CASE WHEN next_attempt_at IS ${now} THEN ${now - 1} ELSE ${now} END`

    const redeliver = Effect.fn("JobStore.redeliver")(function* (
      id: string,
      now: number,
      event: (delivery: ListedDelivery) => AuditDraft
    ) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const before = yield* read(id)
          yield* sql`${anew(now)} WHERE id = ${id}`
          yield* audit.append([event(before)], now)
          return yield* read(id)
        })
      )
    })

    const redeliverAll = Effect.fn("JobStore.redeliverAll")(function* (
      which: Parameters<typeof conditions>[0],
      now: number,
      event: (count: number) => AuditDraft
    ) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const changed = yield* sql`${anew(now)} WHERE ${conditions(which)} RETURNING id`
          if (changed.length > 0) yield* audit.append([event(changed.length)], now)
          return changed.length
        })
      )
    })

    const counts = Effect.gen(function* () {
      const rows = yield* Effect.flatMap(
        sql`SELECT 'pending' AS state, count(*) AS n, min(created_at) AS oldest FROM deliveries WHERE state = 'pending'
          UNION ALL SELECT state, count(*) AS n, NULL FROM deliveries
            WHERE state IN ('pending', 'failed', 'dead') AND state IN ('failed', 'dead') GROUP BY state`,
        decodeCounts
      )
      const of = (state: string) => rows.find((row) => row.state === state)
      return {
        pending: of("pending")?.n ?? 0,
        failed: of("failed")?.n ?? 0,
        dead: of("dead")?.n ?? 0,
        oldest_pending: of("pending")?.oldest ?? null
      } satisfies DeliveryCounts
    }).pipe(Effect.orDie, Effect.withSpan("JobStore.deliveryCounts"))

    return { counts, find, list, redeliver, redeliverAll } as const
  })
}) {}
