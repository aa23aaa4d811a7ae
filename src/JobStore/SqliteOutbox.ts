import * as SqlClient from "@effect/sql/SqlClient"
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { AuditDraft } from "../Domain/Audit.ts"
import type { Delivery } from "../Domain/Delivery.ts"
import { destinationOf } from "../Domain/Destination.ts"
import { Failpoints } from "../Failpoints.ts"
import type { DueDelivery, NewAlert, WaitingDestinations } from "../JobStore.ts"
import { among } from "./Among.ts"
import { decodeDeliveryRow } from "./Rows.ts"
import { SqliteApprovals } from "./SqliteApprovals.ts"
import { SqliteAudit, subjectOf } from "./SqliteAudit.ts"
import { SqliteHistory } from "./SqliteHistory.ts"
import { SqliteJobs } from "./SqliteJobs.ts"
import { SqliteNewDeliveries } from "./SqliteNewDeliveries.ts"
import { Writer } from "./Writer.ts"

const decodeWaiting = Schema.decodeUnknown(
  Schema.Array(Schema.Struct({ destination: Schema.String, first: Schema.Number, next: Schema.NullOr(Schema.Number) }))
)

/** The outbox: deliveries that are due, and what became of them. */
export class SqliteOutbox extends Effect.Service<SqliteOutbox>()("symbiont/JobStore/SqliteOutbox", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const writer = yield* Writer
    const audit = yield* SqliteAudit
    const jobs = yield* SqliteJobs
    const history = yield* SqliteHistory
    const approvals = yield* SqliteApprovals
    const newDeliveries = yield* SqliteNewDeliveries
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

    const aboutOf = Effect.fnUntraced(function* (alerts: ReadonlyArray<Delivery>) {
      const ids = alerts.flatMap(({ about }) => (about === null ? [] : [about]))
      if (ids.length === 0) return new Map<string, Delivery>()
      const rows = yield* sql`SELECT * FROM deliveries WHERE id IN ${among(sql, ids)}`
      return new Map(
        Arr.getRights(rows.map((row) => decodeDeliveryRow(row))).map((delivery) => [delivery.id as string, delivery])
      )
    })

    const due = Effect.fn("JobStore.dueDeliveries")(function* (
      destination: string,
      now: number,
      limit: number,
      except: ReadonlyArray<string>
    ) {
      const others = except.length === 0 ? sql`` : sql`AND id NOT IN ${among(sql, except)}`
      const rows = yield* sql`SELECT * FROM deliveries WHERE state = 'pending' AND destination = ${destination}
        AND next_attempt_at <= ${now} ${others} ORDER BY next_attempt_at, id LIMIT ${limit}`
      if (rows.length === 0) return []
      const runRows = yield* sql`SELECT * FROM runs WHERE id IN ${among(
        sql,
        rows.map((row) => String(row["run_id"]))
      )}`
      const runs = new Map((yield* history.assemble(yield* history.readable(runRows))).map((run) => [run.id, run]))
      const asked = yield* approvals.ofRuns([...runs.values()])
      const byId = jobs.byIds([...new Set(rows.map((row) => String(row["job_id"])))])
      const decoded = rows.map((row) => ({ row, delivery: decodeDeliveryRow(row) }))
      const about = yield* aboutOf(Arr.getRights(decoded.map(({ delivery }) => delivery)))
      const sendable: Array<DueDelivery> = []
      for (const { delivery, row } of decoded) {
        const run = Either.isRight(delivery) ? runs.get(delivery.right.run_id) : undefined
        const job = Either.isRight(delivery) ? byId.get(delivery.right.job_id) : undefined
        if (Either.isRight(delivery) && run !== undefined && job !== undefined) {
          const one = delivery.right
          const receiver = destinationOf(one.channel, one.kind, job)
          if (receiver === destination) {
            sendable.push({
              delivery: one,
              job,
              run,
              approval: asked.get(run.id) ?? null,
              about: about.get(one.about ?? "") ?? null,
              notice: typeof row["text"] === "string" ? row["text"] : null
            })
          } else {
            // The job was edited since.
            yield* writer.commit(sql`UPDATE deliveries SET destination = ${receiver} WHERE id = ${one.id}`)
          }
        } else {
          yield* giveUp(row, Either.isLeft(delivery) ? "delivery" : run === undefined ? "run" : "job", now)
        }
      }
      return sendable
    }, Effect.orDie)

    // Skips from one destination to the next in the index, whatever the number of deliveries that wait.
    const waiting = Effect.fn("JobStore.waitingDestinations")(function* (now: number) {
      const rows = yield* Effect.flatMap(
        sql`WITH RECURSIVE waiting (destination) AS (
          SELECT min(destination) FROM deliveries WHERE state = 'pending'
          UNION ALL
          SELECT (SELECT min(destination) FROM deliveries WHERE state = 'pending' AND destination > waiting.destination)
            FROM waiting WHERE waiting.destination IS NOT NULL)
        SELECT destination,
          (SELECT min(next_attempt_at) FROM deliveries WHERE state = 'pending' AND destination = waiting.destination) AS first,
          (SELECT min(next_attempt_at) FROM deliveries WHERE state = 'pending' AND destination = waiting.destination
            AND next_attempt_at > ${now}) AS next
          FROM waiting WHERE destination IS NOT NULL`,
        decodeWaiting
      )
      const due = rows.filter(({ first }) => first <= now).toSorted((a, b) => a.first - b.first)
      const next = rows.flatMap((row) => (row.next === null ? [] : [row.next]))
      return {
        due: due.map(({ destination }) => destination),
        next: next.reduce<number | null>((least, at) => (least === null || at < least ? at : least), null)
      } satisfies WaitingDestinations
    }, Effect.orDie)

    const raiseAlert = Effect.fnUntraced(function* (about: Delivery, { channel, quiet }: NewAlert, now: number) {
      const recent = yield* sql`SELECT 1 FROM deliveries AS alerts JOIN deliveries AS lost ON lost.id = alerts.about
        WHERE alerts.job_id = ${about.job_id} AND alerts.kind = 'undelivered' AND alerts.created_at > ${now - quiet}
        AND alerts.created_at <= ${now}
        AND lost.channel = ${about.channel} LIMIT 1`
      if (recent.length > 0) return
      const { id, job_id, run_id } = about
      // An alert about an alert is about what that one was to tell.
      const lost = about.about ?? id
      newDeliveries.insert([
        newDeliveries.row({ run_id, job_id, channel, kind: "undelivered", about: lost }, null, now)
      ])
    })

    const settle = Effect.fn("JobStore.settleDelivery")(function* (
      { attempts, id, next_attempt_at }: Pick<Delivery, "id" | "attempts" | "next_attempt_at">,
      change: Pick<Delivery, "state" | "next_attempt_at" | "delivered_at" | "error">,
      events: ReadonlyArray<AuditDraft>,
      alert?: NewAlert | undefined
    ) {
      const now = yield* Clock.currentTimeMillis
      yield* failpoints.hit("delivery.sent")
      const done = yield* writer.commit(
        Effect.gen(function* () {
          const settled = yield* sql`UPDATE deliveries SET ${sql.update(change)}, attempts = attempts + 1
            WHERE id = ${id} AND state = 'pending' AND attempts = ${attempts} AND next_attempt_at IS ${next_attempt_at}
            RETURNING *`
          if (settled.length > 0) yield* audit.append(events, now)
          yield* failpoints.hit("delivery.written")
          const [delivery] = Arr.getRights(settled.map((row) => decodeDeliveryRow(row)))
          if (delivery !== undefined && alert !== undefined) yield* raiseAlert(delivery, alert, now)
          return settled.length > 0
        })
      )
      yield* failpoints.hit("delivery.committed")
      return done
    })

    return { due, settle, waiting } as const
  })
}) {}
