import * as SqlClient from "@effect/sql/SqlClient"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type Approval, ApprovalNotFound, type ApprovalState } from "../Domain/Approval.ts"
import { Ids, type JobId } from "../Domain/Ids.ts"
import { runsAtOnce, type StoredJob } from "../Domain/Job.ts"
import { isTerminal, type Run } from "../Domain/Run.ts"
import { partitionOf } from "../Domain/StableHash.ts"
import type { ApprovalEnd, ApprovalFilter, EndApproval, NewApproval, Page } from "../JobStore.ts"
import { recordApproval } from "../Observability.ts"
import { among } from "./Among.ts"
import { decodeApprovalRow, encodeRunPatch, type RunRow } from "./Rows.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { SqliteHistory } from "./SqliteHistory.ts"
import { SqliteJobs } from "./SqliteJobs.ts"
import { SqliteSettlements } from "./SqliteSettlements.ts"
import { Tally } from "./Tally.ts"
import { Writer } from "./Writer.ts"

/** Approvals ended in one look because their time is over; the next look ends more. */
const expiryBatch = 100

/** A run that waits for approval, as it is stored. */
interface Waiting {
  readonly approval: Approval
  readonly run: Run
  readonly job: StoredJob | null
}

/** Runs that wait for approval: asked for, decided, listed. Methods that name no transaction run inside their caller's. */
export class SqliteApprovals extends Effect.Service<SqliteApprovals>()("symbiont/JobStore/SqliteApprovals", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const writer = yield* Writer
    const ids = yield* Ids
    const audit = yield* SqliteAudit
    const jobs = yield* SqliteJobs
    const history = yield* SqliteHistory
    const settlements = yield* SqliteSettlements
    const tally = yield* Tally

    const columns = sql.literal(`approvals.id, approvals.state, approvals.run_id, approvals.job_id, approvals.approvers,
      approvals.submitted_by, approvals.requested_at, approvals.expires_at, approvals.expires_by,
      approvals.approval_default, approvals.decided_at, approvals.decided_by, approvals.reason, approvals.binding, approvals.over_budget,
      runs.job_name, runs.agent_id, runs.trigger, runs.scheduled_for, runs.input`)
    const approvals = sql`SELECT ${columns} FROM approvals JOIN runs ON runs.id = approvals.run_id`

    const readable = Effect.fnUntraced(function* (rows: ReadonlyArray<object>) {
      const found: Array<Approval> = []
      for (const row of rows) {
        const decoded = decodeApprovalRow(row)
        if (Either.isRight(decoded)) found.push(decoded.right)
        else yield* Effect.logWarning("an approval left out: its row is damaged", decoded.left.message)
      }
      return found as ReadonlyArray<Approval>
    })

    /** The approvals of some runs, by run; runs without one are absent. */
    const ofRuns = Effect.fnUntraced(function* (runs: ReadonlyArray<Pick<Run, "id" | "approval_id">>) {
      const some = runs.flatMap(({ approval_id }) => (approval_id === null ? [] : [approval_id]))
      if (some.length === 0) return new Map<string, Approval>() as ReadonlyMap<string, Approval>
      const rows = yield* readable(yield* sql`${approvals} WHERE approvals.id IN ${among(sql, some)}`)
      return new Map(rows.map((approval) => [approval.run_id as string, approval]))
    })

    const waiting = Effect.fnUntraced(function* (pending: ReadonlyArray<Approval>) {
      if (pending.length === 0) return []
      const rows = yield* sql`SELECT * FROM runs WHERE id IN ${among(
        sql,
        pending.map((approval) => approval.run_id)
      )}`
      const runs = new Map((yield* history.assemble(yield* history.readable(rows))).map((run) => [run.id, run]))
      const byId = jobs.byIds([...new Set(pending.map((approval) => approval.job_id))])
      return pending.flatMap((approval): ReadonlyArray<Waiting> => {
        const run = runs.get(approval.run_id)
        return run === undefined ? [] : [{ approval, run, job: byId.get(approval.job_id) ?? null }]
      })
    })

    const release = Effect.fnUntraced(function* ({ job, run }: Waiting, now: number) {
      const { holding } = jobs.liveRunsOf(run.job_id)
      const holds_permit = holding < (job === null ? 1 : runsAtOnce(job))
      const change = { status: "pending", start_at: null, reason: null, holds_permit } as const
      yield* sql`UPDATE runs SET ${sql.update(encodeRunPatch({ ...change, ready_at: holds_permit ? now : null }))}
        WHERE id = ${run.id}`
      return { ...run, status: change.status, start_at: null, reason: null }
    })

    /** Ends a wait; gives both as they are then. */
    const end = Effect.fnUntraced(function* (waiter: Waiting, ended: ApprovalEnd, now: number) {
      const { approval } = waiter
      yield* sql`UPDATE approvals SET ${sql.update(ended.approval)} WHERE id = ${approval.id}`
      tally.note(recordApproval(ended.approval.state))
      const after =
        ended.end === null
          ? yield* release(waiter, now)
          : settlements.endWaiting({ ...waiter, ...ended, end: ended.end }, now)
      yield* audit.append(ended.audit, now)
      return { approval: { ...approval, ...ended.approval }, run: after }
    })

    const pendingOf = Effect.fnUntraced(function* (job_ids: ReadonlyArray<JobId>) {
      if (job_ids.length === 0) return []
      return yield* readable(
        yield* sql`${approvals} WHERE approvals.state = 'pending' AND approvals.job_id IN ${among(sql, job_ids)}
          ORDER BY approvals.job_id, approvals.id`
      )
    })

    /** Asks about each run of these jobs that waits for approval; gives how many waits ended by it. */
    const endAmong = Effect.fnUntraced(function* (asked: ReadonlyMap<JobId, EndApproval>, now: number) {
      const waiters = yield* waiting(yield* pendingOf([...asked.keys()]))
      const ends = waiters.flatMap((waiter) => {
        const ended = asked.get(waiter.run.job_id)?.(waiter.approval, waiter.run, waiter.job) ?? null
        return ended === null ? [] : [{ waiter, ended }]
      })
      yield* Effect.forEach(ends, ({ ended, waiter }) => end(waiter, ended, now), { discard: true })
      return ends.length
    })

    /** Lets a run that was just taken off its attempt wait for approval. Gives it as it is then. */
    const open = Effect.fnUntraced(function* (row: RunRow, run: Run, asked: NewApproval, now: number) {
      const { approvers, supersede, ...rest } = asked
      const id = yield* ids.approval
      yield* sql`INSERT INTO approvals ${sql.insert({
        ...rest,
        id,
        run_id: run.id,
        job_id: run.job_id,
        partition: partitionOf(run.job_id),
        state: "pending",
        approvers: JSON.stringify(approvers),
        requested_at: now
      })}`
      yield* sql`DELETE FROM attempts WHERE run_id = ${run.id} AND number = ${row.attempt}`
      const first = row.attempt === 1
      yield* sql`UPDATE runs SET ${sql.update({
        approval_id: id,
        attempt: row.attempt - 1,
        holds_permit: 0,
        ...(first ? { started_at: null } : {})
      })} WHERE id = ${run.id}`
      if (run.trigger !== "backfill") {
        const waiters = (yield* waiting(yield* pendingOf([run.job_id]))).filter((one) => one.run.trigger !== "backfill")
        const inOrder = waiters.toSorted(
          (a, b) => a.run.scheduled_for - b.run.scheduled_for || (a.run.id < b.run.id ? -1 : 1)
        )
        yield* Effect.forEach(
          inOrder.slice(0, -1),
          (older) => end(older, supersede(older.approval, older.run, older.job), now),
          { discard: true }
        )
      }
      return yield* Effect.catchTag(history.runById(run.id), "RunNotFound", Effect.die)
    })

    /** What cannot be read must not stay due: it would come first for ever. */
    const giveUp = Effect.fnUntraced(function* (row: Readonly<Record<string, unknown>>, now: number) {
      const reason = "its stored row, or that of its run, is damaged"
      yield* sql`UPDATE approvals SET state = 'voided', decided_at = ${now}, reason = ${reason} WHERE id = ${row["id"]}`
      yield* settlements.abandon({ id: String(row["run_id"]), job_id: String(row["job_id"]), detail: reason }, now)
    })

    /** Ends the approvals whose time is over; gives the runs that ended by it. */
    const expire = Effect.fnUntraced(function* (now: number, ending: EndApproval<ApprovalEnd>) {
      const over =
        yield* sql`SELECT ${columns} FROM approvals INDEXED BY approvals_expiry JOIN runs ON runs.id = approvals.run_id
        WHERE approvals.state = 'pending' AND approvals.expires_at <= ${now}
        ORDER BY approvals.expires_at, approvals.id LIMIT ${expiryBatch}`
      if (over.length === 0) return []
      const waiters = yield* waiting(yield* readable(over))
      const known = new Set<unknown>(waiters.map(({ approval }) => approval.id))
      yield* Effect.forEach(
        over.filter((row) => !known.has(row["id"])),
        (row) => giveUp(row, now),
        { discard: true }
      )
      const ended = yield* Effect.forEach(waiters, (waiter) =>
        end(waiter, ending(waiter.approval, waiter.run, waiter.job), now)
      )
      return ended.map(({ run }) => run).filter((run) => isTerminal(run.status))
    })

    const read = Effect.fnUntraced(function* (ref: string) {
      const [approval] = yield* readable(
        yield* sql`${approvals} WHERE approvals.id = ${ref} UNION ALL ${approvals} WHERE approvals.run_id = ${ref}`
      )
      return approval ?? (yield* new ApprovalNotFound({ approval: ref }))
    })

    const decide = Effect.fn("JobStore.decideApproval")(function* <E>(
      ref: string,
      now: number,
      decision: EndApproval<Either.Either<ApprovalEnd, E>>
    ) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const approval = yield* read(ref)
          const [waiter] = yield* waiting([approval])
          if (waiter === undefined) return yield* new ApprovalNotFound({ approval: ref })
          return yield* end(waiter, yield* decision(approval, waiter.run, waiter.job), now)
        })
      )
    })

    const find = Effect.fn("JobStore.findApproval")((ref: string) => Effect.catchTag(read(ref), "SqlError", Effect.die))

    const list = Effect.fn("JobStore.listApprovals")(function* (filter: ApprovalFilter) {
      const conditions = [
        ...(filter.state === undefined ? [] : [sql`approvals.state = ${filter.state satisfies ApprovalState}`]),
        ...(filter.cursor === undefined ? [] : [sql`approvals.id < ${filter.cursor}`])
      ]
      const rows = yield* sql`${approvals} WHERE ${sql.and(conditions.length > 0 ? conditions : [sql`1 = 1`])}
        ORDER BY approvals.id DESC LIMIT ${filter.limit + 1}`
      const shown = rows.slice(0, filter.limit)
      const last = Arr.last(shown)
      return {
        items: yield* readable(shown),
        next: rows.length > filter.limit && last._tag === "Some" ? String(last.value["id"]) : null
      } satisfies Page<Approval>
    }, Effect.orDie)

    return { decide, end, endAmong, expire, find, list, ofRuns, open, waiting } as const
  })
}) {}
