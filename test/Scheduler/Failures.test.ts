import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import type { AgentHandler } from "../../src/Agents.ts"
import { DeliveryRouter } from "../../src/Delivery.ts"
import { AgentFailure, type FailureKind } from "../../src/Domain/Agent.ts"
import { DeliveryFailure } from "../../src/Domain/Delivery.ts"
import { DurationText } from "../../src/Domain/Duration.ts"
import { Jobs } from "../../src/Jobs.ts"
import { NamedPolicies } from "../../src/PolicyGate.ts"
import { SchedulerStatus } from "../../src/Scheduler.ts"
import { Deliveries, failure, scriptedAgent } from "../../src/testing.ts"
import { audited } from "../support/Audit.ts"
import { create, engine, hour, minute, runsOf, second, statusesOf, until } from "../support/Engine.ts"

const fails = (kind: FailureKind, message = "it broke") => scriptedAgent({ fails: failure(kind, message) })

const auditTypes = Effect.map(audited({ limit: 1_000 }), (events) => events.map((event) => event.type).toReversed())

describe("failing runs", () => {
  it.effect("do not dead-letter a job that was deleted while they ran, and tell nobody that they did", () => {
    const failsLate: AgentHandler = () => Effect.delay(failure("permanent", "too late"), "30 seconds")
    return Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "gone", every: "1m", max_retries: 1, delivery: ["stdout"] })
      yield* until(minute + 10 * second)
      yield* jobs.remove("gone", "test")
      yield* until(2 * minute)
      const types = yield* auditTypes
      assert.include(types, "CronJobFailed")
      assert.notInclude(types, "CronJobDeadLettered")
      const said = (yield* (yield* Deliveries).all).map((one) => one.output)
      assert.isFalse(said.some((text) => text.includes("dead-lettered")))
    }).pipe(Effect.provide(engine({ agent: failsLate })))
  })

  it.effect("dead-letter the job exactly at the third failure in a row; nothing fires after", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "flaky", every: "1m", delivery: ["stdout"] })
      yield* until(2 * minute)
      assert.strictEqual((yield* jobs.get("flaky")).status, "active")
      assert.strictEqual((yield* jobs.get("flaky")).failure_count, 2)
      yield* until(3 * minute)
      const dead = yield* jobs.get("flaky")
      assert.deepStrictEqual([dead.status, dead.failure_count, dead.next_run], ["dead_letter", 3, null])
      yield* until(10 * minute)
      const runs = yield* runsOf("flaky")
      assert.deepStrictEqual(
        runs.map((run) => [run.status, run.error_message]),
        Array(3).fill(["failed", "no route to host"])
      )
      assert.deepStrictEqual(
        runs.map((run) => run.deliveries.map((delivery) => delivery.kind).toSorted()),
        [["output"], ["output"], ["dead_letter", "output"]]
      )
      const said = (yield* (yield* Deliveries).all).map((one) => one.output)
      assert.isTrue(said.some((text) => text.includes('Job "flaky" was dead-lettered') && text.includes("no route")))
      assert.deepStrictEqual(yield* auditTypes, [
        "CronJobCreated",
        "CronJobFailed",
        "CronJobFailed",
        "CronJobFailed",
        "CronJobDeadLettered"
      ])
      assert.deepStrictEqual(
        (yield* jobs.list({ status: "dead_letter", limit: 10 })).items.map((job) => job.name as string),
        ["flaky"]
      )
      const failed = yield* jobs.history("flaky", { status: "failed", limit: 2 })
      assert.deepStrictEqual(
        failed.items.map((run) => [run.scheduled_for, run.error_message]),
        [
          [3 * minute, "no route to host"],
          [2 * minute, "no route to host"]
        ]
      )
    }).pipe(Effect.provide(engine({ agent: fails("permanent", "no route to host") })))
  )

  it.effect("count anew after a success", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "recovers", every: "1m" })
      yield* until(3 * minute)
      assert.strictEqual((yield* jobs.get("recovers")).failure_count, 0)
      yield* until(5 * minute)
      assert.deepStrictEqual(
        [(yield* jobs.get("recovers")).status, (yield* jobs.get("recovers")).failure_count],
        ["active", 2]
      )
      yield* until(6 * minute)
      assert.strictEqual((yield* jobs.get("recovers")).status, "dead_letter")
    }).pipe(
      Effect.provide(
        engine({
          agent: scriptedAgent(
            { fails: failure("permanent", "1") },
            { fails: failure("permanent", "2") },
            {},
            { fails: failure("permanent", "3") }
          )
        })
      )
    )
  )

  it.effect("follow the job's max_retries, and the setting where the job has none", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "own", every: "1m", max_retries: 1 })
      yield* create({ name: "default", every: "1m" })
      yield* until(minute)
      assert.deepStrictEqual(
        [(yield* jobs.get("own")).status, (yield* jobs.get("default")).status],
        ["dead_letter", "active"]
      )
      yield* until(2 * minute)
      assert.strictEqual((yield* jobs.get("default")).status, "dead_letter")
    }).pipe(Effect.provide(engine({ agent: fails("permanent") }, { scheduler: { default_max_retries: 2 } })))
  )

  it.effect("are history after reset: the job is active again, its failures forgotten, its next slot ahead", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const early = yield* create({ name: "dead", every: "1m", max_retries: 2 })
      assert.strictEqual((yield* Effect.flip(jobs.reset("dead", "test")))._tag, "JobStateConflict")
      yield* until(5 * minute + 20 * second)
      const job = yield* jobs.reset("dead", "test")
      assert.deepStrictEqual([job.id, job.status, job.failure_count, job.next_run], [early.id, "active", 0, 6 * minute])
      yield* until(7 * minute)
      assert.deepStrictEqual(yield* statusesOf("dead"), ["failed", "failed", "succeeded", "succeeded"])
      assert.include(yield* auditTypes, "CronJobReset")
    }).pipe(
      Effect.provide(
        engine({ agent: scriptedAgent({ fails: failure("permanent", "1") }, { fails: failure("permanent", "2") }, {}) })
      )
    )
  )

  it.effect("of a one-shot are retried, and when they are used up it is dead-lettered at once", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "once", at: "1970-01-01T00:01:00Z" })
      yield* until(hour)
      const [run] = yield* runsOf("once")
      assert.strictEqual(run?.attempts.length, 3)
      assert.strictEqual(run?.status, "failed")
      const job = yield* jobs.get("once")
      assert.deepStrictEqual([job.status, job.failure_count], ["dead_letter", 1])
    }).pipe(Effect.provide(engine({ agent: fails("transient") })))
  )

  it.effect("by a defect in an agent are recorded, and no other job notices", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const status = yield* SchedulerStatus
      yield* create({ name: "broken", agent_id: "broken", every: "1m", retry: { attempts: 3 } })
      yield* create({ name: "thrower", agent_id: "thrower", every: "1m" })
      yield* create({ name: "good", every: "1m" })
      yield* until(3 * minute + second)
      for (const name of ["broken", "thrower"]) {
        const runs = yield* runsOf(name)
        assert.deepStrictEqual(
          runs.map((run) => [run.status, run.attempts.length]),
          Array(3).fill(["failed", 1])
        )
        assert.include(runs[0]?.error_message ?? "", `no such thing: ${name}`)
        assert.strictEqual((yield* jobs.get(name)).status, "dead_letter")
      }
      assert.deepStrictEqual(yield* statusesOf("good"), ["succeeded", "succeeded", "succeeded"])
      assert.isTrue(yield* status.loopAlive)
      assert.strictEqual(yield* status.inFlight, 0)
    }).pipe(
      Effect.provide(
        engine({
          agent: scriptedAgent({}),
          broken: () => Effect.die(new Error("no such thing: broken")),
          thrower: () => {
            throw new Error("no such thing: thrower")
          }
        })
      )
    )
  )

  it.effect("by an agent that interrupts itself are failures, not interruptions by the service", () =>
    Effect.gen(function* () {
      yield* create({ name: "quits", every: "1m" })
      yield* until(minute)
      const [run] = yield* runsOf("quits")
      assert.strictEqual(run?.status, "failed")
      assert.strictEqual(run?.error_message, "the agent interrupted itself")
    }).pipe(Effect.provide(engine({ agent: () => Effect.interrupt })))
  )

  it.effect("have a bounded error text", () =>
    Effect.gen(function* () {
      yield* create({ name: "chatty", every: "1m" })
      yield* until(minute)
      const [run] = yield* runsOf("chatty")
      assert.strictEqual(run?.error_message?.length, 2_000)
    }).pipe(Effect.provide(engine({ agent: fails("permanent", "x".repeat(50_000)) })))
  )
})

describe("attempts of one run", () => {
  it.effect("that comes to its time limit is a time-out, even if what the agent does then has a defect", () =>
    Effect.gen(function* () {
      yield* create({ name: "limited", every: "10m", max_runtime: "5s", retry: { attempts: 2, backoff: "1s" } })
      yield* until(11 * minute)
      const [run] = yield* runsOf("limited")
      assert.deepStrictEqual([run?.status, run?.attempts.length], ["timed_out", 2])
      assert.strictEqual(run?.error_message, "stopped after its max_runtime of 5s")
    }).pipe(Effect.provide(engine({ agent: () => Effect.ensuring(Effect.never, Effect.die("cleanup")) })))
  )

  it.effect("follow with growing waits, bounded by retry.attempts, and only the last failure counts", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({
        name: "patient",
        cron_expr: "0 * * * *",
        retry: { attempts: 4, backoff: "1m", factor: 3, max: "5m" }
      })
      yield* until(hour + 30 * second)
      const [waiting] = yield* runsOf("patient")
      assert.deepStrictEqual(
        [waiting?.status, waiting?.next_attempt_at, waiting?.attempts.length],
        ["pending", hour + minute, 1]
      )
      assert.strictEqual((yield* jobs.get("patient")).failure_count, 0)
      yield* until(hour + 20 * minute)
      const [run] = yield* runsOf("patient")
      assert.deepStrictEqual(
        run?.attempts.map((attempt) => [(attempt.started_at - hour) / minute, attempt.outcome, attempt.failure]),
        [0, 1, 4, 9].map((at) => [at, "failed" as const, "transient" as const])
      )
      assert.strictEqual(run?.status, "failed")
      assert.strictEqual((yield* jobs.get("patient")).failure_count, 1)
    }).pipe(Effect.provide(engine({ agent: fails("transient") })))
  )

  it.effect("end with the first success", () =>
    Effect.gen(function* () {
      yield* create({ name: "second-try", cron_expr: "0 * * * *", retry: { attempts: 4, backoff: "10s" } })
      yield* until(hour + minute)
      const [run] = yield* runsOf("second-try")
      assert.deepStrictEqual(
        [run?.status, run?.error_message, run?.attempts.map((attempt) => attempt.outcome)],
        ["succeeded", null, ["failed", "succeeded"]]
      )
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({ fails: failure("transient", "not yet") }, {}) })))
  )

  it.effect("wait as long as a rate limit asks, and never follow a permanent failure", () =>
    Effect.gen(function* () {
      const retry = { attempts: 2, backoff: "10s" }
      yield* create({ name: "limited", agent_id: "limited", cron_expr: "0 * * * *", retry })
      yield* create({ name: "hopeless", agent_id: "hopeless", cron_expr: "0 * * * *", retry })
      yield* until(hour + 10 * minute)
      const [limited] = yield* runsOf("limited")
      assert.deepStrictEqual(
        limited?.attempts.map((attempt) => attempt.started_at - hour),
        [0, 5 * minute]
      )
      assert.strictEqual((yield* runsOf("hopeless"))[0]?.attempts.length, 1)
    }).pipe(
      Effect.provide(
        engine({
          limited: scriptedAgent({
            fails: new AgentFailure({ kind: "rate_limited", message: "429", retry_after_ms: 5 * minute })
          }),
          hopeless: fails("permanent")
        })
      )
    )
  )

  it.effect("that take longer than the shortest max_runtime of their policies are stopped by it", () =>
    Effect.gen(function* () {
      const named = { policies: new Map([["org", { max_runtime: DurationText.make("5m") }]]) }
      yield* Effect.gen(function* () {
        yield* create({ name: "none", every: "1h", policy_ref: "org", policy: { max_runtime: "none" } })
        yield* create({ name: "shorter", every: "1h", policy_ref: "org", policy: { max_runtime: "1m" } })
        yield* until(hour)
        yield* TestClock.adjust(30 * minute)
        const messages = yield* Effect.forEach(["none", "shorter"], (name) =>
          Effect.map(runsOf(name), ([run]) => [run?.status, run?.error_message])
        )
        assert.deepStrictEqual(messages, [
          ["timed_out", "stopped after its max_runtime of 5m"],
          ["timed_out", "stopped after its max_runtime of 1m"]
        ])
      }).pipe(Effect.provide(engine({ agent: () => Effect.never })), Effect.provideService(NamedPolicies, named))
    })
  )

  it.effect("that take longer than max_runtime are stopped: timed_out, cleaned up, the next slot free", () =>
    Effect.gen(function* () {
      const cleaned = yield* Ref.make(0)
      const agent: AgentHandler = () => Effect.never.pipe(Effect.onInterrupt(() => Ref.update(cleaned, (n) => n + 1)))
      yield* Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* create({ name: "stuck", every: "1m", policy: { max_runtime: "40s" } })
        yield* create({ name: "by-default", every: "1m" })
        yield* until(2 * minute + 50 * second)
        const runs = yield* runsOf("stuck")
        assert.deepStrictEqual(
          runs.map((run) => [run.status, run.execution_time_ms]),
          Array(2).fill(["timed_out", 40 * second])
        )
        assert.include(runs[0]?.error_message ?? "", "max_runtime of 40s")
        assert.strictEqual((yield* jobs.get("stuck")).failure_count, 2)
        assert.deepStrictEqual(yield* statusesOf("by-default"), ["timed_out", "timed_out"])
        assert.strictEqual(yield* Ref.get(cleaned), 4)
      }).pipe(Effect.provide(engine({ agent }, { scheduler: { default_max_runtime: "45s" } })))
    })
  )
})

describe("a delivery that fails", () => {
  it.effect("is visible on the run, which stays succeeded, and stops no other channel", () =>
    Effect.gen(function* () {
      const heard = yield* Ref.make<ReadonlyArray<string>>([])
      const router = Layer.succeed(
        DeliveryRouter,
        DeliveryRouter.of({
          route: (channel, job, run, output) =>
            channel === "webhook"
              ? new DeliveryFailure({ channel, message: "410 Gone", permanent: true })
              : Ref.update(heard, (before) => [...before, `${channel} ${job.name} ${run.status} ${output}`])
        })
      )
      yield* Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* create({
          name: "told",
          every: "1m",
          delivery: ["webhook", "stdout", "custom:pager"],
          webhook_url: "https://example.com"
        })
        yield* until(minute + second)
        const [run] = yield* runsOf("told")
        assert.strictEqual(run?.status, "succeeded")
        assert.deepStrictEqual(run?.deliveries.map((one) => [one.channel as string, one.state, one.error]).toSorted(), [
          ["custom:pager", "delivered", null],
          ["log_file", "delivered", null],
          ["stdout", "delivered", null],
          ["webhook", "failed", "410 Gone"]
        ])
        const [pager, alert, stdout] = (yield* Ref.get(heard)).toSorted()
        assert.deepStrictEqual([pager, stdout], ["custom:pager told succeeded report", "stdout told succeeded report"])
        assert.match(
          alert ?? "",
          /^log_file .* did not reach webhook example.com: it was refused\.\nAttempts: 1\nReason: 410 Gone/
        )
        assert.strictEqual((yield* jobs.get("told")).failure_count, 0)
      }).pipe(Effect.provide(engine({ agent: scriptedAgent({ answers: "report" }) }, { router })))
    })
  )
})
