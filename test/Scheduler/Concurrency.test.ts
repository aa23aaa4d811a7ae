import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type { AgentHandler } from "../../src/Agents.ts"
import { AgentFailure } from "../../src/Domain/Agent.ts"
import { Jobs } from "../../src/Jobs.ts"
import { SchedulerStatus } from "../../src/Scheduler.ts"
import { scriptedAgent } from "../../src/testing.ts"
import { create, engine, minute, runsOf, second, statusesOf, until } from "../support/Engine.ts"

/** An agent that takes its time, and the most calls of it that were ever open at once. */
const counted = (millis: number) =>
  Effect.gen(function* () {
    const open = yield* Ref.make(0)
    const most = yield* Ref.make(0)
    const order = yield* Ref.make<ReadonlyArray<string>>([])
    const handler: AgentHandler = ({ run }) =>
      Effect.gen(function* () {
        yield* Ref.update(order, (before) => [...before, run?.job_name ?? ""])
        const now = yield* Ref.updateAndGet(open, (n) => n + 1)
        yield* Ref.update(most, (n) => Math.max(n, now))
        yield* Effect.sleep(millis)
        return { output: "done" }
      }).pipe(Effect.ensuring(Ref.update(open, (n) => n - 1)))
    return { handler, most: Ref.get(most), order: Ref.get(order) }
  })

describe("a job at its max_concurrent", () => {
  it.effect("skips the slot visibly, moves on, and never starts it late", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "slow", every: "1m" })
      yield* until(5 * minute + 10 * second)
      const runs = yield* runsOf("slow")
      assert.deepStrictEqual(
        runs.map((run) => run.status),
        ["succeeded", "skipped", "skipped", "running", "skipped"]
      )
      assert.strictEqual(runs[1]?.reason?.code, "concurrency")
      assert.include(runs[1]?.reason?.text ?? "", "max_concurrent of 1")
      assert.isNull(runs[1]?.started_at ?? null)
      assert.strictEqual((yield* jobs.get("slow")).next_run, 6 * minute)
      assert.strictEqual((yield* jobs.get("slow")).failure_count, 0)
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({ takes: 150 * second }) })))
  )

  it.effect("of 2 runs at most two at once", () =>
    Effect.gen(function* () {
      const agent = yield* counted(150 * second)
      yield* Effect.gen(function* () {
        yield* create({ name: "pair", every: "1m", max_concurrent: 2 })
        yield* until(8 * minute)
        assert.strictEqual(yield* agent.most, 2)
        assert.deepStrictEqual((yield* statusesOf("pair")).slice(0, 6), [
          "succeeded",
          "succeeded",
          "skipped",
          "succeeded",
          "succeeded",
          "skipped"
        ])
      }).pipe(Effect.provide(engine({ agent: agent.handler })))
    })
  )

  it.effect("keeps one slot waiting with overlap queue_one, and skips the others", () =>
    Effect.gen(function* () {
      yield* create({ name: "queue", every: "1m", overlap: "queue_one" })
      yield* until(4 * minute + 30 * second)
      const runs = yield* runsOf("queue")
      assert.deepStrictEqual(
        runs.map((run) => run.status),
        ["succeeded", "running", "skipped", "skipped"]
      )
      assert.strictEqual(runs[1]?.started_at, 1 * minute + 190 * second)
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({ takes: 190 * second }, { takes: "1 hour" }) })))
  )

  it.effect("stops the older run with overlap cancel_previous, and the newer one takes its place at once", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "newest", every: "1m", overlap: "cancel_previous" })
      yield* until(3 * minute + second)
      const runs = yield* runsOf("newest")
      assert.deepStrictEqual(
        runs.map((run) => [run.status, run.started_at]),
        [
          ["cancelled", minute],
          ["cancelled", 2 * minute],
          ["running", 3 * minute]
        ]
      )
      assert.strictEqual(runs[0]?.reason?.code, "overlap")
      assert.strictEqual((yield* jobs.get("newest")).failure_count, 0)
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({ takes: "1 hour" }) })))
  )

  it.effect("with overlap cancel_previous also gives up an older run that waits for its next attempt", () =>
    Effect.gen(function* () {
      yield* create({
        name: "retrying",
        every: "1m",
        overlap: "cancel_previous",
        retry: { attempts: 5, backoff: "30m" }
      })
      yield* until(2 * minute + second)
      const runs = yield* runsOf("retrying")
      assert.deepStrictEqual(
        runs.map((run) => [run.status, run.reason?.code]),
        [
          ["cancelled", "overlap"],
          ["running", undefined]
        ]
      )
    }).pipe(
      Effect.provide(
        engine({
          agent: scriptedAgent(
            { fails: new AgentFailure({ kind: "transient", message: "try again" }) },
            { takes: "1 hour" }
          )
        })
      )
    )
  )

  it.effect("refuses a run by hand, unless it may wait; then it starts when the other ends", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "busy", every: "1h" })
      const first = yield* jobs.runNow("busy", { actor: "test" })
      const refused = yield* Effect.flip(jobs.runNow("busy", { actor: "test" }))
      assert.strictEqual(refused._tag, "ConcurrencyLimitReached")
      const waiting = yield* jobs.runNow("busy", { actor: "test", queue: true })
      assert.deepStrictEqual([first.status, waiting.status], ["running", "pending"])
      yield* until(40 * second)
      assert.strictEqual((yield* jobs.getRun(waiting.id)).started_at, 30 * second)
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({ takes: "30 seconds" }) })))
  )

  it.effect("a queued run that is jittered does not start before its time when the permit comes free", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "later", every: "30m", overlap: "queue_one", max_jitter: 1_500 })
      // The run by hand ends as soon as the slot is queued, which is before its jittered start.
      yield* until(30 * minute - 10 * second)
      yield* jobs.runNow("later", { actor: "test" })
      yield* until(59 * minute)
      const [, slot] = yield* runsOf("later")
      assert.strictEqual(slot?.started_at, Math.max(slot?.start_at ?? 0, 30 * minute + 10 * second))
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({ takes: "20 seconds" }, {}) })))
  )

  it.effect("runs that share one session take turns, whatever max_concurrent says", () =>
    Effect.gen(function* () {
      const agent = yield* counted(90 * second)
      yield* Effect.gen(function* () {
        yield* create({ name: "shared", every: "1m", max_concurrent: 3, session_mode: "shared_persistent" })
        yield* until(6 * minute)
        assert.strictEqual(yield* agent.most, 1)
        const runs = (yield* runsOf("shared")).filter((run) => run.started_at !== null)
        assert.deepStrictEqual(
          runs.slice(0, 3).map((run) => run.started_at),
          [60 * second, 150 * second, 240 * second]
        )
      }).pipe(Effect.provide(engine({ agent: agent.handler })))
    })
  )
})

describe("the scheduler at max_concurrent_jobs", () => {
  it.effect("runs no more at once; the rest wait as pending and start in due order", () =>
    Effect.gen(function* () {
      const agent = yield* counted(60 * second)
      yield* Effect.gen(function* () {
        const status = yield* SchedulerStatus
        const due = ["e", "c", "a", "d", "b"].map((name, index) => ({ name, at: minute + index * second }))
        // Created in another order than they come due.
        for (const { at, name } of due.toSorted((x, y) => (x.name < y.name ? -1 : 1))) {
          yield* create({ name, at: new Date(at).toISOString() })
        }
        yield* until(minute + 10 * second)
        assert.strictEqual(yield* status.inFlight, 2)
        assert.deepStrictEqual(yield* Effect.forEach(["e", "c", "a", "d", "b"], statusesOf), [
          ["running"],
          ["running"],
          ["pending"],
          ["pending"],
          ["pending"]
        ])
        yield* until(6 * minute)
        assert.strictEqual(yield* agent.most, 2)
        assert.deepStrictEqual(yield* agent.order, ["e", "c", "a", "d", "b"])
        assert.deepStrictEqual(
          yield* Effect.forEach(["e", "c", "a", "d", "b"], statusesOf),
          Array(5).fill(["succeeded"])
        )
        assert.strictEqual(yield* status.inFlight, 0)
      }).pipe(Effect.provide(engine({ agent: agent.handler }, { scheduler: { max_concurrent_jobs: 2 } })))
    })
  )
})
