import * as SqlClient from "@effect/sql/SqlClient"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { AuditDraft } from "../Domain/Audit.ts"
import type { Delivery } from "../Domain/Delivery.ts"
import type { DeliveryId } from "../Domain/Ids.ts"
import type { DueDelivery } from "../JobStore.ts"
import { among } from "./Among.ts"
import { Failpoints } from "./Failpoints.ts"
import { decodeDeliveryRow } from "./Rows.ts"
import { SqliteApprovals } from "./SqliteApprovals.ts"
import { SqliteAudit, subjectOf } from "./SqliteAudit.ts"
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
    const approvals = yield* SqliteApprovals
    const failpoints = yield* Failpoints

    /** A delivery that cannot be sent must not stay due: it would come first for ever. */
    const giveUp = Effect.fnUntraced(function* (
      row: Readonly<Record<string, unknown>>,
      damaged: "delivery" | "run" | "job",
      now: number
    ) {
      const id = String(row["id"])
      const error = `the stored row of its ${damaged} is damaged`
      const dead = { type: "DeliveryDeadLettered", actor: "scheduler", reason: error } as const
      yield* writer.commit(
        Effect.zipRight(
          sql`UPDATE deliveries SET state = 'dead', next_attempt_at = NULL, error = ${error} WHERE id = ${id}`,
          audit.append([{ ...dead, ...subjectOf(row["job_id"], row["run_id"]), after: { delivery_id: id } }], now)
        )
      )
      yield* Effect.logError(`delivery ${id} is dead: ${error}`)
    })

    const due = Effect.fn("JobStore.dueDeliveries")(function* (now: number, limit: number) {
      const rows = yield* sql`SELECT * FROM deliveries WHERE state = 'pending' AND next_attempt_at <= ${now}
        ORDER BY next_attempt_at, id LIMIT ${limit}`
      if (rows.length === 0) return []
      const runRows = yield* sql`SELECT * FROM runs WHERE id IN ${among(
        sql,
        rows.map((row) => String(row["run_id"]))
      )}`
      const runs = new Map((yield* history.assemble(yield* history.readable(runRows))).map((run) => [run.id, run]))
      const asked = yield* approvals.ofRuns([...runs.values()])
      const byId = yield* jobs.byIds([...new Set(rows.map((row) => String(row["job_id"])))])
      const sendable: Array<DueDelivery> = []
      for (const row of rows) {
        const delivery = decodeDeliveryRow(row)
        const run = Either.isRight(delivery) ? runs.get(delivery.right.run_id) : undefined
        const job = Either.isRight(delivery) ? byId.get(delivery.right.job_id) : undefined
        if (Either.isRight(delivery) && run !== undefined && job !== undefined) {
          sendable.push({ delivery: delivery.right, job, run, approval: asked.get(run.id) ?? null })
        } else {
          yield* giveUp(row, Either.isLeft(delivery) ? "delivery" : run === undefined ? "run" : "job", now)
        }
      }
      return sendable
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
        Effect.gen(function* () {
          const settled = yield* sql`UPDATE deliveries SET ${sql.update(change)}, attempts = attempts + 1
            WHERE id = ${id} AND state = 'pending' RETURNING id`
          if (settled.length > 0) yield* audit.append(events, now)
        })
      )
      yield* failpoints.hit("delivery.committed")
    })

    return { due, next, settle } as const
  })
}) {}
