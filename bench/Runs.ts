import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { formatInstant } from "../src/Domain/Instant.ts"
import type { StoredJob } from "../src/Domain/Job.ts"
import { layerSqlite } from "../src/JobStore/Sqlite.ts"
import { JobStore } from "../src/JobStore.ts"
import { engineOnStore } from "./Engine.ts"
import { makeJob, storeJobs, storeSleepers } from "./Jobs.ts"
import { databaseFile, median, percentile, type Result, type Size } from "./Measure.ts"

const oneShot = (at: number) =>
  Effect.map(makeJob(at), ({ cron_expr: _, ...job }): StoredJob => ({ ...job, at: formatInstant(at), one_shot: true }))

const untilSucceeded = (count: number) =>
  Effect.flatMap(JobStore, (store) =>
    Effect.repeat(Effect.delay(store.counts, "10 millis"), { until: (counts) => counts.runs_succeeded >= count })
  )

const lateness = (jobs: ReadonlyArray<StoredJob>) =>
  Effect.gen(function* () {
    const store = yield* JobStore
    return yield* Effect.forEach(jobs, (job) =>
      Effect.map(
        store.listRuns(job.id, { limit: 1 }),
        ({ items: [run] }) => (run?.started_at ?? Number.NaN) - (job.next_run ?? 0)
      )
    )
  })

/** How late one-shots start that are spread over some seconds, among many stored jobs. */
export const startLateness = ({ quick, rounds }: Size) =>
  Effect.gen(function* () {
    const [stored, count, over] = quick ? [10_000, 50, 2_500] : [100_000, 200, 10_000]
    const file = yield* databaseFile
    return yield* Effect.gen(function* () {
      yield* storeSleepers(stored, yield* Clock.currentTimeMillis)
      const halves: Array<number> = []
      const tails: Array<number> = []
      for (let round = 0; round < rounds; round++) {
        const first = (yield* Clock.currentTimeMillis) + 1_000
        const jobs = yield* Effect.forEach(Array.from({ length: count }), (_, n) =>
          oneShot(first + Math.floor((n * over) / count))
        )
        yield* storeJobs(jobs)
        yield* Effect.provide(untilSucceeded((round + 1) * count), engineOnStore({}))
        const late = yield* lateness(jobs)
        halves.push(median(late))
        tails.push(percentile(late, 0.99))
      }
      const among = `${count} one-shots among ${stored} jobs`
      return [
        { name: `start lateness, p50, ${among}`, value: median(halves), unit: "ms" },
        { name: `start lateness, p99, ${among}`, value: median(tails), unit: "ms" }
      ] satisfies ReadonlyArray<Result>
    }).pipe(Effect.provide(layerSqlite(file)))
  })

/** Runs of an agent that does nothing, claimed, started and ended, per second. */
export const throughput = ({ quick, rounds }: Size) =>
  Effect.gen(function* () {
    const count = quick ? 2_000 : 10_000
    const rates: Array<number> = []
    const costs: Array<number> = []
    for (let round = 0; round < rounds; round++) {
      const file = yield* databaseFile
      const rate = Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        yield* storeJobs(yield* Effect.replicateEffect(oneShot(now), count))
        const start = performance.now()
        const usage = process.cpuUsage()
        yield* Effect.provide(untilSucceeded(count), engineOnStore({ scheduler: { max_concurrent_jobs: 1_000 } }))
        const { system, user } = process.cpuUsage(usage)
        costs.push((system + user) / 1_000 / count)
        return (count * 1_000) / (performance.now() - start)
      })
      rates.push(yield* Effect.provide(rate, layerSqlite(file)))
    }
    const what = `no-op runs, ${count} due at once, 1000 in flight`
    return [
      { name: what, value: median(rates), unit: "runs/s" },
      { name: `${what}, CPU time each`, value: median(costs), unit: "ms" }
    ]
  })
