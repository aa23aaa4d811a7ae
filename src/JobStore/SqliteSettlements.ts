import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import type { Delivery } from "../Domain/Delivery.ts"
import { deliveriesAtEnd, runsAtOnce, type StoredJob } from "../Domain/Job.ts"
import { type Attempt, isTerminal, type Reason, type Run, type RunStatus } from "../Domain/Run.ts"
import { Failpoints, plainly } from "../Failpoints.ts"
import type { NewDelivery, Settlement } from "../JobStore.ts"
import { recordDeadLetter, recordRun } from "../Observability.ts"
import { Counters } from "./Counters.ts"
import { Database, type Prepared, type Value } from "./Database.ts"
import { areSame } from "./Remembered.ts"
import { encodeRunPatch, forgetJob, jobColumns, type RunRow } from "./Rows.ts"
import { SqliteAudit, subjectOf } from "./SqliteAudit.ts"
import { SqliteBudgets } from "./SqliteBudgets.ts"
import { SqliteNewDeliveries } from "./SqliteNewDeliveries.ts"
import { SqliteSessionArchive } from "./SqliteSessionArchive.ts"
import { Tally } from "./Tally.ts"

const failedStatuses: ReadonlySet<RunStatus> = new Set(["failed", "timed_out", "interrupted"])

/** Whether a run that ended so counts as one that ran to its end. */
const isCounted = (status: RunStatus): boolean => status === "succeeded" || failedStatuses.has(status)

const identity = (delivery: NewDelivery): string => `${delivery.kind}/${delivery.channel}`

/** A run whose own row could not be read, as far as its columns tell. */
export interface DamagedRun {
  readonly id: string
  readonly job_id: string
  readonly detail: string
}

/** What the end of an attempt changes. Every method runs inside its caller's transaction. */
export class SqliteSettlements extends Effect.Service<SqliteSettlements>()("symbiont/JobStore/SqliteSettlements", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const { inTurn, prepare } = yield* Database
    const audit = yield* SqliteAudit
    const budgets = yield* SqliteBudgets
    const counters = yield* Counters
    const newDeliveries = yield* SqliteNewDeliveries
    const sessions = yield* SqliteSessionArchive
    const tally = yield* Tally
    const pass = plainly(yield* Failpoints, inTurn)

    const anyQueued = prepare("SELECT 1 FROM runs WHERE job_id = ? AND status = 'pending' AND holds_permit = 0 LIMIT 1")
    const promoteQueued =
      prepare(`UPDATE runs SET holds_permit = 1, ready_at = max(coalesce(start_at, 0), ?) WHERE id IN (
        SELECT id FROM runs WHERE job_id = ? AND status = 'pending' AND holds_permit = 0
          ORDER BY trigger = 'backfill', id
        LIMIT max(0, ? - (SELECT count(*) FROM runs
          WHERE job_id = ? AND status IN ('pending', 'running') AND holds_permit = 1)))`)
    const endAttempt = prepare(
      "UPDATE attempts SET finished_at = ?, outcome = ?, failure = ?, error_message = ? WHERE run_id = ? AND number = ?"
    )

    /** Statements that set some columns of a row by its id; few sets of columns come up. */
    const setting = (table: "runs" | "jobs", further = "") => {
      const known: Array<{ readonly names: ReadonlyArray<string>; readonly statement: Prepared }> = []
      const made = (names: ReadonlyArray<string>): Prepared => {
        const columns = [...names.map((name) => `${name} = ?`), ...(further === "" ? [] : [further])].join(", ")
        const statement = prepare(`UPDATE ${table} SET ${columns} WHERE id = ?`)
        known.push({ names, statement })
        return statement
      }
      return (id: string, patch: Readonly<Record<string, Value>>): void => {
        const names = Object.keys(patch)
        const before = known.find((one) => areSame(one.names, names))
        const statement = before?.statement ?? made(names)
        statement.run(...Object.values(patch), id)
      }
    }
    const setRun = setting("runs")
    const setJob = setting("jobs")
    const setJobSucceeded = setting("jobs", "runs_ended = runs_ended + 1")
    const setJobFailed = setting("jobs", "runs_ended = runs_ended + 1, runs_failed = runs_failed + 1")

    /** Gives the permits of a job that are free to the runs queued for them, oldest first, backfills last. */
    const promote = (job_id: string, job: StoredJob | null, now: number): void => {
      if (anyQueued.first(job_id) === undefined) return
      promoteQueued.run(now, job_id, job === null ? 1 : runsAtOnce(job), job_id)
    }

    const countEnd = (status: RunStatus, execution_time_ms: number | null | undefined): void => {
      if (isCounted(status)) counters.note(status, execution_time_ms)
    }

    const saveDeliveries = (
      run: Run,
      job: StoredJob | null,
      asked: ReadonlyArray<NewDelivery>,
      now: number
    ): ReadonlyArray<Delivery> => {
      if (asked.length === 0) return []
      const known = new Set(run.deliveries.map(identity))
      const added: Array<Delivery> = []
      for (const { channel, kind } of asked) {
        if (known.has(identity({ channel, kind }))) continue
        known.add(identity({ channel, kind }))
        added.push(newDeliveries.row({ run_id: run.id, job_id: run.job_id, channel, kind }, job, now))
      }
      newDeliveries.insert(added)
      return added
    }

    /** `ended` is how a run of the job ended by itself. */
    const patchJob = (id: string, patch: Settlement["job"], ended: RunStatus | null): void => {
      const counts = ended !== null && isCounted(ended)
      if (!counts && Object.keys(patch).length === 0) return
      const set = !counts ? setJob : ended === "succeeded" ? setJobSucceeded : setJobFailed
      set(id, jobColumns(patch))
      if (patch.status !== undefined && patch.status !== "active") forgetJob(id)
    }

    /** Ends the current attempt of a running run; gives the run as it is then. */
    const settle = (row: RunRow, run: Run, job: StoredJob | null, settlement: Settlement, now: number): Run => {
      const status = settlement.run.status ?? row.status
      const ended = isTerminal(status)
      const waits = ended || status === "awaiting_approval"
      const { attempt } = settlement
      const ready_at = waits ? null : (settlement.run.next_attempt_at ?? now)
      const columns = encodeRunPatch(settlement.run)
      columns["owner"] = null
      columns["ready_at"] = ready_at
      setRun(row.id, columns)
      endAttempt.run(now, attempt.outcome, attempt.failure, attempt.error_message, row.id, row.attempt)
      patchJob(row.job_id, settlement.job, ended ? status : null)
      if (settlement.session !== undefined) inTurn(sessions.save(settlement.session, job, now))
      pass("outbox.before")
      const added = saveDeliveries(run, job, settlement.deliveries, now)
      pass("outbox.written")
      audit.note(settlement.audit, now)
      budgets.settle(row.id, settlement.reservationSpent === true, ended)
      if (ended) {
        countEnd(status, settlement.run.execution_time_ms)
        promote(row.job_id, job, now)
      }
      const attempts = run.attempts.map((before): Attempt => {
        const { number, started_at } = before
        if (number !== row.attempt) return before
        const { error_message, failure, outcome } = attempt
        return { number, started_at, finished_at: now, outcome, failure, error_message }
      })
      const deliveries = added.length === 0 ? run.deliveries : [...run.deliveries, ...added]
      const after: Run = Object.assign({ ...run }, settlement.run, { attempts, deliveries })
      if (ended) tally.note(recordRun(after))
      if (settlement.job.status === "dead_letter") tally.note(recordDeadLetter(run.job_name))
      return after
    }

    /** Ends a run that waited, for its time or for an approval; gives the run as it is then. */
    const endWaiting = (
      ended: { readonly run: Run; readonly job: StoredJob | null; readonly end: Pick<Settlement, "run" | "job"> },
      now: number
    ): Run => {
      const { end, job, run } = ended
      setRun(run.id, encodeRunPatch({ ...end.run, ready_at: null }))
      patchJob(run.job_id, end.job, null)
      const after = { ...run, ...end.run } satisfies Run
      const told = job === null ? [] : deliveriesAtEnd(job, after.status)
      const added = saveDeliveries(run, job, told, now)
      budgets.settle(run.id, false, true)
      promote(run.job_id, job, now)
      tally.note(recordRun(after))
      return { ...after, deliveries: [...run.deliveries, ...added] }
    }

    /** Ends a run whose row is damaged, so that it holds neither a permit nor its job; what was unreadable is cleared. */
    const abandon = Effect.fnUntraced(function* ({ detail, id, job_id }: DamagedRun, now: number) {
      const reason: Reason = { code: "run_unreadable", text: `the run's stored row was damaged: ${detail}` }
      const [row] = yield* sql`UPDATE runs SET status = 'failed', finished_at = ${now}, owner = NULL, ready_at = NULL,
        next_attempt_at = NULL, reason = ${JSON.stringify(reason)}, error_message = ${reason.text}, decision = NULL,
        usage = NULL, iterations = '[]', iteration_count = NULL, tool_calls = '[]' WHERE id = ${id} RETURNING job_name`
      yield* sql`UPDATE attempts SET finished_at = ${now}, outcome = 'failed', failure = 'permanent',
        error_message = ${reason.text} WHERE run_id = ${id} AND finished_at IS NULL`
      const failed = { type: "CronJobFailed", actor: "scheduler", reason: reason.text } as const
      audit.note([{ ...failed, ...subjectOf(job_id, id) }], now)
      budgets.settle(id, true, true)
      countEnd("failed", null)
      const ended = { status: "failed", execution_time_ms: null, reason, saved: null } as const
      tally.note(recordRun({ job_name: String(row?.["job_name"]), ...ended }))
      patchJob(job_id, {}, "failed")
      promote(job_id, null, now)
      yield* Effect.logError(`run ${id} was given up: its row is damaged`, detail)
    })

    return { abandon, endWaiting, promote, settle } as const
  })
}) {}
