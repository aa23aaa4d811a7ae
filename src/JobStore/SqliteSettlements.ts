import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import type { Delivery } from "../Domain/Delivery.ts"
import { deliveriesAtEnd, runsAtOnce, type StoredJob } from "../Domain/Job.ts"
import { type Attempt, isTerminal, type Reason, type Run, type RunStatus } from "../Domain/Run.ts"
import type { NewDelivery, Settlement } from "../JobStore.ts"
import { recordDeadLetter, recordRun } from "../Observability.ts"
import { encodeRunPatch, jobColumns, type RunRow } from "./Rows.ts"
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
    const audit = yield* SqliteAudit
    const budgets = yield* SqliteBudgets
    const newDeliveries = yield* SqliteNewDeliveries
    const sessions = yield* SqliteSessionArchive
    const tally = yield* Tally

    /** Gives the permits of a job that are free to the runs queued for them, oldest first, backfills last. */
    const promote = (job_id: string, job: StoredJob | null, now: number) =>
      sql`UPDATE runs SET holds_permit = 1, ready_at = max(coalesce(start_at, 0), ${now}) WHERE id IN (
        SELECT id FROM runs WHERE job_id = ${job_id} AND status = 'pending' AND holds_permit = 0
          ORDER BY trigger = 'backfill', id
        LIMIT max(0, ${job === null ? 1 : runsAtOnce(job)} - (SELECT count(*) FROM runs
          WHERE job_id = ${job_id} AND status IN ('pending', 'running') AND holds_permit = 1)))`

    const countEnd = Effect.fnUntraced(function* (status: RunStatus, execution_time_ms: number | null | undefined) {
      if (!isCounted(status)) return
      const counters = [{ name: status === "succeeded" ? "runs_succeeded" : "runs_failed", value: 1 }]
      if (execution_time_ms !== null && execution_time_ms !== undefined) {
        counters.push(
          { name: "execution_time_ms_sum", value: execution_time_ms },
          { name: "execution_time_count", value: 1 },
          { name: "longest_run_ms", value: execution_time_ms }
        )
      }
      yield* sql`INSERT INTO counters ${sql.insert(counters)}
        ON CONFLICT (name) DO UPDATE SET value =
          CASE name WHEN 'longest_run_ms' THEN max(value, excluded.value) ELSE value + excluded.value END`
    })

    const saveDeliveries = Effect.fnUntraced(function* (
      run: Run,
      job: StoredJob | null,
      asked: ReadonlyArray<NewDelivery>,
      now: number
    ) {
      const known = new Set(run.deliveries.map(identity))
      const added: Array<Delivery> = []
      for (const { channel, kind } of asked) {
        if (known.has(identity({ channel, kind }))) continue
        known.add(identity({ channel, kind }))
        added.push(yield* newDeliveries.row({ run_id: run.id, job_id: run.job_id, channel, kind }, job, now))
      }
      yield* newDeliveries.insert(added)
      return added
    })

    /** `ended` is how a run of the job ended by itself. */
    const patchJob = (id: string, patch: Settlement["job"], ended: RunStatus | null) => {
      const patches = Object.keys(patch).length > 0
      if (ended === null || !isCounted(ended)) {
        return patches ? sql`UPDATE jobs SET ${sql.update(jobColumns(patch))} WHERE id = ${id}` : Effect.void
      }
      const count = sql`runs_ended = runs_ended + 1, runs_failed = runs_failed + ${ended === "succeeded" ? 0 : 1}`
      return patches
        ? sql`UPDATE jobs SET ${sql.update(jobColumns(patch))}, ${count} WHERE id = ${id}`
        : sql`UPDATE jobs SET ${count} WHERE id = ${id}`
    }

    /** Ends the current attempt of a running run; gives the run as it is then. */
    const settle = Effect.fnUntraced(function* (
      row: RunRow,
      run: Run,
      job: StoredJob | null,
      settlement: Settlement,
      now: number
    ) {
      const status = settlement.run.status ?? row.status
      const ended = isTerminal(status)
      const waits = ended || status === "awaiting_approval"
      const { attempt } = settlement
      yield* sql`UPDATE runs SET ${sql.update(
        encodeRunPatch({
          ...settlement.run,
          owner: null,
          ready_at: waits ? null : (settlement.run.next_attempt_at ?? now)
        })
      )} WHERE id = ${row.id}`
      yield* sql`UPDATE attempts SET finished_at = ${now}, outcome = ${attempt.outcome}, failure = ${attempt.failure},
        error_message = ${attempt.error_message} WHERE run_id = ${row.id} AND number = ${row.attempt}`
      yield* patchJob(row.job_id, settlement.job, ended ? status : null)
      if (settlement.session !== undefined) yield* sessions.save(settlement.session, job, now)
      const added = yield* saveDeliveries(run, job, settlement.deliveries, now)
      yield* audit.append(settlement.audit, now)
      yield* budgets.settle(row.id, settlement.reservationSpent === true, ended)
      if (ended) {
        yield* countEnd(status, settlement.run.execution_time_ms)
        yield* promote(row.job_id, job, now)
      }
      const after = {
        ...run,
        ...settlement.run,
        attempts: run.attempts.map(
          (before): Attempt => (before.number === row.attempt ? { ...before, ...attempt, finished_at: now } : before)
        ),
        deliveries: [...run.deliveries, ...added]
      } satisfies Run
      if (ended) yield* tally.note(recordRun(after))
      if (settlement.job.status === "dead_letter") yield* tally.note(recordDeadLetter(run.job_name))
      return after
    })

    /** Ends a run that waited, for its time or for an approval; gives the run as it is then. */
    const endWaiting = Effect.fnUntraced(function* (
      ended: { readonly run: Run; readonly job: StoredJob | null; readonly end: Pick<Settlement, "run" | "job"> },
      now: number
    ) {
      const { end, job, run } = ended
      yield* sql`UPDATE runs SET ${sql.update(encodeRunPatch({ ...end.run, ready_at: null }))} WHERE id = ${run.id}`
      yield* patchJob(run.job_id, end.job, null)
      const after = { ...run, ...end.run } satisfies Run
      const told = job === null ? [] : deliveriesAtEnd(job, after.status)
      const added = yield* saveDeliveries(run, job, told, now)
      yield* budgets.settle(run.id, false, true)
      yield* promote(run.job_id, job, now)
      yield* tally.note(recordRun(after))
      return { ...after, deliveries: [...run.deliveries, ...added] }
    })

    /** Ends a run whose row is damaged, so that it holds neither a permit nor its job; what was unreadable is cleared. */
    const abandon = Effect.fnUntraced(function* ({ detail, id, job_id }: DamagedRun, now: number) {
      const reason: Reason = { code: "run_unreadable", text: `the run's stored row was damaged: ${detail}` }
      const [row] = yield* sql`UPDATE runs SET status = 'failed', finished_at = ${now}, owner = NULL, ready_at = NULL,
        next_attempt_at = NULL, reason = ${JSON.stringify(reason)}, error_message = ${reason.text}, decision = NULL,
        usage = NULL, iterations = '[]', iteration_count = NULL, tool_calls = '[]' WHERE id = ${id} RETURNING job_name`
      yield* sql`UPDATE attempts SET finished_at = ${now}, outcome = 'failed', failure = 'permanent',
        error_message = ${reason.text} WHERE run_id = ${id} AND finished_at IS NULL`
      const failed = { type: "CronJobFailed", actor: "scheduler", reason: reason.text } as const
      yield* audit.append([{ ...failed, ...subjectOf(job_id, id) }], now)
      yield* budgets.settle(id, true, true)
      yield* countEnd("failed", null)
      const ended = { status: "failed", execution_time_ms: null, reason, saved: null } as const
      yield* tally.note(recordRun({ job_name: String(row?.["job_name"]), ...ended }))
      yield* patchJob(job_id, {}, "failed")
      yield* promote(job_id, null, now)
      yield* Effect.logError(`run ${id} was given up: its row is damaged`, detail)
    })

    return { abandon, endWaiting, promote, settle } as const
  })
}) {}
