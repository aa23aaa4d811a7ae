import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Ids } from "../src/Domain/Ids.ts"
import type { StoredJob } from "../src/Domain/Job.ts"
import { layerSqlite } from "../src/JobStore/Sqlite.ts"
import { JobStore, type Look, type Settlement, type SlotPlan } from "../src/JobStore.ts"
import { expired } from "../src/Scheduler/ApprovalRules.ts"
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

const start = 1_800_000_000_000

/** A store of that many jobs, ten of them due every minute from `start`; gives the cost of its n-th wake. */
const makeWakes = Effect.fnUntraced(function* (stored: number) {
  const file = yield* databaseFile
  const context = yield* Layer.build(layerSqlite(file))
  const store = Context.get(context, JobStore)
  const owner = yield* (yield* Ids).boot
  const sleepers = storeSleepers(stored - 10, start)
  const due = Effect.flatMap(Effect.replicateEffect(makeJob(start), 10), storeJobs)
  yield* Effect.provide(Effect.zipRight(sleepers, due), context)
  const wake = Effect.fnUntraced(function* (n: number) {
    const now = start + n * period
    let started: Look["started"] = []
    const look = Effect.gen(function* () {
      yield* store.nextWake({ now, permits: 10, partitions: null })
      started = (yield* store.look({
        now,
        owner,
        partitions: null,
        permits: 10,
        batch: 500,
        plan,
        expire: expired(now)
      })).started
    })
    const millis = yield* timed(look)
    if (started.length !== 10) return yield* Effect.dieMessage(`${started.length} runs started, not 10`)
    yield* Effect.forEach(started, ({ run }) => store.finish({ run_id: run.id, attempt: 1, owner }, now, () => done), {
      concurrency: "unbounded"
    })
    return millis
  })
  return { stored, wake, times: [] as number[] } as const
})

/** What a wake with ten due jobs costs, by the number of jobs stored: the stores take turns, so all see the same load. */
export const wakeCost = ({ quick, rounds }: Size) =>
  Effect.gen(function* () {
    const stores = yield* Effect.forEach(quick ? [100, 10_000] : [100, 10_000, 100_000], makeWakes)
    const warmUp = 20
    for (let n = 0; n < warmUp + rounds * 50; n++) {
      for (const { times, wake } of stores) {
        const millis = yield* wake(n)
        if (n >= warmUp) times.push(millis)
      }
    }
    const results = stores.map(
      ({ stored, times }): Result => ({ name: `wake, 10 due of ${stored} stored`, value: median(times), unit: "ms" })
    )
    const [first, last] = [stores[0], stores.at(-1)]
    const ratio = median(last?.times ?? []) / median(first?.times ?? [])
    results.push({ name: `wake, ratio of ${last?.stored} to ${first?.stored} stored`, value: ratio, unit: "x" })
    return results
  })
