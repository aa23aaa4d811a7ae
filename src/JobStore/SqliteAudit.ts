import * as SqlClient from "@effect/sql/SqlClient"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { contentOf, entryHash, redacted } from "../AuditLog.ts"
import { type AuditDraft, AuditHead } from "../Domain/Audit.ts"
import { Ids, JobId, RunId } from "../Domain/Ids.ts"
import { encodeAuditRow } from "./Rows.ts"

/** Rows in one multi-row insert; SQLite binds at most 32,766 values. */
const insertBatch = 500

const isHead = Schema.is(AuditHead)

type Row = ReturnType<typeof encodeAuditRow>

// Half a surrogate pair, as at the end of a text that was cut, has no UTF-8: the database would store other bytes.
const wellFormed = (row: Row): Row => ({
  ...row,
  actor: row.actor.toWellFormed(),
  job_name: row.job_name?.toWellFormed() ?? null,
  reason: row.reason?.toWellFormed() ?? null
})

const isJobId = Schema.is(JobId)
const isRunId = Schema.is(RunId)

/** What an event about damaged rows is about, as far as they tell. */
export const subjectOf = (job_id: unknown, run_id: unknown): Pick<AuditDraft, "job_id" | "run_id"> => ({
  job_id: isJobId(job_id) ? job_id : null,
  run_id: isRunId(run_id) ? run_id : null
})

/**
 * Appends to the audit log inside other changes' transactions: the only place that writes it. One writer fiber runs all
 * of them, so what is noted belongs to the transaction that is open.
 */
export class SqliteAudit extends Effect.Service<SqliteAudit>()("symbiont/JobStore/SqliteAudit", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const ids = yield* Ids

    // A trigger moves it on with each entry.
    const head = Effect.flatMap(sql`SELECT seq, hash, count FROM audit_head WHERE one = 1`, ([found]) =>
      isHead(found)
        ? Effect.succeed(found)
        : Effect.dieMessage("the audit log's head is damaged; see `symbi audit verify`")
    )

    let pending: Array<Row> = []

    /** Notes entries for the transaction that is open: {@link flush} writes them before it commits. */
    const append = Effect.fnUntraced(function* (events: ReadonlyArray<AuditDraft>, now: number) {
      for (const event of events) {
        const nothing = { job_id: null, job_name: null, run_id: null, reason: null, before: null, after: null }
        const id = yield* ids.audit
        pending.push(wellFormed(encodeAuditRow({ time: now, ...nothing, ...redacted(event), id })))
      }
    })

    /** Chains and writes what was noted; all writes of a transaction share one look at the head. */
    const flush = Effect.suspend(() => {
      if (pending.length === 0) return Effect.void
      const noted = pending
      pending = []
      return Effect.flatMap(head, (before) => {
        let at = before
        const rows = noted.map((row) => {
          const seq = at.seq + 1
          const hash = entryHash(at.hash, seq, contentOf(row))
          at = { seq, hash, count: at.count + 1 }
          return { seq, ...row, hash }
        })
        return Effect.forEach(Arr.chunksOf(rows, insertBatch), (some) => sql`INSERT INTO audit ${sql.insert(some)}`, {
          discard: true
        })
      })
    })

    /** Forgets what was noted for a transaction that was rolled back. */
    const discard = Effect.sync(() => {
      pending = []
    })

    return { append, discard, flush, head } as const
  })
}) {}
