import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { StoredJob } from "../Domain/Job.ts"
import type { JobsFound, JobsPlan, JobsWanted } from "../JobStore.ts"
import { among } from "./Among.ts"
import { jobFromRow } from "./Rows.ts"
import { SqliteJobs } from "./SqliteJobs.ts"
import { Writer } from "./Writer.ts"

const isNamed = Schema.is(Schema.Struct({ name: Schema.String }))

/** The order of texts has "0" next after "/": between them lies what begins with the folder's path. */
const after = (folder: string): string => `${folder}0`

/** Changes of many jobs at once. */
export class SqliteBulk extends Effect.Service<SqliteBulk>()("symbiont/JobStore/SqliteBulk", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const writer = yield* Writer
    const jobs = yield* SqliteJobs

    const rowsOf = Effect.fnUntraced(function* ({ files, folders, names }: JobsWanted) {
      const byName = yield* sql`SELECT * FROM jobs WHERE name IN ${among(sql, names)} AND deleted_at IS NULL`
      const byFile = yield* sql`SELECT * FROM jobs
        WHERE source_file IN ${among(sql, files)} AND source_file IS NOT NULL AND deleted_at IS NULL`
      const byFolder = yield* Effect.forEach(
        folders,
        (folder) => sql`SELECT * FROM jobs
          WHERE source_file > ${`${folder}/`} AND source_file < ${after(folder)}
            AND instr(substr(source_file, length(${folder}) + 2), '/') = 0 AND deleted_at IS NULL`
      )
      return new Map([...byName, ...byFile, ...byFolder.flat()].map((row) => ["id" in row ? row["id"] : "", row]))
    })

    const found = (rows: Iterable<object>): JobsFound => {
      const readable: Array<StoredJob> = []
      const damaged = new Map<string, string>()
      for (const row of rows) {
        const job = jobFromRow(row)
        if (Either.isRight(job)) readable.push(job.right)
        else if (isNamed(row)) damaged.set(row.name, job.left)
      }
      return { jobs: readable, damaged }
    }

    const change = Effect.fn("JobStore.changeJobs")(function* <Plan extends JobsPlan, E>(
      wanted: JobsWanted,
      now: number,
      plan: (found: JobsFound) => Either.Either<Plan, E>
    ) {
      return yield* writer.commit(
        Effect.gen(function* () {
          const planned = yield* plan(found((yield* rowsOf(wanted)).values()))
          yield* Effect.forEach(planned.removals, ({ audit, id }) => jobs.removeRow(id, now, audit), { discard: true })
          yield* Effect.forEach(planned.changes, jobs.writeChange, { discard: true })
          yield* jobs.insertRows(planned.creates)
          return planned
        })
      )
    })

    return { change } as const
  })
}) {}
