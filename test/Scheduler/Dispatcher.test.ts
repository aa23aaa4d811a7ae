import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { AgentFailure } from "../../src/Domain/Agent.ts"
import { JobStore, type LookOptions } from "../../src/JobStore.ts"
import { Metrics, renderPrometheus } from "../../src/Observability.ts"
import { LookAhead } from "../../src/Scheduler.ts"
import { passTime, scriptedAgent, storeInMemory, testRuntime } from "../../src/testing.ts"
import { create, minute, runsOf, second, until } from "../support/Engine.ts"

const looks = Effect.map(Metrics, (metrics) => {
  const line = /^symbiont_scheduler_looks_total (\d+)$/m.exec(renderPrometheus(metrics.families()))
  return Number(line?.[1] ?? 0)
})

const looksIn = (tick_interval_seconds: number) =>
  Effect.gen(function* () {
    yield* TestClock.adjust("1 second")
    const before = yield* looks
    yield* TestClock.adjust("1 minute")
    return (yield* looks) - before
  }).pipe(Effect.provide(testRuntime({ settings: { scheduler: { tick_interval_seconds } } })))

/** The store in memory; told of each look before it is made. */
const watched = (looking: (nth: number) => void) => {
  let count = 0
  return Layer.map(storeInMemory, (context) => {
    const store = Context.get(context, JobStore)
    const look = (options: LookOptions) =>
      Effect.zipRight(
        Effect.sync(() => looking(count++)),
        store.look(options)
      )
    return Context.add(context, JobStore, JobStore.of({ ...store, look }))
  }).pipe(Layer.orDie)
}

/** More than one look can claim, all due at 1 s. */
const many = 501
const createMany = Effect.forEach(
  Array.from({ length: many }, (_, n) => `job-${n}`),
  (name) => create({ name, at: "1970-01-01T00:00:01Z" }),
  { concurrency: "unbounded", discard: true }
)

const settings = { scheduler: { max_concurrent_jobs: 1_000, tick_interval_seconds: 60 } }

const ahead = Layer.succeed(LookAhead, 4)

describe("the dispatcher", () => {
  it.effect("looks once a tick when nothing is due", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* looksIn(1), 60)
      assert.strictEqual(yield* looksIn(5), 12)
    })
  )

  it.effect("starts a due job at its instant, not at the next tick", () =>
    Effect.gen(function* () {
      yield* create({ name: "odd", every: "61s" })
      yield* until(3 * minute + 10 * second)
      assert.deepStrictEqual(
        (yield* runsOf("odd")).map((run) => run.started_at),
        [61 * second, 122 * second, 183 * second]
      )
    }).pipe(
      Effect.provide(
        testRuntime({ agents: { agent: scriptedAgent({}) }, settings: { scheduler: { tick_interval_seconds: 60 } } })
      )
    )
  )

  it.effect("claims all that is due before it wakes the agents of any of it", () => {
    const seen: Array<string> = []
    const agents = {
      agent: () =>
        Effect.sync(() => {
          seen.push("agent")
          return { output: "" }
        })
    }
    return Effect.gen(function* () {
      yield* createMany
      seen.length = 0
      yield* until(second)
      yield* Effect.repeat(
        Effect.sync(() => seen.filter((what) => what === "agent").length),
        { until: (called) => called === many }
      )
      assert.deepStrictEqual(seen.slice(0, 3), ["look", "look", "agent"])
    }).pipe(Effect.provide(testRuntime({ agents, settings, store: watched(() => seen.push("look")) })))
  })

  it.effect("carries out what it has claimed where the next look fails", () => {
    let failing = Number.POSITIVE_INFINITY
    let count = 0
    const store = watched(() => {
      if (count++ === failing) throw new Error("disk I/O error")
    })
    return Effect.gen(function* () {
      yield* createMany
      failing = count + 1
      yield* until(second)
      const succeeded = Effect.map(
        Effect.flatMap(JobStore, (store) => store.counts),
        (counts) => counts.runs_succeeded
      )
      assert.strictEqual(yield* Effect.repeat(succeeded, { until: (runs) => runs >= many - 1 }), many - 1)
      // It starts anew a second later.
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Effect.repeat(succeeded, { until: (runs) => runs >= many }), many)
    }).pipe(Effect.provide(testRuntime({ agents: { agent: scriptedAgent({}) }, settings, store })))
  })

  it.effect("claims a little ahead where it is told to, and starts at the instant, not before", () => {
    const called: Array<number> = []
    const agents = {
      agent: () =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          called.push(now)
          return { output: "" }
        })
    }
    return Effect.gen(function* () {
      yield* create({ name: "at-one", at: "1970-01-01T00:00:01Z" })
      yield* until(995)
      assert.deepStrictEqual(yield* runsOf("at-one"), [])
      yield* until(996)
      const running = yield* Effect.repeat(runsOf("at-one"), { until: (runs) => runs.length > 0 })
      assert.deepStrictEqual(
        running.map(({ started_at, status }) => ({ started_at, status })),
        [{ started_at: second, status: "running" }]
      )
      yield* until(999)
      assert.deepStrictEqual(called, [])
      yield* until(second)
      yield* Effect.repeat(runsOf("at-one"), { until: ([run]) => run?.status === "succeeded" })
      assert.deepStrictEqual(called, [second])
    }).pipe(Effect.provide(testRuntime({ agents, settings }).pipe(Layer.provide(ahead))))
  })

  it.effect("notices slots in time while all places are taken and a run waits for one", () => {
    const agents = {
      long: () => Effect.as(Effect.sleep("1 hour"), { output: "" }),
      flaky: () => new AgentFailure({ kind: "transient", message: "not yet" })
    }
    const one = { max_concurrent_jobs: 1, tick_interval_seconds: 60, default_max_runtime: "none" as const }
    const runtime = testRuntime({ agents, settings: { scheduler: one } }).pipe(Layer.provide(ahead))
    return Effect.gen(function* () {
      yield* create({ name: "flaky", agent_id: "flaky", at: "1970-01-01T00:00:02Z", retry: { attempts: 3 } })
      yield* create({ name: "long", agent_id: "long", cron_expr: "*/15 * * * * *", overlap: "cancel_previous" })
      yield* passTime("76 seconds", "100 millis")
      const slots = Effect.map(runsOf("long"), (runs) => runs.map(({ scheduled_for }) => scheduled_for / second))
      assert.deepStrictEqual(yield* slots, [15, 30, 45, 60, 75])
    }).pipe(Effect.provide(runtime))
  })

  it.effect("starts what is due after an approval has run out", () =>
    Effect.gen(function* () {
      const policy = { require_approval: true, approval_timeout: "10s" }
      yield* create({ name: "waits", at: "1970-01-01T00:00:01Z", policy })
      yield* create({ name: "next", at: "1970-01-01T00:00:13Z" })
      yield* passTime("14 seconds", "100 millis")
      const [waits] = yield* runsOf("waits")
      const [next] = yield* runsOf("next")
      assert.deepStrictEqual([waits?.status, next?.started_at], ["denied", 13 * second])
    }).pipe(Effect.provide(testRuntime({ agents: { agent: scriptedAgent({}) }, settings })))
  )
})
