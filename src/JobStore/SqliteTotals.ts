import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { JobId } from "../Domain/Ids.ts"
import { RunTotals } from "../RunTotals.ts"
import { among } from "./Among.ts"

const decodeJobs = Schema.decodeUnknown(
  Schema.Array(Schema.Struct({ id: JobId, runs: Schema.Int, failures: Schema.Int }))
)
const decodeTotals = Schema.decodeUnknown(Schema.Array(Schema.Struct({ name: Schema.String, n: Schema.Int })))

/** The totals of a database. */
export const layerTotals = Layer.effect(
  RunTotals,
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient

    const ofJobs = Effect.fn("RunTotals.ofJobs")(function* (ids: ReadonlyArray<JobId>) {
      if (ids.length === 0) return new Map()
      const rows = yield* sql`SELECT id, runs_ended AS runs, runs_failed AS failures FROM jobs
        WHERE id IN ${among(sql, ids)}`
      return new Map((yield* decodeJobs(rows)).map(({ id, ...totals }) => [id, totals] as const))
    }, Effect.orDie)

    const ofService = Effect.gen(function* () {
      const rows = yield* decodeTotals(
        yield* sql`SELECT 'jobs' AS name, coalesce(sum(n), 0) AS n FROM job_counts
          UNION ALL SELECT status, n FROM job_counts WHERE status = 'dead_letter'
          UNION ALL SELECT name, value FROM counters WHERE name = 'longest_run_ms'`
      )
      const of = (name: string) => rows.find((row) => row.name === name)?.n ?? 0
      return { jobs: of("jobs"), dead_letter_jobs: of("dead_letter"), longest_run_ms: of("longest_run_ms") }
    }).pipe(Effect.orDie, Effect.withSpan("RunTotals.ofService"))

    return RunTotals.of({ ofJobs, ofService })
  })
)
