import * as SqlClient from "@effect/sql/SqlClient"
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

/** Appends to the audit log inside other changes' transactions: the only place that writes it. */
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

    const append = Effect.fnUntraced(function* (events: ReadonlyArray<AuditDraft>, now: number) {
      if (events.length === 0) return
      let at = yield* head
      const rows: Array<Row & { readonly seq: number; readonly hash: string }> = []
      for (const event of events) {
        const row = wellFormed(
          encodeAuditRow({
            time: now,
            job_id: null,
            job_name: null,
            run_id: null,
            reason: null,
            before: null,
            after: null,
            ...redacted(event),
            id: yield* ids.audit
          })
        )
        const seq = at.seq + 1
        const hash = entryHash(at.hash, seq, contentOf(row))
        rows.push({ seq, ...row, hash })
        at = { seq, hash, count: at.count + 1 }
      }
      for (let i = 0; i < rows.length; i += insertBatch) {
        yield* sql`INSERT INTO audit ${sql.insert(rows.slice(i, i + insertBatch))}`
      }
    })

    return { append, head } as const
  })
}) {}
