import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { formatInstant } from "../src/Domain/Instant.ts"
import type { StoredJob } from "../src/Domain/Job.ts"
import { layerSqlite } from "../src/JobStore/Sqlite.ts"
import { JobStore, type LookOptions } from "../src/JobStore.ts"
import { Jobs } from "../src/Jobs.ts"
import { bigSize, ensureBig } from "./Big.ts"
import { engineOnStore } from "./Engine.ts"
import { makeJob, storeJobs } from "./Jobs.ts"
import { atLeast, atMost, databaseFile, median, percentile, type Result, type Size, timedWithCpu } from "./Measure.ts"
import { peer } from "./Peers.ts"

const oneShot = (at: number) =>
  Effect.map(makeJob(at), ({ cron_expr: _, ...job }): StoredJob => ({ ...job, at: formatInstant(at), one_shot: true }))

const oneShots = (count: number, at: (n: number) => number) =>
  Effect.forEach(Array.from({ length: count }), (_, n) => oneShot(at(n)))

/** Waits until that many more runs succeeded than before. */
const succeeded = (count: number) =>
  Effect.flatMap(JobStore, (store) =>
    Effect.map(store.counts, ({ runs_succeeded: before }) =>
      Effect.repeat(Effect.delay(store.counts, "20 millis"), {
        until: ({ runs_succeeded }) => runs_succeeded >= before + count
      })
    )
  )

/** Gets a call for each slot that an agent is woken for: how late, in ms. */
const lateness = (count: number) =>
  Effect.map(Deferred.make<ReadonlyArray<number>>(), (all) => {
    const late: Array<number> = []
    const called = (scheduled_for: number | undefined) => {
      if (scheduled_for === undefined) return
      late.push(Date.now() - scheduled_for)
      if (late.length === count) Deferred.unsafeDone(all, Effect.succeed(late))
    }
    return { called, all: Deferred.await(all) } as const
  })

/**
 * How late agents are called for one-shots that are spread over some seconds, among many stored jobs, and the CPU time
 * that takes; beside plainjob with none stored, asking every 10 ms.
 */
export const startLateness = ({ big, quick, rounds }: Size) =>
  Effect.gen(function* () {
    yield* ensureBig(big, quick)
    const [count, over] = quick ? [200, 4_000] : [1_000, 20_000]
    const halves: Array<number> = []
    const tails: Array<number> = []
    const loads: Array<number> = []
    const theirs: Array<Readonly<Record<string, number>>> = []
    yield* Effect.gen(function* () {
      for (let round = 0; round < rounds; round++) {
        const { all, called } = yield* lateness(count)
        // What an engine does at its start is over by the first of them.
        const first = (yield* Clock.currentTimeMillis) + 2_000
        yield* storeJobs(yield* oneShots(count, (n) => first + Math.floor((n * over) / count)))
        const late = yield* Effect.gen(function* () {
          yield* Effect.sleep(first - Date.now() - 200)
          const { cpu, wall } = yield* timedWithCpu(all)
          loads.push((cpu / wall) * 100)
          return yield* all
        }).pipe(Effect.provide(engineOnStore({}, called)))
        halves.push(median(late))
        tails.push(percentile(late, 0.99))
        theirs.push(yield* peer("plainjob", "start", count, over))
      }
    }).pipe(Effect.provide(layerSqlite(big)))
    const among = `${count.toLocaleString("en")} one-shots over ${over / 1_000} s among ${bigSize(quick).jobs} jobs`
    const of = (key: string) => ({ name: "plainjob alone", value: median(theirs.map((one) => one[key] ?? 0)) })
    const [p50, p99, load] = [median(halves), median(tails), median(loads)]
    return [
      { name: `start lateness p50, ${among}`, value: p50, unit: "ms", peer: of("p50"), goal: atMost(p50, 2, "ms") },
      { name: `start lateness p99, ${among}`, value: p99, unit: "ms", peer: of("p99"), goal: atMost(p99, 10, "ms") },
      { name: `start lateness, CPU, ${among}`, value: load, unit: "% of a core", peer: of("load") }
    ] satisfies ReadonlyArray<Result>
  })

interface Sample {
  readonly rate: number
  /** CPU time for each run, ms. */
  readonly cpu: number
}

const sampleOf = (count: number, { cpu, wall }: { readonly cpu: number; readonly wall: number }): Sample => ({
  rate: (count * 1_000) / wall,
  cpu: cpu / count
})

const settings = { scheduler: { max_concurrent_jobs: 1_000 } }

/** One-shots that are due as the engine starts: claimed, started, run, ended, audited. */
const dueAtOnce = Effect.fnUntraced(function* (count: number) {
  const measured = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    yield* storeJobs(yield* oneShots(count, () => now))
    const all = yield* succeeded(count)
    return yield* timedWithCpu(Effect.provide(all, engineOnStore(settings)))
  })
  return sampleOf(count, yield* Effect.provide(measured, layerSqlite(yield* databaseFile)))
})

/** Runs asked for one by one by a hundred callers at a time, each told when its own is durable and looked at. */
const enqueued = Effect.fnUntraced(function* (count: number) {
  const callers = 100
  const measured = Effect.gen(function* () {
    const jobs = yield* Jobs
    const made = yield* Effect.replicateEffect(makeJob(Date.now() + 86_400_000, { max_concurrent: 1_000 }), callers)
    yield* storeJobs(made)
    const all = yield* succeeded(count)
    const asked = Effect.forEach(
      Array.from({ length: count }, (_, n) => made[n % callers]?.id ?? ""),
      (id) => jobs.runNow(id, { actor: "bench", queue: true }),
      { concurrency: callers, discard: true }
    )
    return yield* timedWithCpu(Effect.zipRight(Effect.orDie(asked), all))
  })
  const store = layerSqlite(yield* databaseFile)
  return sampleOf(count, yield* Effect.provide(Effect.provide(measured, engineOnStore(settings)), store))
})

/** Runs of an agent that does nothing, from the asking to the audited end, per second, in turns with plainjob. */
export const throughput = ({ quick, rounds }: Size) =>
  Effect.gen(function* () {
    const count = quick ? 2_000 : 20_000
    const due: Array<Sample> = []
    const asked: Array<Sample> = []
    const theirs: Array<Readonly<Record<string, number>>> = []
    yield* dueAtOnce(1_000)
    yield* enqueued(1_000)
    for (let round = 0; round < rounds; round++) {
      due.push(yield* dueAtOnce(count))
      theirs.push(yield* peer("plainjob", "runs", count))
      asked.push(yield* enqueued(count))
    }
    const of = (key: string) => median(theirs.map((one) => one[key] ?? 0))
    const rows = (what: string, samples: ReadonlyArray<Sample>): ReadonlyArray<Result> => {
      const rate = median(samples.map((one) => one.rate))
      const cpu = median(samples.map((one) => one.cpu))
      const both = of("both")
      return [
        {
          name: `no-op runs, ${what}`,
          value: rate,
          unit: "runs/s",
          peer: { name: "plainjob, FULL", value: both },
          goal: atLeast(rate / both, 2, "times")
        },
        {
          name: `no-op runs, ${what}, CPU each`,
          value: cpu,
          unit: "ms",
          peer: { name: "plainjob, FULL", value: of("cpu") }
        }
      ]
    }
    return [...rows("due at once", due), ...rows("enqueued by 100 callers", asked)]
  })

/** The store of these layers, which tells how many runs each look has started once that is durable. */
const telling = (started: (runs: number) => void) =>
  Layer.map(Layer.service(JobStore), (context) => {
    const store = Context.get(context, JobStore)
    const look = (options: LookOptions) =>
      Effect.tap(store.look(options), (found) => Effect.sync(() => started(found.started.length)))
    return Context.make(JobStore, JobStore.of({ ...store, look }))
  })

/** Many jobs due at one instant, and room for all of them. */
export const burst = ({ quick, rounds }: Size) =>
  Effect.gen(function* () {
    const count = quick ? 2_000 : 10_000
    const claimed: Array<number> = []
    const begun: Array<number> = []
    const ended: Array<number> = []
    const rates: Array<number> = []
    for (let round = 0; round < rounds; round++) {
      rates.push((yield* dueAtOnce(count)).rate)
      const measured = Effect.gen(function* () {
        const instant = (yield* Clock.currentTimeMillis) + 2_000
        const { all, called } = yield* lateness(count)
        yield* storeJobs(yield* oneShots(count, () => instant))
        const finished = yield* succeeded(count)
        let left = count
        const store = telling((runs) => {
          left -= runs
          if (left === 0) claimed.push(Date.now() - instant)
        })
        yield* Effect.gen(function* () {
          begun.push(Math.max(...(yield* all)))
          yield* finished
          ended.push(Date.now() - instant)
        }).pipe(
          Effect.provide(
            engineOnStore({ scheduler: { max_concurrent_jobs: count } }, called).pipe(Layer.provide(store))
          )
        )
      })
      yield* Effect.provide(measured, layerSqlite(yield* databaseFile))
    }
    const what = `${count.toLocaleString("en")} due at one instant`
    const [last, call, end] = [median(claimed), median(begun), median(ended)]
    const atRate = (count * 1_000) / median(rates)
    return [
      { name: `${what}: all claimed, durably`, value: last, unit: "ms", goal: atMost(last, 1_000, "ms") },
      { name: `${what}: the last agent called`, value: call, unit: "ms" },
      {
        name: `${what}: the last ended`,
        value: end,
        unit: "ms",
        peer: { name: "at the rate of no-op runs", value: atRate },
        goal: atMost(end / atRate, 1.5, "times")
      }
    ] satisfies ReadonlyArray<Result>
  })
