import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { AuditDraft, AuditEvent, AuditType } from "../Domain/Audit.ts"
import { Ids, type JobId } from "../Domain/Ids.ts"
import { decodeAuditRow, encodeAuditRow } from "./Rows.ts"

/** The audit table: appended to inside other changes' transactions, never updated. */
export class SqliteAudit extends Effect.Service<SqliteAudit>()("symbiont/JobStore/SqliteAudit", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const ids = yield* Ids

    const append = Effect.fnUntraced(function* (events: ReadonlyArray<AuditDraft>, now: number) {
      if (events.length === 0) return
      const rows = yield* Effect.forEach(events, (event) =>
        Effect.map(ids.audit, (id) =>
          encodeAuditRow({
            time: now,
            job_id: null,
            job_name: null,
            run_id: null,
            reason: null,
            before: null,
            after: null,
            ...event,
            id
          })
        )
      )
      yield* sql`INSERT INTO audit ${sql.insert(rows)}`
    })

    const list = Effect.fn("JobStore.listAudit")(function* (filter: {
      readonly type?: AuditType | undefined
      readonly job_id?: JobId | undefined
      readonly limit: number
    }) {
      const conditions = [
        ...(filter.type === undefined ? [] : [sql`type = ${filter.type}`]),
        ...(filter.job_id === undefined ? [] : [sql`job_id = ${filter.job_id}`])
      ]
      const rows = yield* sql`SELECT * FROM audit WHERE ${sql.and(conditions.length > 0 ? conditions : [sql`1 = 1`])}
        ORDER BY seq DESC LIMIT ${filter.limit}`
      return rows.flatMap(
        (row): ReadonlyArray<AuditEvent> =>
          Either.match(decodeAuditRow(row), {
            onLeft: () => [],
            onRight: (event) => [event]
          })
      )
    }, Effect.orDie)

    return { append, list } as const
  })
}) {}
