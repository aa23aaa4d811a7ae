import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { chainedColumns, contentOf, entryHash, redacted, type StoredColumns } from "../AuditLog.ts"
import { type AuditDraft, AuditHead } from "../Domain/Audit.ts"
import { Ids, JobId, RunId } from "../Domain/Ids.ts"
import { Database, type Value } from "./Database.ts"
import { encodeAuditRow } from "./Rows.ts"

const isHead = Schema.is(AuditHead)

type Row = StoredColumns

// Half a surrogate pair, as at the end of a text that was cut, has no UTF-8: the database would store other bytes.
const wellFormed = (row: Row): Row => {
  for (const name of chainedColumns) {
    const value = row[name]
    if (typeof value === "string" && !value.isWellFormed()) return mended(row)
  }
  return row
}

const mended = (row: Row): Row => ({
  ...row,
  actor: String(row.actor).toWellFormed(),
  job_name: row.job_name === null ? null : String(row.job_name).toWellFormed(),
  reason: row.reason === null ? null : String(row.reason).toWellFormed()
})

const isJobId = Schema.is(JobId)
const isRunId = Schema.is(RunId)

/** What an event about damaged rows is about, as far as they tell. */
export const subjectOf = (job_id: unknown, run_id: unknown): Pick<AuditDraft, "job_id" | "run_id"> => ({
  job_id: isJobId(job_id) ? job_id : null,
  run_id: isRunId(run_id) ? run_id : null
})

const columns = ["seq", ...chainedColumns, "hash"] as const
const names = columns.map((name) => `"${name}"`)

/**
 * Rows of one statement, as many as there are for. The table has triggers: for each statement SQLite keeps what its pages
 * were before, which takes longer than a row.
 */
const rowsAtOnce = [25, 5, 1]

/**
 * Appends to the audit log inside other changes' transactions: the only place that writes it. One writer fiber runs all
 * of them, so what is noted belongs to the transaction that is open.
 */
export class SqliteAudit extends Effect.Service<SqliteAudit>()("symbiont/JobStore/SqliteAudit", {
  effect: Effect.gen(function* () {
    const { prepare } = yield* Database
    const ids = yield* Ids
    const readHead = prepare("SELECT seq, hash, count FROM audit_head WHERE one = 1")
    const inserts = rowsAtOnce.map((count) => {
      const rows = Array.from({ length: count }, () => `(${columns.map(() => "?").join(", ")})`)
      return { count, statement: prepare(`INSERT INTO audit (${names.join(", ")}) VALUES ${rows.join(", ")}`) }
    })

    // A trigger moves it on with each entry.
    const headNow = (): AuditHead => {
      const found = readHead.first()
      if (!isHead(found)) throw new Error("the audit log's head is damaged; see `symbi audit verify`")
      return found
    }

    let pending: Array<Row> = []

    /** Notes entries for the transaction that is open: {@link flush} writes them before it commits. */
    const note = (events: ReadonlyArray<AuditDraft>, now: number): void => {
      for (const event of events) {
        const { actor, after, before, job_id, job_name, reason, run_id, time, type } = redacted(event)
        const entry = {
          id: ids.nextAudit(),
          time: time ?? now,
          type,
          actor,
          job_id: job_id ?? null,
          job_name: job_name ?? null,
          run_id: run_id ?? null,
          reason: reason ?? null,
          before: before ?? null,
          after: after ?? null
        }
        pending.push(wellFormed(encodeAuditRow(entry)))
      }
    }

    /** Chains and writes what was noted; all writes of a transaction share one look at the head. */
    const flush = (): void => {
      if (pending.length === 0) return
      const noted = pending
      pending = []
      let { hash, seq } = headNow()
      let next = 0
      for (const { count, statement } of inserts) {
        while (next + count <= noted.length) {
          const values: Array<Value> = []
          for (const row of noted.slice(next, next + count)) {
            seq += 1
            hash = entryHash(hash, seq, contentOf(row))
            values.push(seq)
            for (const name of chainedColumns) values.push(row[name])
            values.push(hash)
          }
          statement.run(...values)
          next += count
        }
      }
    }

    /** Forgets what was noted for a transaction that was rolled back. */
    const discard = (): void => {
      pending = []
    }

    return {
      append: (events: ReadonlyArray<AuditDraft>, now: number) => Effect.sync(() => note(events, now)),
      discard,
      flush,
      head: Effect.sync(headNow),
      note
    } as const
  })
}) {}
