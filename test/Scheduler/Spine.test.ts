import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { JobDefinition } from "../../src/Domain/Job.ts"
import { Jobs } from "../../src/Jobs.ts"
import { Deliveries, passTime, scriptedAgent, testRuntime } from "../../src/testing.ts"

const define = Schema.decodeUnknownSync(JobDefinition)

describe("the spine", () => {
  it.effect("a quarter-hourly job runs 96 times a day, none twice", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const job = yield* jobs.create(define({ name: "quarter", agent_id: "echo", cron_expr: "*/15 * * * *" }), "test")
      yield* passTime("24 hours", "15 minutes")
      const { items } = yield* jobs.history(job.id, { limit: 1000 })
      assert.strictEqual(items.length, 96)
      assert.strictEqual(new Set(items.map((run) => run.scheduled_for)).size, 96)
      assert.isTrue(
        items.every((run) => run.status === "succeeded"),
        JSON.stringify(items[0])
      )
      assert.strictEqual((yield* (yield* Deliveries).all).length, 96)
    }).pipe(
      Effect.provide(
        testRuntime({
          agents: { echo: scriptedAgent({ answers: "hello" }) },
          settings: { scheduler: { tick_interval_seconds: 60 } }
        })
      )
    )
  )
  it.effect("a manual run is running at once", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* TestClock.adjust("1 second")
      const job = yield* jobs.create(define({ name: "m", agent_id: "slow", every: "1h" }), "test")
      const run = yield* jobs.runNow(job.id, { actor: "test", input: "x" })
      assert.strictEqual(run.status, "running")
      yield* TestClock.adjust("1 minute")
      const done = yield* jobs.getRun(run.id)
      assert.strictEqual(done.status, "succeeded")
      assert.strictEqual(done.output, "got x")
    }).pipe(
      Effect.provide(
        testRuntime({ agents: { slow: scriptedAgent({ takes: "10 seconds", answers: (i) => `got ${i.input}` }) } })
      )
    )
  )
})
