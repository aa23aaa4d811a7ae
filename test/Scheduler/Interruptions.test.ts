import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import type { AgentHandler } from "../../src/Agents.ts"
import { AgentFailure } from "../../src/Domain/Agent.ts"
import { Ids } from "../../src/Domain/Ids.ts"
import { JobStore } from "../../src/JobStore.ts"
import { Jobs } from "../../src/Jobs.ts"
import { expired } from "../../src/Scheduler/ApprovalRules.ts"
import { scriptedAgent, storeInFile } from "../../src/testing.ts"
import { audited } from "../support/Audit.ts"
import { create, engine, hour, minute, runsOf, second, statusesOf, until } from "../support/Engine.ts"

const database = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  return storeInFile(`${yield* fs.makeTempDirectoryScoped()}/data.db`)
})

const withFiles = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(NodeContext.layer))

const never: AgentHandler = () => Effect.never

describe("when the service stops", () => {
  it.effect("no new run starts, and runs in flight have until shutdown_timeout_seconds to end", () =>
    withFiles(
      Effect.gen(function* () {
        const store = yield* database
        const scope = yield* Scope.make()
        const agents = { agent: scriptedAgent({ takes: "20 seconds" }), endless: never }
        const runtime = engine(agents, { store, scheduler: { shutdown_timeout_seconds: 30 } })
        const context = yield* Layer.buildWithScope(runtime, scope)
        yield* Effect.gen(function* () {
          yield* create({ name: "short", every: "1m" })
          yield* create({ name: "endless", agent_id: "endless", every: "1m", on_interrupt: "fail" })
          yield* create({ name: "next", cron_expr: "15 1 * * * *" })
          yield* until(minute + 10 * second)
        }).pipe(Effect.provide(context))
        const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust("29 seconds")
        assert.isNull(yield* Fiber.poll(closing).pipe(Effect.map((exit) => (exit._tag === "None" ? null : exit))))
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(closing)

        const left = yield* Effect.all({
          short: runsOf("short"),
          endless: runsOf("endless"),
          next: runsOf("next")
        }).pipe(Effect.provide(engine(agents, { store })))
        assert.deepStrictEqual(
          left.short.slice(0, 1).map((run) => [run.status, run.finished_at]),
          [["succeeded", minute + 20 * second]]
        )
        assert.deepStrictEqual(
          left.endless.slice(0, 1).map((run) => [run.status, run.finished_at, run.reason?.code]),
          [["interrupted", minute + 40 * second, "shutdown"]]
        )
        assert.isTrue(left.next.every((run) => (run.started_at ?? 0) >= minute + 40 * second))
      })
    )
  )

  it.effect("an interrupted run is tried anew at the next start, and given up after five interruptions", () =>
    withFiles(
      Effect.gen(function* () {
        const store = yield* database
        const runtime = engine({ agent: never }, { store })
        yield* Effect.zipRight(create({ name: "endless", at: "1970-01-01T00:01:00Z" }), until(2 * minute)).pipe(
          Effect.provide(runtime)
        )
        for (let start = 2; start <= 5; start++) {
          const running = yield* Effect.zipRight(TestClock.adjust("1 second"), runsOf("endless")).pipe(
            Effect.provide(runtime)
          )
          assert.deepStrictEqual(
            running.map((run) => [run.status, run.attempts.length]),
            [["running", start]]
          )
        }
        const [run, job] = yield* Effect.zip(
          runsOf("endless"),
          Effect.flatMap(Jobs, (jobs) => jobs.get("endless"))
        ).pipe(Effect.provide(runtime))
        assert.strictEqual(run[0]?.status, "interrupted")
        assert.deepStrictEqual(
          run[0]?.attempts.map((attempt) => attempt.outcome),
          Array(5).fill("interrupted")
        )
        assert.deepStrictEqual([job.status, job.failure_count], ["failed", 0])
      })
    )
  )
})

describe("when the service died", () => {
  /** Starts a run of the job as a service that then dies: its attempt stays open under an owner that is no more. */
  const startAndDie = (name: string) =>
    Effect.gen(function* () {
      const store = yield* JobStore
      const ids = yield* Ids
      const now = yield* TestClock.currentTimeMillis
      yield* store.insertManualRun(name, now, () =>
        Either.right({
          trigger: "manual",
          status: "pending",
          scheduled_for: now,
          start_at: null,
          input: "keep me",
          reason: null,
          holds_permit: true
        })
      )
      yield* store.look({
        now,
        owner: yield* ids.boot,
        partitions: null,
        permits: 10,
        batch: 1,
        plan: (job) => ({ runs: [], next_run: job.next_run, cancel: [], audit: [] }),
        expire: expired(now)
      })
    })

  const afterDeath = (fields: Readonly<Record<string, unknown>>) =>
    Effect.gen(function* () {
      const store = yield* database
      const inputs = yield* Ref.make<ReadonlyArray<string>>([])
      const agent: AgentHandler = ({ input }) =>
        Effect.as(
          Ref.update(inputs, (before) => [...before, input]),
          { output: "ok" }
        )
      const runtime = engine({ agent }, { store })
      yield* create({ name: "job", cron_expr: "0 * * * *", ...fields }).pipe(Effect.provide(runtime))
      yield* startAndDie("job").pipe(Effect.provide(Layer.merge(store, Ids.Default)))
      yield* TestClock.adjust("5 minutes")
      const [run] = yield* Effect.zipRight(TestClock.adjust("1 second"), runsOf("job")).pipe(Effect.provide(runtime))
      return { run, inputs: yield* Ref.get(inputs) }
    })

  it.effect("its run is attempted again, with what it was given", () =>
    withFiles(
      Effect.gen(function* () {
        const { inputs, run } = yield* afterDeath({})
        assert.deepStrictEqual(
          [run?.status, run?.attempts.map((attempt) => attempt.outcome)],
          ["succeeded", ["interrupted", "succeeded"]]
        )
        assert.deepStrictEqual(inputs, ["keep me"])
      })
    )
  )

  it.effect("its run ends as interrupted with on_interrupt fail, and is not counted as a failure", () =>
    withFiles(
      Effect.gen(function* () {
        const { inputs, run } = yield* afterDeath({ on_interrupt: "fail" })
        assert.deepStrictEqual([run?.status, run?.reason?.code], ["interrupted", "owner_died"])
        assert.deepStrictEqual(inputs, [])
      })
    )
  )

  it.effect("a job that asks for approval is not run twice unasked", () =>
    withFiles(
      Effect.gen(function* () {
        const { run } = yield* afterDeath({ policy: { require_approval: true } })
        assert.strictEqual(run?.status, "interrupted")
      })
    )
  )
})

describe("cancelling", () => {
  it.effect("a running run stops its agent, which can clean up, and records who asked", () =>
    Effect.gen(function* () {
      const cleaned = yield* Ref.make(false)
      const agent: AgentHandler = () => Effect.onInterrupt(Effect.never, () => Ref.set(cleaned, true))
      yield* Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* create({ name: "long", every: "1h" })
        const run = yield* jobs.runNow("long", { actor: "test" })
        const ended = yield* jobs.cancelRun(run.id, "ada")
        assert.deepStrictEqual(
          [ended.status, ended.reason],
          ["cancelled", { code: "cancelled", text: "cancelled by ada" }]
        )
        assert.isTrue(yield* Ref.get(cleaned))
        assert.deepStrictEqual(
          (yield* audited({ type: "RunCancelled", limit: 10 })).map((event) => event.actor as string),
          ["ada"]
        )
        const again = yield* Effect.flip(jobs.cancelRun(run.id, "ada"))
        assert.strictEqual(again._tag, "RunEnded")
        assert.strictEqual((yield* jobs.get("long")).failure_count, 0)
        assert.strictEqual((yield* jobs.runNow("long", { actor: "test" })).status, "running")
      }).pipe(Effect.provide(engine({ agent })))
    })
  )

  it.effect("a run that waits ends it without a call of its agent; a one-shot has then failed", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "once", agent_id: "flaky", at: "1970-01-01T00:01:00Z" })
      yield* until(minute + second)
      const [waiting] = yield* runsOf("once")
      assert.strictEqual(waiting?.status, "pending")
      const ended = yield* jobs.cancelRun(waiting?.id ?? "", "test")
      assert.strictEqual(ended.status, "cancelled")
      assert.isNull(ended.next_attempt_at)
      yield* until(hour)
      assert.deepStrictEqual(yield* statusesOf("once"), ["cancelled"])
      assert.strictEqual((yield* jobs.get("once")).status, "failed")
      assert.strictEqual((yield* runsOf("once"))[0]?.attempts.length, 1)
    }).pipe(
      Effect.provide(engine({ flaky: () => Effect.fail(new AgentFailure({ kind: "transient", message: "not yet" })) }))
    )
  )

  it.effect("a one-shot's run leaves the job alone when it was given a new time meanwhile", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "moved", at: "1970-01-01T00:01:00Z" })
      yield* until(minute + 10 * second)
      yield* jobs.update("moved", { at: "1970-01-01T00:10:00Z" }, { actor: "test" })
      yield* until(2 * minute)
      assert.deepStrictEqual(
        [(yield* jobs.get("moved")).status, (yield* jobs.get("moved")).next_run],
        ["active", 10 * minute]
      )
      yield* until(12 * minute)
      assert.deepStrictEqual(yield* statusesOf("moved"), ["succeeded", "succeeded"])
      assert.strictEqual((yield* jobs.get("moved")).status, "completed")
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({ takes: "30 seconds" }) })))
  )
})
