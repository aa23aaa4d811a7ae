import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { BackfillRun } from "../Domain/Backfill.ts"
import type { JobId } from "../Domain/Ids.ts"
import type { StoredJob } from "../Domain/Job.ts"
import type { BackfillPlan, SlotRun } from "../JobStore.ts"
import { among } from "./Among.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { SqliteJobs } from "./SqliteJobs.ts"
import { SqliteNewRuns } from "./SqliteNewRuns.ts"
import { SqliteSettlements } from "./SqliteSettlements.ts"
import { Writer } from "./Writer.ts"

const decodeKnown = Schema.decodeUnknown(
  Schema.Array(Schema.typeSchema(BackfillRun).pipe(Schema.pick("scheduled_for", "status")))
)
const decodePruned = Schema.decodeUnknown(Schema.Array(Schema.Struct({ slot: Schema.Number })))

/** Runs for past slots. */
export class SqliteBackfills extends Effect.Service<SqliteBackfills>()("symbiont/JobStore/SqliteBackfills", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const writer = yield* Writer
    const audit = yield* SqliteAudit
    const jobs = yield* SqliteJobs
    const newRuns = yield* SqliteNewRuns
    const settlements = yield* SqliteSettlements

    // Each half uses its own partial index.
    const knownOf = (job_id: JobId, slots: ReadonlyArray<number>) => {
      const those = sql`job_id = ${job_id} AND scheduled_for IN ${among(sql, slots)}
        AND status IN ('succeeded', 'pending', 'awaiting_approval', 'running')`
      return Effect.flatMap(
        sql`SELECT scheduled_for, status FROM runs WHERE trigger IN ('schedule', 'catch_up') AND ${those}
          UNION SELECT scheduled_for, status FROM runs WHERE trigger = 'backfill' AND ${those}`,
        (rows) => Effect.orDie(decodeKnown(rows))
      )
    }

    const insert = Effect.fn("JobStore.insertBackfill")(function* <
      Asked extends { readonly slots: ReadonlyArray<number> },
      Plan extends BackfillPlan,
      E
    >(
      ref: string,
      now: number,
      ask: (job: StoredJob) => Either.Either<Asked, E>,
      plan: (job: StoredJob, asked: Asked, known: ReadonlyArray<SlotRun>, prunedTo: number | null) => Plan
    ) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const job = yield* jobs.readRow(ref, yield* jobs.findRow(ref))
          const asked = yield* ask(job)
          const [pruned] = yield* Effect.flatMap(sql`SELECT slot FROM runs_pruned WHERE job_id = ${job.id}`, (rows) =>
            Effect.orDie(decodePruned(rows))
          )
          const planned = plan(job, asked, yield* knownOf(job.id, asked.slots), pruned?.slot ?? null)
          const rows = planned.runs.map((run) => newRuns.row(job, run, now))
          newRuns.insert(rows.map((row) => ({ row, job })))
          yield* audit.append(planned.audit, now)
          if (rows.length > 0) settlements.promote(job.id, job, now)
          const runs = rows.map(({ id, scheduled_for, status }): BackfillRun => ({ id, scheduled_for, status }))
          return { job, plan: planned, runs }
        })
      )
    })

    return { insert } as const
  })
}) {}
