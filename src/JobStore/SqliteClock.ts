import * as SqlClient from "@effect/sql/SqlClient"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { AuditDraft } from "../Domain/Audit.ts"
import { leastRunId, RunId } from "../Domain/Ids.ts"
import type { StoredJob } from "../Domain/Job.ts"
import type { MissedAhead, Replan } from "../JobStore.ts"
import { among } from "./Among.ts"
import { jobFromRow } from "./Rows.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { Writer } from "./Writer.ts"

/** Jobs looked at in one go. */
const batch = 500

const MissedRow = Schema.Struct({
  id: RunId,
  job_id: Schema.String,
  missed_from: Schema.Number,
  missed_to: Schema.Number
})
const decodeMissed = Schema.decodeUnknown(Schema.Array(MissedRow))

/** What the store does when the wall clock was set back. */
export class SqliteClock extends Effect.Service<SqliteClock>()("symbiont/JobStore/SqliteClock", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const writer = yield* Writer
    const audit = yield* SqliteAudit

    const shortenWaits = Effect.fnUntraced(function* (now: number, by: number) {
      const moved = (column: string) =>
        sql.literal(`${column} = CASE WHEN ${column} > ${now} THEN max(${now}, ${column} - ${by}) ELSE ${column} END`)
      // By the index of live runs: no index leads to pending ones by each of these instants.
      yield* sql`UPDATE runs SET ${moved("ready_at")}, ${moved("start_at")}, ${moved("next_attempt_at")}
        WHERE rowid IN (SELECT rowid FROM runs INDEXED BY runs_live WHERE status IN ('pending', 'running'))
          AND status = 'pending' AND (ready_at > ${now} OR start_at > ${now} OR next_attempt_at > ${now})`
      yield* sql`UPDATE deliveries SET ${moved("next_attempt_at")} WHERE state = 'pending' AND next_attempt_at > ${now}`
      // The end of allowed_hours is an instant of the clock; a time-out is a length.
      yield* sql`UPDATE approvals SET ${moved("expires_at")} WHERE state = 'pending' AND expires_at > ${now}
        AND expires_by = 'approval_timeout'`
      yield* sql`UPDATE idempotency SET created_at = ${now} WHERE created_at > ${now}`
    })

    // Ids sort by time, so rows written since then need no walk over all.
    const missedAhead = (now: number) =>
      sql`SELECT id, job_id, missed_from, missed_to FROM runs
        WHERE id >= ${leastRunId(now)} AND status = 'missed' AND missed_to > ${now} ORDER BY id`

    const apply = Effect.fnUntraced(function* (plans: ReadonlyArray<readonly [StoredJob, Replan]>) {
      const moves = plans.map(([{ id }, { anchor, next_run, status }]) => ({ id, anchor, next_run, status }))
      yield* sql`UPDATE jobs SET next_run = moved.value ->> 'next_run', anchor = moved.value ->> 'anchor',
        status = moved.value ->> 'status' FROM json_each(${JSON.stringify(moves)}) AS moved
        WHERE jobs.id = moved.value ->> 'id'`
      for (const { id, passed } of plans.flatMap(([, plan]) => plan.missed)) {
        if (passed === null) {
          yield* sql`DELETE FROM deliveries WHERE run_id = ${id}`
          yield* sql`DELETE FROM runs WHERE id = ${id}`
        } else {
          yield* sql`UPDATE runs SET missed_to = ${passed.missed_to}, missed_count = ${passed.missed_count} WHERE id = ${id}`
        }
      }
    })

    const clockSetBack = Effect.fn("JobStore.clockSetBack")(function* (
      now: number,
      by: number,
      replan: (job: StoredJob, ahead: ReadonlyArray<MissedAhead>) => Replan | null,
      event: AuditDraft
    ) {
      return yield* writer.commit(
        Effect.gen(function* () {
          yield* shortenWaits(now, by)
          const missed = yield* Effect.flatMap(missedAhead(now), decodeMissed)
          const ahead = new Map(Object.entries(Arr.groupBy(missed, (row) => row.job_id)))
          let replanned = 0
          let cursor = ""
          while (true) {
            const rows =
              yield* sql`SELECT * FROM jobs WHERE id > ${cursor} AND deleted_at IS NULL AND quarantined IS NULL
              AND (updated_at > ${now} OR anchor > ${now} OR id IN ${among(sql, [...ahead.keys()])})
              ORDER BY id LIMIT ${batch}`
            const plans = rows.flatMap((row): ReadonlyArray<readonly [StoredJob, Replan]> => {
              const job = jobFromRow(row)
              if (Either.isLeft(job)) return []
              const plan = replan(job.right, ahead.get(job.right.id) ?? [])
              return plan === null ? [] : [[job.right, plan]]
            })
            yield* apply(plans)
            replanned += plans.length
            if (rows.length < batch) break
            cursor = String(rows.at(-1)?.["id"])
          }
          yield* audit.append([event], now)
          return replanned
        }).pipe(Effect.catchTag("ParseError", Effect.die))
      )
    })

    return { clockSetBack } as const
  })
}) {}
