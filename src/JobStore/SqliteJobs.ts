import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { AuditDraft } from "../Domain/Audit.ts"
import { JobId, RunId } from "../Domain/Ids.ts"
import { JobNameTaken, JobNotFound, JobUnreadable, type StoredJob } from "../Domain/Job.ts"
import type { Reason } from "../Domain/Run.ts"
import type { JobFilter, LiveRuns, Page } from "../JobStore.ts"
import { recordRun } from "../Observability.ts"
import { among } from "./Among.ts"
import { jobFromRow, jobToRow } from "./Rows.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { SqliteSessionArchive } from "./SqliteSessionArchive.ts"
import { Tally } from "./Tally.ts"
import { Writer } from "./Writer.ts"

/** Jobs in one multi-row insert; SQLite binds at most 32,766 values. */
const insertBatch = 200

const LiveRow = Schema.Struct({ id: RunId, job_id: Schema.String, holds_permit: Schema.Number, trigger: Schema.String })
const decodeLiveRows = Schema.decodeUnknown(Schema.Array(LiveRow))
const decodeNames = Schema.decodeUnknown(Schema.Array(Schema.Struct({ id: JobId, name: Schema.String })))

const jobDeleted = JSON.stringify({
  code: "job_deleted",
  text: "the job was deleted before it began"
} satisfies Reason)

/** How many jobs that were asked for by id or name are remembered until the next write. */
const mostFound = 1_000

const isJobId = Schema.is(JobId)

/** The id of a row that may not be readable otherwise. */
export const idOf = (row: object): string => ("id" in row && typeof row.id === "string" ? row.id : "")

/** The jobs table. Methods that name no transaction of their own run inside their caller's. */
export class SqliteJobs extends Effect.Service<SqliteJobs>()("symbiont/JobStore/SqliteJobs", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const writer = yield* Writer
    const audit = yield* SqliteAudit
    const sessions = yield* SqliteSessionArchive
    const tally = yield* Tally

    /** The row of a job by id or name; deleted jobs are not found. */
    const findRow = Effect.fnUntraced(function* (ref: string) {
      // No name is shaped like an id. SQLite would answer one OR over both by a walk.
      const [row] = isJobId(ref)
        ? yield* sql`SELECT * FROM jobs WHERE id = ${ref} AND deleted_at IS NULL`
        : yield* sql`SELECT * FROM jobs WHERE name = ${ref} AND deleted_at IS NULL`
      return row ?? (yield* new JobNotFound({ job: ref }))
    })

    const readRow = (ref: string, row: unknown) =>
      Either.mapLeft(jobFromRow(row), (detail) => new JobUnreadable({ job: ref, detail }))

    /** Live runs of some jobs, by job; jobs without any are absent. */
    const liveRuns = Effect.fnUntraced(function* (jobIds: ReadonlyArray<string>) {
      const live = new Map<string, { holding: number; backfilling: number; queued: number; holders: Array<RunId> }>()
      const rows = yield* Effect.flatMap(
        sql`SELECT id, job_id, holds_permit, trigger FROM runs
          WHERE status IN ('pending', 'running') AND job_id IN ${among(sql, jobIds)} ORDER BY id`,
        decodeLiveRows
      ).pipe(Effect.catchTag("ParseError", Effect.die))
      for (const row of rows) {
        const entry = live.get(row.job_id) ?? { holding: 0, backfilling: 0, queued: 0, holders: [] }
        live.set(row.job_id, entry)
        const backfill = row.trigger === "backfill"
        if (row.holds_permit === 1) {
          entry.holding++
          if (backfill) entry.backfilling++
          else entry.holders.push(row.id)
        } else if (!backfill) {
          entry.queued++
        }
      }
      return live as ReadonlyMap<string, LiveRuns>
    })

    const noLiveRuns: LiveRuns = { holding: 0, backfilling: 0, queued: 0, holders: [] }

    const liveRunsOf = (jobId: string) => Effect.map(liveRuns([jobId]), (live) => live.get(jobId) ?? noLiveRuns)

    /** Stored jobs by id, deleted ones included; unreadable rows are absent. */
    const byIds = Effect.fnUntraced(function* (jobIds: ReadonlyArray<string>) {
      const jobs = new Map<string, StoredJob>()
      if (jobIds.length === 0) return jobs as ReadonlyMap<string, StoredJob>
      const rows = yield* sql`SELECT * FROM jobs WHERE id IN ${among(sql, jobIds)}`
      for (const row of rows) {
        const job = jobFromRow(row)
        if (Either.isRight(job)) jobs.set(job.right.id, job.right)
      }
      return jobs as ReadonlyMap<string, StoredJob>
    })

    /** Refuses names that another job has, in the table or among these. */
    const refuseTaken = Effect.fnUntraced(function* (jobs: ReadonlyArray<Pick<StoredJob, "id" | "name">>) {
      const rows = yield* sql`SELECT id, name FROM jobs
        WHERE deleted_at IS NULL AND name IN ${among(sql, [...new Set(jobs.map((job) => job.name))])}`
      const holders = new Map((yield* Effect.orDie(decodeNames(rows))).map(({ id, name }) => [name, id]))
      for (const { id, name } of jobs) {
        const holder = holders.get(name)
        if (holder !== undefined && holder !== id) return yield* new JobNameTaken({ name, id: holder })
        holders.set(name, id)
      }
    })

    const insertRows = Effect.fnUntraced(function* (
      jobs: ReadonlyArray<{ readonly job: StoredJob; readonly audit: ReadonlyArray<AuditDraft> }>
    ) {
      for (let i = 0; i < jobs.length; i += insertBatch) {
        const some = jobs.slice(i, i + insertBatch)
        yield* refuseTaken(some.map(({ job }) => job))
        yield* sql`INSERT INTO jobs ${sql.insert(some.map(({ job }) => jobToRow(job)))}`
        const events = some.flatMap(({ audit: events, job }) =>
          events.map((event): AuditDraft => ({ time: job.created_at, ...event }))
        )
        yield* audit.append(events, 0)
      }
    })

    const insert = Effect.fn("JobStore.insertJobs")(function* (jobs: Parameters<typeof insertRows>[0]) {
      yield* writer.commit(insertRows(jobs))
    })

    const write = (job: StoredJob) => {
      const { id, ...row } = jobToRow(job)
      // What is written whole can be read again.
      return sql`UPDATE jobs SET ${sql.update({ ...row, quarantined: null })} WHERE id = ${id}`
    }

    const removeRows = Effect.fnUntraced(function* (ids: ReadonlyArray<JobId>, now: number) {
      const these = among(sql, ids)
      yield* sql`UPDATE jobs SET deleted_at = ${now}, next_run = NULL, quarantined = NULL WHERE id IN ${these}`
      yield* sessions.end(ids, now)
      // Up to a thousand may wait in turn; nobody would want them of a job that is gone.
      const queued = yield* sql`UPDATE runs SET status = 'cancelled', finished_at = ${now}, reason = ${jobDeleted}
        WHERE job_id IN ${these} AND status = 'pending' AND holds_permit = 0 AND trigger = 'backfill' RETURNING job_name`
      const ended = { status: "cancelled", execution_time_ms: null, reason: null, saved: null } as const
      for (const row of queued) yield* tally.note(recordRun({ job_name: String(row["job_name"]), ...ended }))
    })

    const read = Effect.fnUntraced(function* (ref: string) {
      const row = yield* findRow(ref).pipe(Effect.catchTag("SqlError", Effect.die))
      return yield* readRow(ref, row)
    })

    // Programs that poll ask for the same jobs over and over. What is large is not held by being asked for.
    const found = new Map<string, WeakRef<StoredJob>>()
    let foundAt = -1
    const find = (ref: string) =>
      Effect.suspend(() => {
        const commits = writer.commits()
        if (foundAt !== commits || found.size >= mostFound) found.clear()
        foundAt = commits
        const known = found.get(ref)?.deref()
        if (known !== undefined) return Effect.succeed(known)
        return Effect.tap(read(ref), (job) =>
          Effect.sync(() => {
            if (writer.commits() === commits) found.set(ref, new WeakRef(job))
          })
        )
      })

    const readable = Effect.fnUntraced(function* (rows: ReadonlyArray<object>) {
      const jobs: Array<StoredJob> = []
      for (const row of rows) {
        const job = jobFromRow(row)
        if (Either.isRight(job)) jobs.push(job.right)
        else yield* Effect.logWarning("job left out of a list: its row is damaged", idOf(row), job.left)
      }
      return jobs as ReadonlyArray<StoredJob>
    })

    const list = Effect.fn("JobStore.listJobs")(function* (filter: JobFilter) {
      const conditions = [
        sql`deleted_at IS NULL`,
        ...(filter.status === undefined ? [] : [sql`status = ${filter.status}`]),
        ...(filter.agent_id === undefined ? [] : [sql`agent_id = ${filter.agent_id}`]),
        ...(filter.label === undefined ? [] : [sql`job_labels.label = ${filter.label}`])
      ]
      // Walked in the order of what is read first.
      const [from, id] =
        filter.label === undefined
          ? [sql`jobs`, sql`jobs.id`]
          : [sql`job_labels CROSS JOIN jobs ON jobs.id = job_labels.job_id`, sql`job_labels.job_id`]
      if (filter.cursor !== undefined) conditions.push(sql`${id} > ${filter.cursor}`)
      const rows =
        yield* sql`SELECT jobs.* FROM ${from} WHERE ${sql.and(conditions)} ORDER BY ${id} LIMIT ${filter.limit + 1}`
      const shown = rows.slice(0, filter.limit)
      const last = shown.at(-1)
      return {
        items: yield* readable(shown),
        next: rows.length > filter.limit && last !== undefined ? idOf(last) : null
      } satisfies Page<StoredJob>
    }, Effect.orDie)

    return {
      byIds,
      find,
      findRow,
      insert,
      insertRows,
      list,
      liveRuns,
      liveRunsOf,
      noLiveRuns,
      readRow,
      refuseTaken,
      removeRows,
      write
    } as const
  })
}) {}
