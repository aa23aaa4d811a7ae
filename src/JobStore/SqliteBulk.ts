import * as SqlClient from "@effect/sql/SqlClient"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { AuditDraft } from "../Domain/Audit.ts"
import type { StoredJob } from "../Domain/Job.ts"
import type { JobsFound, JobsPlan, JobsWanted } from "../JobStore.ts"
import { among } from "./Among.ts"
import type { Row } from "./Database.ts"
import { jobFromRow, jobToRow } from "./Rows.ts"
import { SqliteApprovals } from "./SqliteApprovals.ts"
import { SqliteAudit } from "./SqliteAudit.ts"
import { SqliteJobs } from "./SqliteJobs.ts"
import { SqliteNewRuns } from "./SqliteNewRuns.ts"
import { SqliteSessionArchive } from "./SqliteSessionArchive.ts"
import { Writer } from "./Writer.ts"

const isNamed = Schema.is(Schema.Struct({ name: Schema.String }))

/** The order of texts has "0" next after "/": between them lies what begins with the folder's path. */
const after = (folder: string): string => `${folder}0`

/** Rows in one multi-row statement; SQLite binds at most 32,766 values. */
const batch = 500

const inBatches = <A, E, R>(items: ReadonlyArray<A>, write: (some: ReadonlyArray<A>) => Effect.Effect<void, E, R>) =>
  Effect.forEach(Arr.chunksOf(items, batch), write, { discard: true })

/** Changes of many jobs at once. */
export class SqliteBulk extends Effect.Service<SqliteBulk>()("symbiont/JobStore/SqliteBulk", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const writer = yield* Writer
    const jobs = yield* SqliteJobs
    const audit = yield* SqliteAudit
    const newRuns = yield* SqliteNewRuns
    const approvals = yield* SqliteApprovals
    const sessions = yield* SqliteSessionArchive

    const rowsOf = Effect.fnUntraced(function* ({ files, folders, names }: JobsWanted) {
      const byName = yield* sql<Row>`SELECT * FROM jobs WHERE name IN ${among(sql, names)} AND deleted_at IS NULL`
      const byFile = yield* sql<Row>`SELECT * FROM jobs
        WHERE source_file IN ${among(sql, files)} AND source_file IS NOT NULL AND deleted_at IS NULL`
      const byFolder = yield* Effect.forEach(
        folders,
        (folder) => sql<Row>`SELECT * FROM jobs
          WHERE source_file > ${`${folder}/`} AND source_file < ${after(folder)}
            AND instr(substr(source_file, length(${folder}) + 2), '/') = 0 AND deleted_at IS NULL`
      )
      return new Map([...byName, ...byFile, ...byFolder.flat()].map((row) => [row["id"], row]))
    })

    const found = (rows: Iterable<Row>): JobsFound => {
      const readable: Array<StoredJob> = []
      const damaged = new Map<string, string>()
      for (const row of rows) {
        const job = jobFromRow(row)
        if (Either.isRight(job)) readable.push(job.right)
        else if (isNamed(row)) damaged.set(row.name, job.left)
      }
      return { jobs: readable, damaged }
    }

    const write = Effect.fnUntraced(function* (changes: JobsPlan["changes"]) {
      const rows = changes.map(({ job }) => ({ ...jobToRow(job), quarantined: null }))
      yield* sql`INSERT INTO jobs ${sql.insert(rows)} ON CONFLICT (id) DO UPDATE SET ${sql.csv(
        Object.keys(rows[0] ?? {}).map((column) => sql`${sql(column)} = excluded.${sql(column)}`)
      )}`
      yield* sessions.endWhereLeft(changes, Math.max(...changes.map(({ job }) => job.updated_at)))
      const runs = changes.flatMap(({ before, job, runs = [] }) => runs.map((run) => ({ before, run, job })))
      newRuns.insert(
        runs.map(({ before, job, run }) => ({ row: newRuns.row(before, run, job.updated_at), job: before }))
      )
      const events = changes.flatMap(({ audit: events, job }) =>
        events.map((event): AuditDraft => ({ time: job.updated_at, ...event }))
      )
      yield* audit.append(events, 0)
      const asked = changes.flatMap(({ awaiting, job }) => (awaiting === undefined ? [] : [{ awaiting, job }]))
      yield* approvals.endAmong(
        new Map(asked.map(({ awaiting, job }) => [job.id, awaiting])),
        Math.max(...asked.map(({ job }) => job.updated_at))
      )
    })

    const remove = Effect.fnUntraced(function* (removals: JobsPlan["removals"], now: number) {
      yield* jobs.removeRows(
        removals.map(({ id }) => id),
        now
      )
      yield* inBatches(removals, (some) =>
        audit.append(
          some.map((removal) => removal.audit),
          now
        )
      )
      yield* inBatches(removals, (some) =>
        approvals.endAmong(
          new Map(some.flatMap(({ awaiting, id }) => (awaiting === undefined ? [] : [[id, awaiting]]))),
          now
        )
      )
    })

    const change = Effect.fn("JobStore.changeJobs")(function* <Plan extends JobsPlan, E>(
      wanted: JobsWanted,
      now: number,
      plan: (found: JobsFound) => Either.Either<Plan, E>
    ) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const planned = yield* plan(found((yield* rowsOf(wanted)).values()))
          const { changes, creates, removals } = planned
          if (removals.length > 0) yield* remove(removals, now)
          yield* inBatches(changes, write)
          yield* jobs.insertNow(creates)
          return planned
        })
      )
    })

    return { change } as const
  })
}) {}
