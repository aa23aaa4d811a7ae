import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Jobs } from "../../src/Jobs.ts"
import { RunTotals } from "../../src/RunTotals.ts"
import { failure, scriptedAgent } from "../../src/testing.ts"
import { create, engine, hour, minute, runsOf, second, statusesOf, until } from "../support/Engine.ts"

const start = 30 * minute
const first = hour
const ok = () => engine({ agent: scriptedAgent({ answers: "ok" }) })

const jobOf = (ref: string) => Effect.flatMap(Jobs, (jobs) => jobs.get(ref))

describe("a one-shot of an expression or a period", () => {
  it.scoped("runs at the first match alone, and is completed then", () =>
    Effect.gen(function* () {
      yield* until(start)
      const jobs = yield* Jobs
      const job = yield* create({ name: "once", cron_expr: "0 * * * *", one_shot: true })
      assert.strictEqual(job.next_run, first)
      const { description, upcoming } = yield* jobs.upcoming("once", 5)
      assert.deepStrictEqual([...upcoming], [first])
      assert.match(description, /^Once, at the first slot of: /)
      yield* until(first + 3 * hour)
      assert.deepStrictEqual(
        (yield* runsOf("once")).map(({ scheduled_for, status }) => [scheduled_for, status]),
        [[first, "succeeded"]]
      )
      assert.deepInclude(yield* jobOf("once"), {
        status: "completed",
        next_run: null,
        cron_expr: "0 * * * *",
        one_shot: true
      })
      assert.deepStrictEqual((yield* (yield* RunTotals).ofJobs([job.id])).get(job.id), { runs: 1, failures: 0 })
    }).pipe(Effect.provide(ok()))
  )

  it.scoped("of a period runs once after it", () =>
    Effect.gen(function* () {
      yield* until(start)
      yield* create({ name: "soon", every: "90s", one_shot: true })
      yield* until(start + 10 * minute)
      assert.deepStrictEqual(
        (yield* runsOf("soon")).map(({ scheduled_for }) => scheduled_for),
        [start + 90 * second]
      )
      assert.strictEqual((yield* jobOf("soon")).status, "completed")
    }).pipe(Effect.provide(ok()))
  )

  it.scoped("that was paused over its match runs at the first one after it is resumed", () =>
    Effect.gen(function* () {
      yield* until(start)
      const jobs = yield* Jobs
      yield* create({ name: "once", cron_expr: "0 * * * *", one_shot: true })
      yield* jobs.pause("once", "test")
      yield* until(first + 90 * minute)
      const resumed = yield* jobs.resume("once", "test")
      assert.strictEqual(resumed.next_run, first + 2 * hour)
      yield* until(first + 5 * hour)
      assert.deepStrictEqual(
        (yield* runsOf("once")).map(({ scheduled_for }) => scheduled_for),
        [first + 2 * hour]
      )
      const refused = yield* Effect.flip(jobs.resume("once", "test"))
      assert.match(refused.message, /it has completed; give it a new trigger/)
    }).pipe(Effect.provide(ok()))
  )

  it.scoped("that failed is dead-lettered after its attempts, and tries its next match when it is reset", () =>
    Effect.gen(function* () {
      yield* until(start)
      const jobs = yield* Jobs
      const { id } = yield* create({ name: "once", cron_expr: "0 * * * *", one_shot: true, max_retries: 1 })
      yield* until(first + minute)
      assert.strictEqual((yield* jobOf("once")).status, "dead_letter")
      const reset = yield* jobs.reset("once", "test")
      assert.deepInclude(reset, { status: "active", next_run: first + hour })
      yield* until(first + 4 * hour)
      assert.deepStrictEqual(yield* statusesOf("once"), ["failed", "succeeded"])
      assert.strictEqual((yield* jobOf("once")).status, "completed")
      assert.deepStrictEqual((yield* (yield* RunTotals).ofJobs([id])).get(id), { runs: 2, failures: 1 })
    }).pipe(
      Effect.provide(engine({ agent: scriptedAgent({ fails: failure("permanent", "it broke") }, { answers: "ok" }) }))
    )
  )

  it.scoped("becomes a recurring job, and back, by an edit", () =>
    Effect.gen(function* () {
      yield* until(start)
      const jobs = yield* Jobs
      yield* create({ name: "once", cron_expr: "0 * * * *", one_shot: true })
      yield* until(first + minute)
      const edited = yield* jobs.update("once", { one_shot: null }, { actor: "test" })
      assert.deepInclude(edited, { status: "active", next_run: first + hour })
      yield* until(first + 2 * hour + minute)
      const again = yield* jobs.update("once", { one_shot: true }, { actor: "test" })
      assert.strictEqual(again.next_run, first + 3 * hour)
      yield* until(first + 9 * hour)
      assert.strictEqual((yield* runsOf("once")).length, 4)
      assert.strictEqual((yield* jobOf("once")).status, "completed")
    }).pipe(Effect.provide(ok()))
  )
})
