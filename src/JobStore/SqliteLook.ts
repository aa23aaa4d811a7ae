import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { JobId } from "../Domain/Ids.ts"
import type { StoredJob } from "../Domain/Job.ts"
import { isTerminal, type Run } from "../Domain/Run.ts"
import { Failpoints } from "../Failpoints.ts"
import type { Look, LookOptions, Settlement, SlotPlan, StartedRun } from "../JobStore.ts"
import { Database } from "./Database.ts"
import { jobFromValues, jobNames, keepJob, type RunRow, runNames } from "./Rows.ts"
import { SqliteApprovals } from "./SqliteApprovals.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { SqliteHistory } from "./SqliteHistory.ts"
import { SqliteJobs } from "./SqliteJobs.ts"
import { type RunOfJob, SqliteNewRuns } from "./SqliteNewRuns.ts"
import { SqliteSettlements } from "./SqliteSettlements.ts"
import { Writer } from "./Writer.ts"

/** Runs started in one transaction; the next look starts more. */
const startBatch = 500

/** A run that starts, and its row as it is written. */
interface Starting {
  readonly row: RunRow
  readonly values: ReadonlyArray<unknown>
}

/** The dispatcher's looks: due slots become runs, ready runs start. */
export class SqliteLook extends Effect.Service<SqliteLook>()("symbiont/JobStore/SqliteLook", {
  effect: Effect.gen(function* () {
    const { prepare, query } = yield* Database
    const writer = yield* Writer
    const audit = yield* SqliteAudit
    const jobs = yield* SqliteJobs
    const history = yield* SqliteHistory
    const newRuns = yield* SqliteNewRuns
    const settlements = yield* SqliteSettlements
    const approvals = yield* SqliteApprovals
    const failpoints = yield* Failpoints

    // The words of the index `jobs_due`, which SQLite uses only where it finds them.
    const schedulable = "next_run IS NOT NULL AND status NOT IN ('paused', 'completed', 'failed', 'dead_letter')"
    const ready = "status = 'pending' AND ready_at IS NOT NULL"
    const mine = "AND (? IS NULL OR partition IN (SELECT value FROM json_each(?)))"
    const dueJobs = query(
      `SELECT ${jobNames.join(", ")} FROM jobs WHERE ${schedulable} AND next_run <= ? ${mine} ORDER BY next_run, id LIMIT ?`
    )
    const takenSlots = query(`SELECT scheduled_for FROM runs INDEXED BY runs_slot
      WHERE job_id = ? AND scheduled_for BETWEEN ? AND ? AND trigger IN ('schedule', 'catch_up')
      ORDER BY scheduled_for`)
    const readyRuns = prepare(
      `SELECT id, ready_at FROM runs WHERE ${ready} AND ready_at <= ? ${mine} ORDER BY ready_at, id LIMIT ?`
    )
    const firstInstant = prepare(`SELECT min(at) AS at FROM (
      SELECT * FROM (SELECT next_run AS at FROM jobs WHERE ${schedulable} ${mine} ORDER BY next_run LIMIT 1)
      UNION ALL
      SELECT * FROM (SELECT ready_at AS at FROM runs WHERE ${ready} AND ready_at >= ? ${mine} ORDER BY ready_at LIMIT 1)
      UNION ALL
      SELECT * FROM (SELECT expires_at AS at FROM approvals INDEXED BY approvals_expiry WHERE state = 'pending' ${mine}
        ORDER BY expires_at LIMIT 1))`)
    const moveJob = prepare("UPDATE jobs SET next_run = ? WHERE id = ?")
    const moveJobTo = prepare("UPDATE jobs SET next_run = ?, status = ? WHERE id = ?")
    const setAsideJob = prepare("UPDATE jobs SET next_run = NULL, quarantined = ? WHERE id = ?")
    const knownSlot = prepare(
      "SELECT 1 FROM runs WHERE trigger IN ('schedule', 'catch_up') AND job_id = ? AND scheduled_for = ?"
    )
    // A number that is wrong in a damaged row must not stop the others: attempts go on from those that are stored.
    const startRun = query(`UPDATE runs SET status = 'running', owner = ?,
      attempt = max(attempt + 0, coalesce((SELECT max(number) FROM attempts WHERE run_id = runs.id), 0)) + 1,
      started_at = coalesce(started_at, ?), ready_at = NULL, next_attempt_at = NULL WHERE id = ? RETURNING ${runNames.join(", ")}`)

    /** The two values of `mine`. */
    const partitionsOf = (partitions: LookOptions["partitions"]) => {
      const list = partitions === null ? null : JSON.stringify(partitions)
      return [list, list] as const
    }

    const quarantine = (id: JobId, detail: string, now: number): void => {
      setAsideJob.run(detail, id)
      audit.note([{ type: "CronJobQuarantined", actor: "scheduler", job_id: id, reason: detail }], now)
    }

    // A clock that was set back can bring a slot again: its row stands, and no run makes room for it.
    const hasNewSlot = (job_id: JobId, runs: SlotPlan["runs"]): boolean =>
      runs.some((run) => knownSlot.first(job_id, run.scheduled_for) === undefined)

    const nextRunAt = jobNames.indexOf("next_run")
    const statusAt = jobNames.indexOf("status")

    const move = (values: ReadonlyArray<unknown>, job: StoredJob, plan: SlotPlan): StoredJob => {
      const { next_run, status = job.status } = plan
      if (status === job.status) moveJob.run(next_run, job.id)
      else moveJobTo.run(next_run, status, job.id)
      const moved: StoredJob = Object.assign({ ...job }, { next_run, status })
      const after = [...values]
      after[nextRunAt] = next_run
      after[statusAt] = status
      keepJob(after, moved)
      return moved
    }

    /**
     * What becomes of a job's due slots, or why that cannot be told. Slots that have their row already, from before the
     * clock was set back, are told of where more than one slot is planned for.
     */
    const planOf = (job: StoredJob, { now, plan }: LookOptions): Either.Either<SlotPlan, unknown> => {
      // What the database fails of is no fault of the job: it must fail the look.
      const live = jobs.liveRunsOf(job.id)
      const planned = Either.try(() => plan(job, live))
      if (Either.isLeft(planned)) return planned
      const { cancel, runs } = planned.right
      const [first] = runs
      if (runs.length <= 1 && cancel.length === 0 && first?.status !== "missed") return planned
      const taken = new Set(takenSlots.all(job.id, job.next_run, now).map(([slot]) => Number(slot)))
      return taken.size === 0 ? planned : Either.try(() => plan(job, { ...live, taken }))
    }

    /** Turns due slots into runs; those that could start at once are not stored yet. */
    const claim = (options: LookOptions) => {
      const { now } = options
      const due = dueJobs.all(now, ...partitionsOf(options.partitions), options.batch)
      const startable: Array<RunOfJob> = []
      const cancel: Array<Look["cancel"][number]> = []
      const quarantined: Array<Look["quarantined"][number]> = []
      const ended: Array<Look["ended"][number]> = []
      const claimed = new Map<string, StoredJob>()
      // One job that cannot be planned must not stop the others.
      const setAside = (job_id: JobId, detail: string) => {
        quarantined.push({ job_id, detail })
        quarantine(job_id, detail, now)
      }
      for (const row of due) {
        const decoded = jobFromValues(row)
        if (Either.isLeft(decoded)) {
          setAside(String(row[0]) as JobId, decoded.left)
          continue
        }
        const job = decoded.right
        const planned = planOf(job, options)
        if (Either.isLeft(planned)) {
          setAside(job.id, `its slots cannot be planned (${String(planned.left)}); pause and resume it to try again`)
          continue
        }
        const plan = planned.right
        if (plan.cancel.length > 0 && hasNewSlot(job.id, plan.runs)) {
          for (const run_id of plan.cancel) cancel.push({ job_id: job.id, run_id })
        }
        for (const run of plan.runs) {
          const planned = { row: newRuns.row(job, run, now), job }
          if (planned.row.ready_at !== null && planned.row.ready_at <= now) startable.push(planned)
          else newRuns.insertOne(planned)
          if (isTerminal(run.status)) ended.push({ job_name: job.name, status: run.status })
        }
        audit.note(plan.audit, now)
        claimed.set(job.id, move(row, job, plan))
      }
      return { look: { claimed: due.length, cancel, quarantined, ended }, claimed, startable }
    }

    /** Stores a new run as one that has started; undefined where its slot has a row already. */
    const startNew = ({ job, row }: RunOfJob, { now, owner }: LookOptions): Starting | undefined => {
      const started = newRuns.startedRow(row, owner, now)
      const values = newRuns.insertOne({ row: started, job })
      return values === undefined ? undefined : { row: started, values }
    }

    const startStored = Effect.fnUntraced(function* (id: string, { now, owner }: LookOptions) {
      const values = startRun.first(owner, now, id)
      if (values === undefined) return undefined
      const { damaged, readable } = history.readValues([values])
      for (const run of damaged) yield* settlements.abandon(run, now)
      const [row] = readable
      return row === undefined ? undefined : ({ row, values } satisfies Starting)
    })

    /** Starts what is ready, in the order of their times, and stores the new runs. `known` are jobs as they are now. */
    const start = Effect.fnUntraced(function* (
      options: LookOptions,
      known: ReadonlyMap<string, StoredJob>,
      startable: ReadonlyArray<RunOfJob>
    ) {
      const { now, partitions } = options
      const limit = Math.min(startBatch, Math.max(0, options.permits))
      const waiting = limit === 0 ? [] : readyRuns.all(now, ...partitionsOf(partitions), limit)
      const chosen = [
        ...waiting.map((row) => ({ id: String(row["id"]), at: Number(row["ready_at"]), fresh: null })),
        ...startable.map((fresh) => ({ id: fresh.row.id as string, at: fresh.row.ready_at ?? now, fresh }))
      ].toSorted((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
      newRuns.insert(chosen.slice(limit).flatMap(({ fresh }) => (fresh === null ? [] : [fresh])))
      const starting: Array<Starting> = []
      for (const { fresh, id } of chosen.slice(0, limit)) {
        const one = fresh === null ? yield* startStored(id, options) : startNew(fresh, options)
        if (one !== undefined) starting.push(one)
      }
      const granted = yield* approvals.ofRuns(starting.map(({ row }) => row))
      const started: Array<StartedRun> = []
      for (const { row, values } of starting) {
        const { attempt, run } = history.begin(row, values, now)
        const job = known.get(row.job_id) ?? jobs.stored(row.job_id)
        if (job !== null) {
          started.push({ run, job, attempt, approval: granted.get(run.id) ?? null })
        } else {
          settlements.settle(row, run, null, jobUnreadable(run, now), now)
          quarantine(run.job_id, "the row could not be read when a run of it was started", now)
        }
      }
      return started
    })

    const look = Effect.fn("JobStore.look")(function* (options: LookOptions) {
      yield* failpoints.hit("look.before")
      const result: Look = yield* writer.commit(
        Effect.gen(function* () {
          const expired = yield* approvals.expire(options.now, options.expire)
          const { claimed, look, startable } = claim(options)
          yield* failpoints.hit("look.claimed")
          const started = yield* start(options, claimed, startable)
          yield* failpoints.hit("look.written")
          return { ...look, started, ended: [...expired, ...look.ended] }
        })
      )
      yield* failpoints.hit("look.committed")
      return result
    })

    const nextWake = ({ now, partitions, permits }: Pick<LookOptions, "now" | "permits" | "partitions">) =>
      Effect.sync(() => {
        // With no permit free, runs that are ready already wait for a finish, not for an instant.
        const own = partitionsOf(partitions)
        const at = firstInstant.first(...own, permits > 0 ? 0 : now + 1, ...own, ...own)?.["at"]
        return typeof at === "number" ? at : null
      })

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
