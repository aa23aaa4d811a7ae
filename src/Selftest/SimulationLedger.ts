import * as SqlClient from "@effect/sql/SqlClient"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const RunRow = Schema.Struct({
  id: Schema.String,
  job_name: Schema.String,
  trigger: Schema.String,
  status: Schema.String,
  scheduled_for: Schema.Number,
  start_at: Schema.NullOr(Schema.Number),
  started_at: Schema.NullOr(Schema.Number),
  created_at: Schema.Number,
  finished_at: Schema.NullOr(Schema.Number),
  missed_count: Schema.NullOr(Schema.Number),
  missed_from: Schema.NullOr(Schema.Number),
  missed_to: Schema.NullOr(Schema.Number),
  reason: Schema.NullOr(Schema.parseJson(Schema.NullOr(Schema.Struct({ code: Schema.String }))))
})

const AttemptRow = Schema.Struct({
  run_id: Schema.String,
  number: Schema.Number,
  outcome: Schema.NullOr(Schema.String)
})

const EventRow = Schema.Struct({
  type: Schema.String,
  job_name: Schema.NullOr(Schema.String),
  run_id: Schema.NullOr(Schema.String)
})

/** A run as its row says. Instants are UTC ms. */
export type LedgerRun = typeof RunRow.Type

/** Everything that a database tells of its runs, read past the service. */
export interface Ledger {
  readonly runs: ReadonlyArray<LedgerRun>
  readonly attempts: ReadonlyMap<string, ReadonlyArray<typeof AttemptRow.Type>>
  /** Entries of the audit log in their order. */
  readonly events: ReadonlyArray<typeof EventRow.Type>
  readonly statuses: ReadonlyMap<string, string>
  /** Runs that can still change, and deliveries that are not made. */
  readonly open: number
  readonly undelivered: number
}

const all = <A, I>(schema: Schema.Schema<A, I>, rows: Effect.Effect<ReadonlyArray<object>, unknown>) =>
  Effect.flatMap(rows, Schema.decodeUnknown(Schema.Array(schema)))

/** Reads the ledger of the database at hand. */
export const readLedger = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const runs = yield* all(
    RunRow,
    sql`SELECT id, job_name, trigger, status, scheduled_for, start_at, started_at, created_at, finished_at, missed_count,
      missed_from, missed_to, reason FROM runs ORDER BY id`
  )
  const attempts = yield* all(AttemptRow, sql`SELECT run_id, number, outcome FROM attempts ORDER BY run_id, number`)
  const events = yield* all(EventRow, sql`SELECT type, job_name, run_id FROM audit ORDER BY seq`)
  const statuses = yield* all(
    Schema.Struct({ name: Schema.String, status: Schema.String }),
    sql`SELECT name, status FROM jobs WHERE deleted_at IS NULL`
  )
  const [pending] = yield* all(
    Schema.Struct({ n: Schema.Number }),
    sql`SELECT count(*) AS n FROM deliveries WHERE state = 'pending'`
  )
  const undelivered = pending?.n ?? 0
  const open = runs.filter(({ status }) => ["pending", "running", "awaiting_approval"].includes(status)).length
  return {
    runs,
    attempts: new Map(Object.entries(Arr.groupBy(attempts, ({ run_id }) => run_id))),
    events,
    statuses: new Map(statuses.map(({ name, status }) => [name, status])),
    open: open + undelivered,
    undelivered
  } satisfies Ledger
})
