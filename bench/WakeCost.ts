import * as Effect from "effect/Effect"
import { Ids } from "../src/Domain/Ids.ts"
import type { StoredJob } from "../src/Domain/Job.ts"
import { layerSqlite } from "../src/JobStore/Sqlite.ts"
import { JobStore, type Settlement, type SlotPlan } from "../src/JobStore.ts"
import { makeJob, storeJobs, storeSleepers } from "./Jobs.ts"
import { databaseFile, median, type Result, type Size, timed } from "./Measure.ts"

const period = 60_000

const plan = (job: StoredJob): SlotPlan => ({
  runs: [
    {
      trigger: "schedule",
      status: "pending",
      scheduled_for: job.next_run ?? 0,
      start_at: null,
      input: null,
      reason: null,
      holds_permit: true
    }
  ],
  next_run: (job.next_run ?? 0) + period,
  cancel: [],
  audit: []
})

const done: Settlement = {
  attempt: { outcome: "succeeded", failure: null, error_message: null },
  run: { status: "succeeded", finished_at: 1, execution_time_ms: 1 },
  job: {},
  deliveries: [],
  audit: []
}

const wakes = (stored: number, count: number) =>
  Effect.gen(function* () {
    const store = yield* JobStore
    const owner = yield* (yield* Ids).boot
    const start = 1_800_000_000_000
    yield* storeSleepers(stored - 10, start)
    yield* storeJobs(yield* Effect.replicateEffect(makeJob(start), 10))
    const times: Array<number> = []
    for (let n = 0; n < count; n++) {
      const now = start + n * period
      let started: ReadonlyArray<{ readonly run: { readonly id: Parameters<typeof store.finish>[0]["run_id"] } }> = []
      const look = Effect.gen(function* () {
        yield* store.nextWake({ now, permits: 10, partitions: null })
        started = (yield* store.look({ now, owner, partitions: null, permits: 10, batch: 500, plan })).started
      })
      times.push(yield* timed(look))
      if (started.length !== 10) return yield* Effect.dieMessage(`${started.length} runs started, not 10`)
      yield* Effect.forEach(
        started,
        ({ run }) => store.finish({ run_id: run.id, attempt: 1, owner }, now, () => done),
        {
          concurrency: "unbounded"
        }
      )
    }
    // The first looks warm the compiler up.
    return median(times.slice(Math.floor(count / 4)))
  })

/** What a wake with ten due jobs costs, by the number of jobs stored. */
export const wakeCost = ({ quick, rounds }: Size) =>
  Effect.gen(function* () {
    const sizes = quick ? [100, 10_000] : [100, 10_000, 100_000]
    const results: Array<Result> = []
    for (const stored of sizes) {
      const times: Array<number> = []
      for (let round = 0; round < rounds; round++) {
        const file = yield* databaseFile
        times.push(yield* Effect.provide(wakes(stored, quick ? 40 : 100), layerSqlite(file)))
      }
      results.push({ name: `wake, 10 due of ${stored} stored`, value: median(times), unit: "ms" })
    }
    const first = results[0]?.value ?? Number.NaN
    const last = results.at(-1)?.value ?? Number.NaN
    results.push({ name: `wake, ratio of ${sizes.at(-1)} to ${sizes[0]} stored`, value: last / first, unit: "x" })
    return results
  })
