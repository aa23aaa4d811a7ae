import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Delivery } from "../Domain/Delivery.ts"
import type { JobId, RunId } from "../Domain/Ids.ts"
import { type Attempt, type Run, RunNotFound, type RunSummary } from "../Domain/Run.ts"
import type { Session } from "../Domain/Session.ts"
import type { Page, RunFilter, StartedRun, StoreCounts } from "../JobStore.ts"
import { among } from "./Among.ts"
import { Database, type Row } from "./Database.ts"
import { areSame } from "./Remembered.ts"
import {
  decodeAttemptRow,
  decodeDeliveryRow,
  decodeRunValues,
  decodeSessionRow,
  describe,
  type RunRow,
  runFromRow,
  runNames,
  runValuesOf
} from "./Rows.ts"
import { SqliteJobs } from "./SqliteJobs.ts"
import type { DamagedRun } from "./SqliteSettlements.ts"

const decodeCounts = Schema.decodeUnknown(Schema.Array(Schema.Struct({ name: Schema.String, n: Schema.Number })))

const push = <A>(groups: Map<string, Array<A>>, key: string, item: A): void => {
  const group = groups.get(key)
  if (group === undefined) groups.set(key, [item])
  else group.push(item)
}

/** Columns of a run but for those that can be large. */
const summaryColumns = `id, job_id, job_name, agent_id, trigger, status, scheduled_for, start_at, next_attempt_at, ready_at,
  holds_permit, started_at, finished_at, execution_time_ms, attempt, owner, partition, input, error_message,
  reason, decision, requested_by, approval_id, session_id, stop_reason, usage, context_bytes, iteration_count, saved,
  missed_count, missed_from, missed_to,
  created_at, '[]' AS evaluations, '[]' AS iterations, '[]' AS tool_calls, NULL AS output`

const summaryOf = ({ evaluations: _e, iterations: _i, output: _o, tool_calls: _t, ...summary }: Run): RunSummary =>
  summary

/** Runs of one kind that are looked at about one instant. */
const around = 20

/** A run that was begun, and its row as it was then. */
interface Begun {
  readonly values: ReadonlyArray<unknown>
  readonly row: RunRow
  readonly run: Run
}

/** Runs in flight that are remembered; more are read again at their end. */
const mostBegun = 20_000

/** Reads of runs, sessions and totals. */
export class SqliteHistory extends Effect.Service<SqliteHistory>()("symbiont/JobStore/SqliteHistory", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const { inTurn, prepare, query } = yield* Database
    const jobs = yield* SqliteJobs

    /** The rows that can be read, in order, and what is known of those that cannot; each the values of `runNames`. */
    const readValues = (rows: ReadonlyArray<ReadonlyArray<unknown>>) => {
      const readable: Array<RunRow> = []
      const damaged: Array<DamagedRun> = []
      for (const values of rows) {
        const run = decodeRunValues(values)
        if (Either.isRight(run)) readable.push(run.right)
        else damaged.push({ id: String(values[0]), job_id: String(values[1]), detail: describe(run.left) })
      }
      return { readable, damaged } as const
    }

    /** {@link readValues} of rows by the names of their columns. */
    const read = (rows: ReadonlyArray<Row>) => readValues(rows.map(runValuesOf))

    const leftOut = ({ detail, id }: DamagedRun) => Effect.logWarning(`run ${id} left out: its row is damaged`, detail)

    /** {@link read}, for those who can do without the damaged ones. */
    const readable = Effect.fnUntraced(function* (rows: ReadonlyArray<Row>) {
      const { damaged, readable } = read(rows)
      yield* Effect.forEach(damaged, leftOut, { discard: true })
      return readable
    })

    /** One row that is read alone, the values of `runNames`; undefined where it is damaged. */
    const readableOne = (values: ReadonlyArray<unknown>): RunRow | undefined => {
      const { damaged, readable } = readValues([values])
      for (const run of damaged) inTurn(leftOut(run))
      return readable[0]
    }

    const attemptsOf = Effect.fnUntraced(function* (ids: ReadonlyArray<RunId>) {
      const rows = yield* sql`SELECT * FROM attempts WHERE run_id IN ${among(sql, ids)} ORDER BY run_id, number`
      const attempts = new Map<string, Array<Attempt>>()
      for (const row of rows) {
        const decoded = decodeAttemptRow(row)
        if (Either.isLeft(decoded)) continue
        const { run_id, ...attempt } = decoded.right
        push(attempts, run_id, attempt)
      }
      return attempts as ReadonlyMap<string, ReadonlyArray<Attempt>>
    })

    const deliveriesOf = Effect.fnUntraced(function* (ids: ReadonlyArray<RunId>) {
      const rows = yield* sql`SELECT * FROM deliveries WHERE run_id IN ${among(sql, ids)} ORDER BY id`
      const deliveries = new Map<string, Array<Delivery>>()
      for (const row of rows) {
        const decoded = decodeDeliveryRow(row)
        if (Either.isRight(decoded)) push(deliveries, decoded.right.run_id, decoded.right)
      }
      return deliveries as ReadonlyMap<string, ReadonlyArray<Delivery>>
    })

    /** Runs of some rows, with their attempts and deliveries. */
    const assemble = Effect.fnUntraced(function* (rows: ReadonlyArray<RunRow>) {
      if (rows.length === 0) return []
      const ids = rows.map((row) => row.id)
      const attempts = yield* attemptsOf(ids)
      const deliveries = yield* deliveriesOf(ids)
      return rows.map((row): Run => runFromRow(row, attempts.get(row.id) ?? [], deliveries.get(row.id) ?? []))
    })

    const insertAttempt = prepare("INSERT INTO attempts (run_id, number, started_at) VALUES (?, ?, ?)")
    const attemptsOfRun = prepare("SELECT * FROM attempts WHERE run_id = ? ORDER BY number")
    // What was begun last, as its row was written then: most runs end without another change of it.
    const begun = new Map<string, Begun>()

    const attemptsOfLive = (row: RunRow): ReadonlyArray<Attempt> => {
      if (row.attempt === 0) return []
      return attemptsOfRun.all(row.id).flatMap((found) => {
        const decoded = decodeAttemptRow(found)
        if (Either.isLeft(decoded)) return []
        const { run_id: _, ...attempt } = decoded.right
        return [attempt]
      })
    }

    /** A run that has not ended, from its row: deliveries come with the end. */
    const live = (row: RunRow): Run => runFromRow(row, attemptsOfLive(row), [])

    /** A run in flight by its row, the values of `runNames`; undefined where that is damaged. */
    const inFlight = (values: ReadonlyArray<unknown>): Omit<Begun, "values"> | undefined => {
      const id = String(values[0])
      const known = begun.get(id)
      begun.delete(id)
      if (known !== undefined && areSame(known.values, values)) return known
      const row = readableOne(values)
      return row === undefined ? undefined : { row, run: live(row) }
    }

    /** Stores the attempt that a run has begun as its row says, at `now`; `values` are the row as it was written. */
    const begin = (row: RunRow, values: ReadonlyArray<unknown>, now: number): Pick<StartedRun, "attempt" | "run"> => {
      insertAttempt.run(row.id, row.attempt, now)
      const attempt: Attempt = {
        number: row.attempt,
        started_at: now,
        finished_at: null,
        outcome: null,
        failure: null,
        error_message: null
      }
      const attempts = row.attempt === 1 ? [attempt] : attemptsOfLive(row)
      const run = runFromRow(row, attempts, [])
      if (begun.size >= mostBegun) begun.clear()
      begun.set(row.id, { values, row, run })
      return { attempt: attempts.at(-1) ?? attempt, run }
    }

    const runOf = query(`SELECT ${runNames.join(", ")} FROM runs WHERE id = ?`)
    const deliveriesOfRun = prepare("SELECT * FROM deliveries WHERE run_id = ? ORDER BY id")

    /** One run by id, inside or outside a transaction. */
    const runById = (id: string): Effect.Effect<Run, RunNotFound> =>
      Effect.suspend(() => {
        const values = runOf.first(id)
        const row = values === undefined ? undefined : readableOne(values)
        if (row === undefined) return new RunNotFound({ run: id })
        const deliveries = deliveriesOfRun.all(row.id).flatMap((found) => {
          const delivery = decodeDeliveryRow(found)
          return Either.isRight(delivery) ? [delivery.right] : []
        })
        return Effect.succeed(runFromRow(row, attemptsOfLive(row), deliveries))
      })

    const listRuns = Effect.fn("JobStore.listRuns")(
      function* (jobRef: string, filter: RunFilter) {
        const job = yield* jobs.findRow(jobRef)
        const conditions = [
          sql`job_id = ${String(job[0])}`,
          ...(filter.status === undefined ? [] : [sql`status = ${filter.status}`]),
          ...(filter.cursor === undefined ? [] : [sql`id < ${filter.cursor}`])
        ]
        const rows = yield* sql`SELECT ${sql.literal(summaryColumns)} FROM runs WHERE ${sql.and(conditions)}
        ORDER BY id DESC LIMIT ${filter.limit + 1}`
        const shown = rows.slice(0, filter.limit)
        const runs = yield* assemble(yield* readable(shown))
        const last = shown.at(-1)
        return {
          items: runs.map(summaryOf),
          next: rows.length > filter.limit && last !== undefined ? String(last["id"]) : null
        } satisfies Page<RunSummary>
      },
      Effect.catchTag("SqlError", Effect.die)
    )

    const runsAround = Effect.fn("JobStore.runsAround")(function* (job_id: JobId, at: number, span: number) {
      const end = at + span
      const slots = yield* sql`SELECT ${sql.literal(summaryColumns)} FROM runs WHERE job_id = ${job_id}
        AND scheduled_for >= ${at} AND scheduled_for < ${end} AND trigger IN ('schedule', 'catch_up')
        ORDER BY scheduled_for LIMIT ${around}`
      const missed = yield* sql`SELECT ${sql.literal(summaryColumns)} FROM runs WHERE job_id = ${job_id}
        AND status = 'missed' AND missed_from < ${end} AND missed_to >= ${at} ORDER BY id DESC LIMIT 1`
      const backfills = yield* sql`SELECT ${sql.literal(summaryColumns)} FROM runs WHERE job_id = ${job_id}
        AND scheduled_for >= ${at} AND scheduled_for < ${end} AND trigger = 'backfill'
        ORDER BY scheduled_for LIMIT ${around}`
      const byHand = yield* sql`SELECT ${sql.literal(summaryColumns)} FROM runs WHERE job_id = ${job_id}
        AND scheduled_for >= ${at} AND scheduled_for < ${end} AND trigger = 'manual'
        ORDER BY scheduled_for LIMIT ${around}`
      const rows = new Map([...slots, ...missed, ...backfills, ...byHand].map((row) => [row["id"], row]))
      return (yield* assemble(yield* readable([...rows.values()]))).map(summaryOf)
    }, Effect.orDie)

    const findSession = Effect.fn("JobStore.findSession")(function* (job_id: JobId) {
      const [row] = yield* sql`SELECT * FROM sessions WHERE job_id = ${job_id}`
      if (row === undefined) return null
      const session = decodeSessionRow(row)
      if (Either.isRight(session)) return session.right as Session
      yield* Effect.logWarning("session started anew: its row is damaged", session.left.message)
      return null
    }, Effect.orDie)

    const counts = Effect.gen(function* () {
      const rows = yield* decodeCounts(
        yield* sql`SELECT status AS name, n FROM job_counts
          UNION ALL SELECT name, value FROM counters
          UNION ALL SELECT 'running', count(*) FROM runs WHERE status = 'running'`
      )
      const of = (name: string) => rows.find((row) => row.name === name)?.n ?? 0
      return {
        active_jobs: of("active"),
        paused_jobs: of("paused"),
        quarantined_jobs: of("quarantined"),
        running: of("running"),
        runs_succeeded: of("runs_succeeded"),
        runs_failed: of("runs_failed"),
        execution_time_ms_sum: of("execution_time_ms_sum"),
        execution_time_count: of("execution_time_count")
      } satisfies StoreCounts
    }).pipe(Effect.orDie, Effect.withSpan("JobStore.counts"))

    return {
      assemble,
      begin,
      counts,
      findRun: runById,
      findSession,
      inFlight,
      listRuns,
      live,
      read,
      readable,
      readValues,
      runById,
      runsAround
    } as const
  })
}) {}
