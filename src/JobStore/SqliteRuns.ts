import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { AuditDraft } from "../Domain/Audit.ts"
import { type BootId, Ids, type JobId, type RunId } from "../Domain/Ids.ts"
import { runsAtOnce, type StoredJob } from "../Domain/Job.ts"
import { FencedOut, IdempotencyConflict, isTerminal, type Run, type RunStatus } from "../Domain/Run.ts"
import { partitionOf } from "../Domain/StableHash.ts"
import type { AttemptRef, LiveRuns, Look, LookOptions, NewRun, Settlement, StartedRun } from "../JobStore.ts"
import { Failpoints } from "./Failpoints.ts"
import { encodeRunPatch, encodeRunRow, encodeSessionRow, jobFromRow, type RunRow } from "./Rows.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { SqliteHistory } from "./SqliteHistory.ts"
import { SqliteJobs } from "./SqliteJobs.ts"
import { Writer } from "./Writer.ts"

/** Rows in one multi-row insert; SQLite binds at most 32,766 values. */
const insertBatch = 500
/** How long an idempotency key is remembered, in ms. */
const idempotencyWindow = 86_400_000
/** Dead owners' runs ended in one transaction. */
const recoveryBatch = 100

const decodeIds = Schema.decodeUnknown(Schema.Array(Schema.Struct({ id: Schema.String })))
const decodeWake = Schema.decodeUnknown(Schema.Array(Schema.Struct({ at: Schema.NullOr(Schema.Number) })))
const decodeKeys = Schema.decodeUnknown(Schema.Array(Schema.Struct({ hash: Schema.String, run_id: Schema.String })))

const failedStatuses: ReadonlySet<RunStatus> = new Set(["failed", "timed_out", "interrupted"])

/** The life of runs: claimed, started, finished, recovered. */
export class SqliteRuns extends Effect.Service<SqliteRuns>()("symbiont/JobStore/SqliteRuns", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const writer = yield* Writer
    const audit = yield* SqliteAudit
    const jobs = yield* SqliteJobs
    const history = yield* SqliteHistory
    const ids = yield* Ids
    const failpoints = yield* Failpoints

    const ownPartitions = (partitions: LookOptions["partitions"]) =>
      partitions === null ? sql`` : sql`AND partition IN ${sql.in(partitions)}`

    const newRunRow = (job: StoredJob, run: NewRun, now: number) =>
      Effect.map(ids.run, (id) =>
        encodeRunRow({
          id,
          job_id: job.id,
          job_name: job.name,
          agent_id: job.agent_id,
          next_attempt_at: null,
          started_at: null,
          finished_at: isTerminal(run.status) ? now : null,
          execution_time_ms: null,
          attempt: 0,
          owner: null,
          partition: partitionOf(job.id),
          error_message: null,
          decision: null,
          session_id: null,
          stop_reason: null,
          usage: null,
          missed_count: null,
          missed_from: null,
          missed_to: null,
          ...run,
          ready_at: run.status === "pending" && run.holds_permit ? (run.start_at ?? now) : null,
          created_at: now,
          iterations: [],
          tool_calls: [],
          output: null
        })
      )

    // A slot that has its row already (the clock went back and came again) keeps it.
    const insertRuns = Effect.fnUntraced(function* (rows: ReadonlyArray<typeof RunRow.Encoded>) {
      for (let i = 0; i < rows.length; i += insertBatch) {
        yield* sql`INSERT INTO runs ${sql.insert(rows.slice(i, i + insertBatch))} ON CONFLICT DO NOTHING`
      }
    })

    const quarantine = Effect.fnUntraced(function* (id: JobId, detail: string, now: number) {
      yield* sql`UPDATE jobs SET next_run = NULL, quarantined = ${detail} WHERE id = ${id}`
      yield* audit.append([{ type: "CronJobQuarantined", actor: "scheduler", job_id: id, reason: detail }], now)
    })

    const claim = Effect.fnUntraced(function* (options: LookOptions) {
      const { now } = options
      const due = yield* sql`SELECT * FROM jobs WHERE status = 'active' AND next_run IS NOT NULL AND next_run <= ${now}
        ${ownPartitions(options.partitions)} ORDER BY next_run, id LIMIT ${options.batch}`
      const live = yield* jobs.liveRuns(due.map((row) => String(row["id"])))
      const rows: Array<typeof RunRow.Encoded> = []
      const events: Array<AuditDraft> = []
      const cancel: Array<Look["cancel"][number]> = []
      const quarantined: Array<Look["quarantined"][number]> = []
      const ended: Array<Look["ended"][number]> = []
      for (const row of due) {
        const decoded = jobFromRow(row)
        if (Either.isLeft(decoded)) {
          const id = String(row["id"]) as JobId
          yield* quarantine(id, decoded.left, now)
          quarantined.push({ job_id: id, detail: decoded.left })
          continue
        }
        const job = decoded.right
        const plan = options.plan(job, live.get(job.id) ?? jobs.noLiveRuns)
        for (const run of plan.runs) {
          rows.push(yield* newRunRow(job, run, now))
          if (isTerminal(run.status)) ended.push({ job_name: job.name, status: run.status })
        }
        for (const run_id of plan.cancel) cancel.push({ job_id: job.id, run_id })
        events.push(...plan.audit)
        yield* sql`UPDATE jobs SET next_run = ${plan.next_run}, status = ${plan.status ?? job.status} WHERE id = ${job.id}`
      }
      yield* insertRuns(rows)
      yield* audit.append(events, now)
      return { claimed: due.length, cancel, quarantined, ended }
    })

    const start = Effect.fnUntraced(function* (options: LookOptions) {
      if (options.permits <= 0) return []
      const { now, owner } = options
      const ready = yield* Effect.flatMap(
        sql`SELECT id FROM runs WHERE status = 'pending' AND ready_at IS NOT NULL AND ready_at <= ${now}
          ${ownPartitions(options.partitions)} ORDER BY ready_at, id LIMIT ${options.permits}`,
        decodeIds
      )
      if (ready.length === 0) return []
      const order = new Map(ready.map(({ id }, index) => [id, index]))
      const rows = yield* Effect.flatMap(
        sql`UPDATE runs SET status = 'running', attempt = attempt + 1, owner = ${owner},
          started_at = coalesce(started_at, ${now}), ready_at = NULL, next_attempt_at = NULL
          WHERE id IN ${sql.in(ready.map(({ id }) => id))} RETURNING *`,
        history.readable
      )
      const inOrder = rows.toSorted((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0))
      yield* sql`INSERT INTO attempts ${sql.insert(
        inOrder.map((row) => ({ run_id: row.id, number: row.attempt, started_at: now }))
      )}`
      const byId = yield* jobs.byIds([...new Set(inOrder.map((row) => row.job_id))])
      const started: Array<StartedRun> = []
      for (const run of yield* history.assemble(inOrder)) {
        const job = byId.get(run.job_id)
        const attempt = run.attempts.at(-1)
        if (job !== undefined && attempt !== undefined) started.push({ run, job, attempt })
        else yield* abandonUnreadable(run, now)
      }
      return started
    })

    const abandonUnreadable = Effect.fnUntraced(function* (run: Run, now: number) {
      const reason = JSON.stringify({ code: "job_unreadable", text: "the job's stored row is damaged" })
      yield* sql`UPDATE runs SET status = 'failed', finished_at = ${now}, owner = NULL, reason = ${reason},
        error_message = ${"the job's stored row is damaged"} WHERE id = ${run.id}`
      yield* quarantine(run.job_id, "the row could not be read when a run of it was started", now)
    })

    const look = Effect.fn("JobStore.look")(function* (options: LookOptions) {
      yield* failpoints.hit("look.before")
      const result: Look = yield* writer.commit(
        Effect.gen(function* () {
          const claimed = yield* claim(options)
          const started = yield* start(options)
          yield* failpoints.hit("look.written")
          return { ...claimed, started }
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
          SELECT * FROM (SELECT next_run AS at FROM jobs WHERE status = 'active' AND next_run IS NOT NULL ${mine}
            ORDER BY next_run LIMIT 1)
          UNION ALL
          SELECT * FROM (SELECT ready_at AS at FROM runs WHERE status = 'pending' AND ready_at IS NOT NULL
            AND ready_at >= ${after} ${mine} ORDER BY ready_at LIMIT 1))`,
        decodeWake
      )
      return rows[0]?.at ?? null
    }, Effect.orDie)

    /** Gives the permit that a run of the job no longer holds to the oldest run queued for it. */
    const promote = Effect.fnUntraced(function* (job_id: JobId, job: StoredJob | null, now: number) {
      const live = yield* jobs.liveRunsOf(job_id)
      if (live.queued === 0 || (job !== null && live.holding >= runsAtOnce(job))) return
      yield* sql`UPDATE runs SET holds_permit = 1, ready_at = ${now} WHERE id = (
        SELECT id FROM runs WHERE job_id = ${job_id} AND status = 'pending' AND holds_permit = 0 ORDER BY id LIMIT 1)`
    })

    const count = (name: string, by: number) =>
      sql`INSERT INTO counters VALUES (${name}, ${by}) ON CONFLICT (name) DO UPDATE SET value = value + ${by}`

    const countEnd = Effect.fnUntraced(function* (status: RunStatus, execution_time_ms: number | null | undefined) {
      if (status === "succeeded") yield* count("runs_succeeded", 1)
      else if (failedStatuses.has(status)) yield* count("runs_failed", 1)
      else return
      if (execution_time_ms !== null && execution_time_ms !== undefined) {
        yield* count("execution_time_ms_sum", execution_time_ms)
        yield* count("execution_time_count", 1)
      }
    })

    const saveDeliveries = Effect.fnUntraced(function* (row: RunRow, settlement: Settlement, now: number) {
      if (settlement.deliveries.length === 0) return
      const rows = yield* Effect.forEach(settlement.deliveries, (delivery) =>
        Effect.map(ids.delivery, (id) => ({
          id,
          run_id: row.id,
          job_id: row.job_id,
          channel: delivery.channel,
          kind: delivery.kind,
          state: "pending",
          attempts: 0,
          created_at: now,
          next_attempt_at: now
        }))
      )
      yield* sql`INSERT INTO deliveries ${sql.insert(rows)} ON CONFLICT DO NOTHING`
    })

    const saveSession = Effect.fnUntraced(function* (session: NonNullable<Settlement["session"]>) {
      const row = encodeSessionRow(session)
      yield* sql`INSERT INTO sessions ${sql.insert(row)}
        ON CONFLICT (job_id) DO UPDATE SET turns = excluded.turns, updated_at = excluded.updated_at`
    })

    const patchJob = (id: JobId, patch: Settlement["job"]) =>
      Object.keys(patch).length === 0 ? Effect.void : sql`UPDATE jobs SET ${sql.update(patch)} WHERE id = ${id}`

    const settleRow = Effect.fnUntraced(function* (
      row: RunRow,
      job: StoredJob | null,
      settlement: Settlement,
      now: number
    ) {
      const status = settlement.run.status ?? row.status
      const ended = isTerminal(status)
      const { attempt } = settlement
      yield* sql`UPDATE runs SET ${sql.update(
        encodeRunPatch({
          ...settlement.run,
          owner: null,
          ready_at: ended ? null : (settlement.run.next_attempt_at ?? now)
        })
      )} WHERE id = ${row.id}`
      yield* sql`UPDATE attempts SET finished_at = ${now}, outcome = ${attempt.outcome}, failure = ${attempt.failure},
        error_message = ${attempt.error_message} WHERE run_id = ${row.id} AND number = ${row.attempt}`
      yield* patchJob(row.job_id, settlement.job)
      if (settlement.session !== undefined) yield* saveSession(settlement.session)
      yield* saveDeliveries(row, settlement, now)
      yield* audit.append(settlement.audit, now)
      if (ended) {
        yield* countEnd(status, settlement.run.execution_time_ms)
        yield* promote(row.job_id, job, now)
      }
    })

    const finish = Effect.fn("JobStore.finish")(function* (
      ref: AttemptRef,
      now: number,
      settle: (run: Run, job: StoredJob | null) => Settlement
    ) {
      yield* failpoints.hit("finish.before")
      const run = yield* writer.commit(
        Effect.gen(function* () {
          const [row] = yield* Effect.flatMap(
            sql`SELECT * FROM runs WHERE id = ${ref.run_id} AND status = 'running' AND attempt = ${ref.attempt}
              AND owner = ${ref.owner}`,
            history.readable
          )
          if (row === undefined) return yield* new FencedOut({ run: ref.run_id, attempt: ref.attempt })
          const [run] = yield* history.assemble([row])
          const job = (yield* jobs.byIds([row.job_id])).get(row.job_id) ?? null
          if (run === undefined) return yield* new FencedOut({ run: ref.run_id, attempt: ref.attempt })
          yield* settleRow(row, job, settle(run, job), now)
          yield* failpoints.hit("finish.written")
          return yield* Effect.orDie(history.runById(row.id))
        })
      )
      yield* failpoints.hit("finish.committed")
      return run
    })

    const recover = Effect.fn("JobStore.recover")(function* (
      now: number,
      owner: BootId,
      settle: (run: Run, job: StoredJob | null) => Settlement
    ) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const rows = yield* Effect.flatMap(
            sql`SELECT * FROM runs WHERE status = 'running' AND owner <> ${owner}
              AND owner NOT IN (SELECT owner FROM nodes WHERE lease_until > ${now}) ORDER BY id LIMIT ${recoveryBatch}`,
            history.readable
          )
          const byId = yield* jobs.byIds([...new Set(rows.map((row) => row.job_id))])
          const runs = new Map((yield* history.assemble(rows)).map((run) => [run.id, run]))
          for (const row of rows) {
            const run = runs.get(row.id)
            if (run === undefined) continue
            const job = byId.get(row.job_id) ?? null
            yield* settleRow(row, job, settle(run, job), now)
          }
          yield* sql`DELETE FROM nodes WHERE lease_until <= ${now} AND owner <> ${owner}
            AND owner NOT IN (SELECT owner FROM runs WHERE status = 'running')`
          return rows.length
        })
      )
    })

    const insertManual = Effect.fn("JobStore.insertManualRun")(function* <E>(
      ref: string,
      now: number,
      make: (job: StoredJob, live: LiveRuns) => Either.Either<NewRun, E>,
      idempotency?: { readonly key: string; readonly hash: string }
    ) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const job = yield* jobs.readRow(ref, yield* jobs.findRow(ref))
          if (idempotency !== undefined) {
            yield* sql`DELETE FROM idempotency WHERE created_at <= ${now - idempotencyWindow}`
            const key = `${job.id}/${idempotency.key}`
            const [known] = yield* Effect.flatMap(
              sql`SELECT hash, run_id FROM idempotency WHERE key = ${key}`,
              (rows) => Effect.orDie(decodeKeys(rows))
            )
            if (known !== undefined) {
              if (known.hash !== idempotency.hash) return yield* new IdempotencyConflict({ key: idempotency.key })
              return yield* history.runById(known.run_id).pipe(Effect.catchTag("RunNotFound", Effect.die))
            }
          }
          const row = yield* newRunRow(job, yield* make(job, yield* jobs.liveRunsOf(job.id)), now)
          yield* insertRuns([row])
          if (idempotency !== undefined) {
            yield* sql`INSERT INTO idempotency ${sql.insert({
              key: `${job.id}/${idempotency.key}`,
              hash: idempotency.hash,
              run_id: row.id,
              created_at: now
            })}`
          }
          return yield* history.runById(row.id).pipe(Effect.catchTag("RunNotFound", Effect.die))
        })
      )
    })

    const cancelPending = Effect.fn("JobStore.cancelPending")(function* (
      run_id: RunId,
      now: number,
      settle: (run: Run, job: StoredJob | null) => Pick<Settlement, "run" | "job" | "audit">
    ) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const run = yield* history.runById(run_id)
          if (run.status !== "pending") return run
          const job = (yield* jobs.byIds([run.job_id])).get(run.job_id) ?? null
          const settlement = settle(run, job)
          yield* sql`UPDATE runs SET ${sql.update(encodeRunPatch({ ...settlement.run, ready_at: null }))}
            WHERE id = ${run_id}`
          yield* patchJob(run.job_id, settlement.job)
          yield* audit.append(settlement.audit, now)
          yield* promote(run.job_id, job, now)
          return yield* history.runById(run_id)
        })
      )
    })

    const registerNode = Effect.fn("JobStore.registerNode")(function* (owner: BootId, now: number, until: number) {
      yield* writer.commit(
        Effect.gen(function* () {
          yield* sql`DELETE FROM nodes`
          yield* sql`INSERT INTO nodes ${sql.insert({ owner, started_at: now, lease_until: until })}`
        })
      )
    })

    const renewLease = Effect.fn("JobStore.renewLease")(function* (owner: BootId, until: number) {
      yield* writer.commit(sql`UPDATE nodes SET lease_until = ${until} WHERE owner = ${owner}`)
    })

    return { cancelPending, finish, insertManual, look, nextWake, recover, registerNode, renewLease } as const
  })
}) {}
