import Sqlite from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { LedgerDelivery, type LedgerJob, LedgerRun, slotsEvery } from "./Ledger.ts"
import { tickPrefix } from "./Load.ts"

const RunRow = Schema.Struct({ ...LedgerRun.fields, error_message: Schema.NullOr(Schema.String) })

/** What a database holds, read past the service. */
export interface Stored {
  readonly jobs: ReadonlyArray<LedgerJob>
  readonly runs: ReadonlyArray<typeof RunRow.Type>
  readonly deliveries: ReadonlyArray<LedgerDelivery>
}

const JobRow = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  status: Schema.String,
  every: Schema.NullOr(Schema.String),
  anchor: Schema.Number,
  created_at: Schema.Number,
  next_run: Schema.NullOr(Schema.Number)
})

const decodeJobs = Schema.decodeUnknownSync(Schema.Array(JobRow))
const decodeRuns = Schema.decodeUnknownSync(Schema.Array(RunRow))
const decodeDeliveries = Schema.decodeUnknownSync(Schema.Array(LedgerDelivery))

const second = 1_000

/**
 * Slots up to the cursor of a job of {@link writeLoad}; other jobs there have none yet. A job that died has lost its
 * cursor, and with it what tells its slots.
 */
const slotsOf = ({ anchor, created_at, every, name, next_run, status }: typeof JobRow.Type) => {
  if (status === "dead_letter") return null
  if (!name.startsWith(tickPrefix) || next_run === null) return []
  return slotsEvery(every === null ? Math.floor(created_at / second) * second : anchor, second, next_run)
}

/** An open database file. */
export interface StoredFile extends Sqlite.Database {}

/** Opens a database file for reading; it is closed with the scope. */
export const openStored = (file: string): Effect.Effect<StoredFile, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Sqlite(file, { readonly: true })),
    (db) => Effect.sync(() => db.close())
  )

/** Reads what the ledger is checked by. */
export const readStored = (db: StoredFile): Stored => ({
  jobs: decodeJobs(
    db.prepare("SELECT id, name, status, definition ->> 'every' AS every, anchor, created_at, next_run FROM jobs").all()
  ).map((job) => ({ id: job.id, name: job.name, slots: slotsOf(job) })),
  runs: decodeRuns(
    db
      .prepare(
        "SELECT id, job_id, trigger, status, scheduled_for, missed_count, missed_from, missed_to, error_message FROM runs ORDER BY id"
      )
      .all()
  ),
  deliveries: decodeDeliveries(db.prepare("SELECT id, run_id, channel, state FROM deliveries ORDER BY id").all())
})

const decodeTexts = Schema.decodeUnknownSync(Schema.Array(Schema.String))

/** What SQLite finds broken in a database. */
export const damageOf = (db: StoredFile): ReadonlyArray<string> => [
  ...decodeTexts(db.prepare("PRAGMA integrity_check(5)").pluck().all())
    .filter((text) => text !== "ok")
    .map((text) => `the database is damaged: ${text}`),
  ...(db.prepare("PRAGMA foreign_key_check").all().length === 0
    ? []
    : ["rows of the database refer to rows that are not there"])
]

/** How much is under way. */
export const unended = (db: StoredFile): number =>
  Number(
    db
      .prepare(
        `SELECT (SELECT count(*) FROM runs WHERE status IN ('pending', 'running'))
          + (SELECT count(*) FROM deliveries WHERE state = 'pending')`
      )
      .pluck()
      .get()
  )

/** Active jobs whose next slot is not after an instant, UTC ms. */
export const behind = (db: StoredFile, at: number): number =>
  Number(db.prepare("SELECT count(*) FROM jobs WHERE status = 'active' AND next_run <= ?").pluck().get(at))
