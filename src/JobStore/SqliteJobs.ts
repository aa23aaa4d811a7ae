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
import { Database, type Row, type Value } from "./Database.ts"
import { jobFromRow, jobFromValues, jobNames, jobToRow, jobValues } from "./Rows.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { SqliteSessionArchive } from "./SqliteSessionArchive.ts"
import { Tally } from "./Tally.ts"
import { Writer } from "./Writer.ts"

const readLive = Schema.decodeUnknownSync(
  Schema.Struct({ id: RunId, holds_permit: Schema.Number, trigger: Schema.String })
)

const jobDeleted = JSON.stringify({
  code: "job_deleted",
  text: "the job was deleted before it began"
} satisfies Reason)

/** How many jobs that were asked for by id or name are remembered until the next write. */
const mostFound = 1_000

/** Rows in one statement where many are inserted: each statement keeps what undoes it alone. */
const manyRows = 32

/** Jobs whose audit entries wait for the end of their transaction, a multiple of {@link manyRows}. */
const noted = 1_024

const isJobId = Schema.is(JobId)

/** The id of a row that may not be readable otherwise. */
export const idOf = (row: object): string => ("id" in row && typeof row.id === "string" ? row.id : "")

/** The jobs table. Methods that name no transaction of their own run inside their caller's. */
export class SqliteJobs extends Effect.Service<SqliteJobs>()("symbiont/JobStore/SqliteJobs", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const { prepare, query } = yield* Database
    const writer = yield* Writer
    const audit = yield* SqliteAudit
    const sessions = yield* SqliteSessionArchive
    const tally = yield* Tally

    const columns = jobNames.join(", ")
    const byId = query(`SELECT ${columns} FROM jobs WHERE id = ?`)
    const byIdAlive = query(`SELECT ${columns} FROM jobs WHERE id = ? AND deleted_at IS NULL`)
    const byName = query(`SELECT ${columns} FROM jobs WHERE name = ? AND deleted_at IS NULL`)
    const holderOf = prepare("SELECT id FROM jobs WHERE name = ? AND deleted_at IS NULL")
    const liveOf = prepare(
      "SELECT id, holds_permit, trigger FROM runs WHERE status IN ('pending', 'running') AND job_id = ? ORDER BY id"
    )
    const oneRow = `(${jobNames.map(() => "?").join(", ")})`
    const insertJobs = (count: number) =>
      prepare(`INSERT INTO jobs (${jobNames.join(", ")}) VALUES ${Array(count).fill(oneRow).join(", ")}`)
    const insertJob = insertJobs(1)
    const insertMany = insertJobs(manyRows)

    // No name is shaped like an id. SQLite would answer one OR over both by a walk.
    const rowOf = (ref: string): Either.Either<ReadonlyArray<unknown>, JobNotFound> =>
      Either.fromNullable(isJobId(ref) ? byIdAlive.first(ref) : byName.first(ref), () => new JobNotFound({ job: ref }))

    /** The row of a job by id or name, the values of `jobNames`; deleted jobs are not found. */
    const findRow = (ref: string): Effect.Effect<ReadonlyArray<unknown>, JobNotFound> =>
      Effect.suspend(() => rowOf(ref))

    const readRow = (ref: string, row: ReadonlyArray<unknown>) =>
      Either.mapLeft(jobFromValues(row), (detail) => new JobUnreadable({ job: ref, detail }))

    const noLiveRuns: LiveRuns = { holding: 0, backfilling: 0, queued: 0, holders: [] }

    const liveRunsOf = (jobId: string): LiveRuns => {
      const rows = liveOf.all(jobId)
      if (rows.length === 0) return noLiveRuns
      const live = { holding: 0, backfilling: 0, queued: 0, holders: [] as Array<RunId> }
      for (const row of rows) {
        const { holds_permit, id, trigger } = readLive(row)
        const backfill = trigger === "backfill"
        if (holds_permit === 1) {
          live.holding++
          if (backfill) live.backfilling++
          else live.holders.push(id)
        } else if (!backfill) {
          live.queued++
        }
      }
      return live
    }

    /** A job by id or name. */
    const readNow = (ref: string): Either.Either<StoredJob, JobNotFound | JobUnreadable> => {
      const row = rowOf(ref)
      return Either.isLeft(row) ? Either.left(row.left) : readRow(ref, row.right)
    }

    /** A stored job, also a deleted one; null for one whose row cannot be read. */
    const stored = (id: string): StoredJob | null => {
      const row = byId.first(id)
      const job = row === undefined ? undefined : jobFromValues(row)
      return job !== undefined && Either.isRight(job) ? job.right : null
    }

    /** {@link stored}, of many; those that are not are absent. */
    const byIds = (jobIds: ReadonlyArray<string>): ReadonlyMap<string, StoredJob> => {
      const jobs = new Map<string, StoredJob>()
      for (const id of jobIds) {
        const job = stored(id)
        if (job !== null) jobs.set(id, job)
      }
      return jobs
    }

    /** The first name of these that another job has, in the table or among these. */
    const takenAmong = (jobs: ReadonlyArray<Pick<StoredJob, "id" | "name">>): JobNameTaken | undefined => {
      const holders = new Map<string, JobId>()
      for (const { id, name } of jobs) {
        const holder = holders.get(name) ?? (holderOf.first(name)?.["id"] as JobId | undefined)
        if (holder !== undefined && holder !== id) return new JobNameTaken({ name, id: holder })
        holders.set(name, id)
      }
      return undefined
    }

    /** Refuses names that another job has. */
    const refuseTaken = (jobs: Parameters<typeof takenAmong>[0]): Effect.Effect<void, JobNameTaken> =>
      Effect.suspend(() => takenAmong(jobs) ?? Effect.void)

    const insertNow = (
      jobs: ReadonlyArray<{ readonly job: StoredJob; readonly audit: ReadonlyArray<AuditDraft> }>
    ): Either.Either<void, JobNameTaken> => {
      try {
        for (let i = 0; i < jobs.length; ) {
          const count = jobs.length - i < manyRows ? 1 : manyRows
          const some = jobs.slice(i, i + count)
          const values: Array<Value> = []
          for (const { job } of some) for (const value of jobValues(job)) values.push(value)
          const statement = count === 1 ? insertJob : insertMany
          statement.run(...values)
          for (const { audit: events, job } of some) audit.note(events, job.created_at)
          i += count
          // Entries of many jobs need not all wait in memory for the end of the transaction.
          if (i % noted === 0) audit.flush()
        }
      } catch (cause) {
        // The database refuses a name that is taken; whose it is, is asked for only then.
        const taken = takenAmong(jobs.map(({ job }) => job))
        if (taken === undefined) throw cause
        return Either.left(taken)
      }
      return Either.void
    }

    const insert = (jobs: Parameters<typeof insertNow>[0]) => writer.commitNow(() => insertNow(jobs))

    const write = (job: StoredJob) => {
      const { id, ...row } = jobToRow(job)
      // What is written whole can be read again.
      return sql`UPDATE jobs SET ${sql.update({ ...row, quarantined: null })} WHERE id = ${id}`
    }

    const removeRows = Effect.fnUntraced(function* (ids: ReadonlyArray<JobId>, now: number) {
      const these = among(sql, ids)
      // No job that is active: one whose last run then fails would be dead-lettered, and people told of it.
      yield* sql`UPDATE jobs SET deleted_at = ${now}, next_run = NULL, quarantined = NULL, status = 'completed'
        WHERE id IN ${these}`
      yield* sessions.end(ids, now)
      // Up to a thousand may wait in turn; nobody would want them of a job that is gone.
      const queued = yield* sql`UPDATE runs SET status = 'cancelled', finished_at = ${now}, reason = ${jobDeleted}
        WHERE job_id IN ${these} AND status = 'pending' AND holds_permit = 0 AND trigger = 'backfill' RETURNING job_name`
      const ended = { status: "cancelled", execution_time_ms: null, reason: null, saved: null } as const
      for (const row of queued) tally.note(recordRun({ job_name: String(row["job_name"]), ...ended }))
    })

    const read = Effect.fnUntraced(function* (ref: string) {
      const row = yield* findRow(ref)
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

    const readable = Effect.fnUntraced(function* (rows: ReadonlyArray<Row>) {
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
        yield* sql<Row>`SELECT jobs.* FROM ${from} WHERE ${sql.and(conditions)} ORDER BY ${id} LIMIT ${filter.limit + 1}`
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
      insertNow,
      list,
      liveRunsOf,
      readNow,
      readRow,
      refuseTaken,
      removeRows,
      stored,
      write
    } as const
  })
}) {}
