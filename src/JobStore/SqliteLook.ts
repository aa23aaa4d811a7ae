import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { AuditDraft } from "../Domain/Audit.ts"
import type { JobId } from "../Domain/Ids.ts"
import type { StoredJob } from "../Domain/Job.ts"
import { isTerminal, type Run } from "../Domain/Run.ts"
import type { Look, LookOptions, Settlement, SlotPlan, StartedRun } from "../JobStore.ts"
import { among } from "./Among.ts"
import { Failpoints } from "./Failpoints.ts"
import { jobFromRow } from "./Rows.ts"
import { SqliteApprovals } from "./SqliteApprovals.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { SqliteHistory } from "./SqliteHistory.ts"
import { SqliteJobs } from "./SqliteJobs.ts"
import { type RunOfJob, SqliteNewRuns } from "./SqliteNewRuns.ts"
import { SqliteSettlements } from "./SqliteSettlements.ts"
import { Writer } from "./Writer.ts"

/** Runs started in one transaction; the next look starts more. */
const startBatch = 500

const decodeIds = Schema.decodeUnknown(Schema.Array(Schema.Struct({ id: Schema.String })))
const decodeWake = Schema.decodeUnknown(Schema.Array(Schema.Struct({ at: Schema.NullOr(Schema.Number) })))

/** The dispatcher's looks: due slots become runs, ready runs start. */
export class SqliteLook extends Effect.Service<SqliteLook>()("symbiont/JobStore/SqliteLook", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const writer = yield* Writer
    const audit = yield* SqliteAudit
    const jobs = yield* SqliteJobs
    const history = yield* SqliteHistory
    const newRuns = yield* SqliteNewRuns
    const settlements = yield* SqliteSettlements
    const approvals = yield* SqliteApprovals
    const failpoints = yield* Failpoints

    const ownPartitions = (partitions: LookOptions["partitions"]) =>
      partitions === null ? sql`` : sql`AND partition IN ${among(sql, partitions)}`

    // The words of the index `jobs_due`, which SQLite uses only where it finds them.
    const schedulable = sql.literal(
      "next_run IS NOT NULL AND status NOT IN ('paused', 'completed', 'failed', 'dead_letter')"
    )

    const quarantine = Effect.fnUntraced(function* (id: JobId, detail: string, now: number) {
      yield* sql`UPDATE jobs SET next_run = NULL, quarantined = ${detail} WHERE id = ${id}`
      yield* audit.append([{ type: "CronJobQuarantined", actor: "scheduler", job_id: id, reason: detail }], now)
    })

    // A clock that was set back can bring a slot again: its row stands, and no run makes room for it.
    const hasNewSlot = (job_id: JobId, runs: SlotPlan["runs"]) =>
      Effect.map(
        sql`SELECT 1 FROM runs WHERE trigger IN ('schedule', 'catch_up') AND job_id = ${job_id}
          AND scheduled_for IN ${among(
            sql,
            runs.map((run) => run.scheduled_for)
          )}`,
        (known) => known.length < runs.length
      )

    const claim = Effect.fnUntraced(function* (options: LookOptions) {
      const { now } = options
      const due = yield* sql`SELECT * FROM jobs WHERE ${schedulable} AND next_run <= ${now}
        ${ownPartitions(options.partitions)} ORDER BY next_run, id LIMIT ${options.batch}`
      const rows: Array<RunOfJob> = []
      const events: Array<AuditDraft> = []
      const cancel: Array<Look["cancel"][number]> = []
      const quarantined: Array<Look["quarantined"][number]> = []
      const ended: Array<Look["ended"][number]> = []
      const moves: Array<Pick<StoredJob, "id" | "next_run" | "status">> = []
      const claimed = new Map<string, StoredJob>()
      // One job that cannot be planned must not stop the others.
      const setAside = (job_id: JobId, detail: string) => {
        quarantined.push({ job_id, detail })
        return quarantine(job_id, detail, now)
      }
      const live =
        due.length === 0 ? new Map<string, never>() : yield* jobs.liveRuns(due.map((row) => String(row["id"])))
      for (const row of due) {
        const decoded = jobFromRow(row)
        if (Either.isLeft(decoded)) {
          yield* setAside(String(row["id"]) as JobId, decoded.left)
          continue
        }
        const job = decoded.right
        const planned = Either.try(() => options.plan(job, live.get(job.id) ?? jobs.noLiveRuns))
        if (Either.isLeft(planned)) {
          yield* setAside(
            job.id,
            `its slots cannot be planned (${String(planned.left)}); pause and resume it to try again`
          )
          continue
        }
        const plan = planned.right
        for (const run of plan.runs) {
          rows.push({ row: yield* newRuns.row(job, run, now), job })
          if (isTerminal(run.status)) ended.push({ job_name: job.name, status: run.status })
        }
        if (plan.cancel.length > 0 && (yield* hasNewSlot(job.id, plan.runs))) {
          for (const run_id of plan.cancel) cancel.push({ job_id: job.id, run_id })
        }
        events.push(...plan.audit)
        const moved = { next_run: plan.next_run, status: plan.status ?? job.status }
        moves.push({ id: job.id, ...moved })
        claimed.set(job.id, { ...job, ...moved })
      }
      if (moves.length > 0) {
        yield* sql`UPDATE jobs SET next_run = moved.value ->> 'next_run', status = moved.value ->> 'status'
          FROM json_each(${JSON.stringify(moves)}) AS moved WHERE jobs.id = moved.value ->> 'id'`
      }
      yield* newRuns.insert(rows)
      yield* audit.append(events, now)
      return { look: { claimed: due.length, cancel, quarantined, ended }, claimed }
    })

    /** Starts what is ready. `known` are jobs as this transaction has left them. */
    const start = Effect.fnUntraced(function* (options: LookOptions, known: ReadonlyMap<string, StoredJob>) {
      if (options.permits <= 0) return []
      const { now, owner } = options
      const ready = yield* Effect.flatMap(
        sql`SELECT id FROM runs WHERE status = 'pending' AND ready_at IS NOT NULL AND ready_at <= ${now}
          ${ownPartitions(options.partitions)} ORDER BY ready_at, id LIMIT ${Math.min(startBatch, options.permits)}`,
        decodeIds
      )
      if (ready.length === 0) return []
      const order = new Map(ready.map(({ id }, index) => [id, index]))
      const { damaged, readable } = history.read(
        yield* sql`UPDATE runs SET status = 'running', attempt = attempt + 1, owner = ${owner},
          started_at = coalesce(started_at, ${now}), ready_at = NULL, next_attempt_at = NULL
          WHERE id IN ${among(sql, [...order.keys()])} RETURNING *`
      )
      yield* Effect.forEach(damaged, (run) => settlements.abandon(run, now), { discard: true })
      if (readable.length === 0) return []
      const rows = readable.toSorted((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0))
      yield* sql`INSERT INTO attempts ${sql.insert(
        rows.map((row) => ({ run_id: row.id, number: row.attempt, started_at: now }))
      )}`
      const others = new Set(rows.map((row) => row.job_id).filter((id) => !known.has(id)))
      const byId = yield* jobs.byIds([...others])
      const runs = yield* history.assembleLive(rows)
      const granted = yield* approvals.ofRuns(rows)
      const started: Array<StartedRun> = []
      for (const [index, row] of rows.entries()) {
        const run = runs[index]
        const job = known.get(row.job_id) ?? byId.get(row.job_id)
        const attempt = run?.attempts.at(-1)
        if (run === undefined || attempt === undefined) continue
        if (job !== undefined) {
          started.push({ run, job, attempt, approval: granted.get(run.id) ?? null })
        } else {
          yield* settlements.settle(row, run, null, jobUnreadable(run, now), now)
          yield* quarantine(run.job_id, "the row could not be read when a run of it was started", now)
        }
      }
      return started
    })

    const look = Effect.fn("JobStore.look")(function* (options: LookOptions) {
      yield* failpoints.hit("look.before")
      const result: Look = yield* writer.commit(
        Effect.gen(function* () {
          const expired = yield* approvals.expire(options.now, options.expire)
          const { claimed, look } = yield* claim(options)
          const started = yield* start(options, claimed)
          yield* failpoints.hit("look.written")
          return { ...look, started, ended: [...expired, ...look.ended] }
        }).pipe(Effect.catchTag("ParseError", Effect.die))
      )
      yield* failpoints.hit("look.committed")
      return result
    })

    const nextWake = Effect.fn("JobStore.nextWake")(function* (
      options: Pick<LookOptions, "now" | "permits" | "partitions">
    ) {
      const mine = ownPartitions(options.partitions)
      // With no permit free, runs that are ready already wait for a finish, not for an instant.
      const after = options.permits > 0 ? 0 : options.now + 1
      const rows = yield* Effect.flatMap(
        sql`SELECT min(at) AS at FROM (
          SELECT * FROM (SELECT next_run AS at FROM jobs WHERE ${schedulable} ${mine} ORDER BY next_run LIMIT 1)
          UNION ALL
          SELECT * FROM (SELECT ready_at AS at FROM runs WHERE status = 'pending' AND ready_at IS NOT NULL
            AND ready_at >= ${after} ${mine} ORDER BY ready_at LIMIT 1)
          UNION ALL
          SELECT * FROM (SELECT expires_at AS at FROM approvals INDEXED BY approvals_expiry WHERE state = 'pending' ${mine}
            ORDER BY expires_at LIMIT 1))`,
        decodeWake
      )
      return rows[0]?.at ?? null
    }, Effect.orDie)

    return { look, nextWake } as const
  })
}) {}

const unreadableJob = { code: "job_unreadable", text: "the job's stored row is damaged" }

const jobUnreadable = (run: Run, now: number): Settlement => ({
  attempt: { outcome: "failed", failure: "permanent", error_message: unreadableJob.text },
  run: { status: "failed", finished_at: now, error_message: unreadableJob.text, reason: unreadableJob },
  job: {},
  deliveries: [],
  audit: [
    {
      type: "CronJobFailed",
      actor: "scheduler",
      job_id: run.job_id,
      job_name: run.job_name,
      run_id: run.id,
      reason: unreadableJob.text
    }
  ]
})
