import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Ids } from "../src/Domain/Ids.ts"
import { JobDefinition, type StoredJob } from "../src/Domain/Job.ts"
import { JobStore } from "../src/JobStore.ts"

const defined = Schema.decodeUnknownSync(JobDefinition)({
  name: "bench",
  agent_id: "noop",
  cron_expr: "*/15 * * * *",
  delivery: []
})

let made = 0

/** A job under a new name, next due at that instant (UTC ms). */
export const makeJob = (next_run: number, change: Partial<StoredJob> = {}) =>
  Effect.map(
    Effect.flatMap(Ids, (ids) => ids.job),
    (id): StoredJob => ({
      ...defined,
      id,
      name: Schema.decodeUnknownSync(JobDefinition.fields.name)(`bench-${++made}`),
      status: "active",
      paused_by: null,
      next_run,
      last_run: null,
      failure_count: 0,
      created_at: 0,
      updated_at: 0,
      version: 1,
      source_file: null,
      anchor: 0,
      defined_by: "bench",
      last_summary: null,
      last_usage: null,
      gate_seen: null,
      all_clears: 0,
      quiet_until: null,
      applied: null,
      ...change
    })
  )

/** Stores jobs in transactions of a thousand. */
export const storeJobs = (jobs: ReadonlyArray<StoredJob>) =>
  Effect.gen(function* () {
    const store = yield* JobStore
    for (let i = 0; i < jobs.length; i += 1_000) {
      yield* store.insertJobs(jobs.slice(i, i + 1_000).map((job) => ({ job, audit: [] })))
    }
  })

/** Stores that many jobs that are not due for a year. */
export const storeSleepers = (count: number, now: number) =>
  Effect.flatMap(Effect.replicateEffect(makeJob(now + 31_536_000_000), count), storeJobs)
