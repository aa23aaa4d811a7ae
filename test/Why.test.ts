import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { Approvals } from "../src/Approvals.ts"
import { DeliveryRouter } from "../src/Delivery.ts"
import { DeliveryFailure } from "../src/Domain/Delivery.ts"
import { Jobs } from "../src/Jobs.ts"
import { failure, scriptedAgent } from "../src/testing.ts"
import { Explanations } from "../src/Why.ts"
import { create, engine, hour, minute, runsOf, until } from "./support/Engine.ts"

const agents = {
  agent: scriptedAgent({ answers: "fine" }),
  slow: scriptedAgent({ takes: "90 minutes" }),
  broken: scriptedAgent({ fails: failure("permanent", "it exited with code 3") })
}

const why = (job: string, at?: string) => Effect.flatMap(Explanations, (explanations) => explanations.job(job, at))

const answer = (job: string, at?: string) => Effect.map(why(job, at), (found) => found.answer)

const refusing = Layer.succeed(DeliveryRouter, {
  route: (channel) => new DeliveryFailure({ channel, message: "no such host", permanent: true })
})

describe("why", () => {
  it.effect("says how a slot ended, what the gate was told, and what happened on the way", () =>
    Effect.gen(function* () {
      yield* create({ name: "good", every: "1h", delivery: ["stdout"] })
      yield* until(hour)
      const found = yield* why("good")
      assert.strictEqual(found.answer, "It ran and succeeded in 0s. It started at 1970-01-01T01:00:00Z. Delivered.")
      assert.strictEqual(found.run?.status, "succeeded")
      assert.deepStrictEqual(
        found.events.map(({ what }) => what),
        [
          "due by its schedule",
          "the policy gate allowed the run (environment development)",
          "attempt 1 started",
          "attempt 1 succeeded",
          "output to stdout delivered"
        ]
      )
      assert.deepInclude(found.evaluations[0], { decision: { _tag: "Allow" }, environment: "development" })
      assert.deepStrictEqual(found.next_steps, [])
      assert.deepStrictEqual(yield* why("good", "1970-01-01T01:00:00Z"), found)
      const [run] = yield* runsOf("good")
      assert.deepStrictEqual(yield* (yield* Explanations).run(run?.id ?? ""), found)
    }).pipe(Effect.provide(engine(agents)))
  )

  it.effect("says why a run failed, was denied, skipped, or waits, and what to do", () =>
    Effect.gen(function* () {
      const approvals = yield* Approvals
      yield* create({ name: "bad", agent_id: "broken", every: "1h" })
      yield* create({ name: "lost", agent_id: "nobody", every: "1h" })
      yield* create({ name: "late", every: "1h", policy: { allowed_hours: { start: "20:00", end: "22:00" } } })
      yield* create({ name: "busy", agent_id: "slow", every: "1h" })
      yield* create({ name: "asks", every: "1h", policy: { require_approval: true, approval_timeout: "30m" } })
      yield* until(2 * hour)
      assert.include(yield* answer("bad"), "It ran and failed: it exited with code 3.")
      assert.deepStrictEqual((yield* why("bad")).next_steps, ["when the cause is fixed: symbi cron run bad"])
      assert.strictEqual(
        yield* answer("lost"),
        'It did not run, as it was denied: no agent named "nobody" is loaded (unknown_agent).'
      )
      assert.include((yield* why("lost")).next_steps[0] ?? "", "load an agent named nobody")
      assert.strictEqual(
        yield* answer("late"),
        "It did not run, as it was denied: it is 02:00 UTC; allowed from 20:00 until before 22:00 UTC (allowed_hours)."
      )
      assert.include(
        yield* answer("busy", "1970-01-01T01:00:00Z"),
        "It is running. It started at 1970-01-01T01:00:00Z."
      )
      assert.include(yield* answer("busy", "1970-01-01T02:00:00Z"), "It did not run, as its slot was skipped:")
      const asks = yield* why("asks")
      assert.strictEqual(
        asks.answer,
        "It waits for approval until 1970-01-01T02:30:00Z; without a decision it is denied."
      )
      assert.deepStrictEqual(asks.next_steps, [
        `symbi approvals approve ${asks.approval?.id}`,
        `symbi approvals deny ${asks.approval?.id} --reason "..."`
      ])
      assert.include(yield* answer("asks", "1970-01-01T01:00:00Z"), "nobody decided by 1970-01-01T01:30:00Z")
      yield* TestClock.adjust(20 * minute)
      yield* approvals.approve(asks.approval?.id ?? "", { actor: "key_ada", name: "ada" }, "go")
      yield* TestClock.adjust(1)
      const approved = yield* why("asks", "1970-01-01T02:00:00Z")
      assert.strictEqual(
        approved.answer,
        "It ran and succeeded in 0s. It started at 1970-01-01T02:20:00Z, 20m after its slot (it waited for an approval)."
      )
      assert.deepStrictEqual(
        approved.events.map(({ what }) => what),
        [
          "due by its schedule",
          "the policy gate asked for an approval (environment development)",
          "approval asked for",
          "approval approved by key_ada: go",
          "the policy gate allowed the run (environment development, approved by key_ada)",
          "attempt 1 started",
          "attempt 1 succeeded"
        ]
      )
    }).pipe(Effect.provide(engine(agents)))
  )

  it.effect("says what was not delivered", () =>
    Effect.gen(function* () {
      yield* create({ name: "mute", every: "1h", delivery: ["stdout"] })
      yield* until(hour)
      const found = yield* why("mute")
      assert.match(found.answer, /succeeded .* Not delivered: stdout \(no such host\)\.$/)
      assert.lengthOf(found.next_steps, 1)
    }).pipe(Effect.provide(engine(agents, { router: refusing })))
  )

  it.effect("says why there is no run: before the job, paused, changed, no slot, or still to come", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* until(10 * hour)
      yield* create({ name: "job", cron_expr: "0 * * * *" })
      yield* until(11 * hour + minute)
      yield* jobs.pause("job", "key_eve")
      yield* until(13 * hour + minute)
      yield* jobs.resume("job", "cli")
      yield* until(14 * hour)
      yield* TestClock.adjust(minute)
      assert.strictEqual(
        yield* answer("job", "1970-01-01T05:00:00Z"),
        "Nothing ran at 1970-01-01T05:00:00Z: the job was made later, at 1970-01-01T10:00:00Z."
      )
      assert.strictEqual(
        yield* answer("job", "1970-01-01T12:00:00Z"),
        "Nothing ran at 1970-01-01T12:00:00Z: the job was paused (by key_eve, at 1970-01-01T11:01:00Z); slots of that time are not replayed."
      )
      assert.strictEqual(
        yield* answer("job", "1970-01-01T13:45:00Z"),
        "1970-01-01T13:45:00Z is no slot of Every hour (UTC); the slot before it is 1970-01-01T13:00:00Z, the next one 1970-01-01T14:00:00Z."
      )
      assert.strictEqual(
        yield* answer("job", "1970-01-01T16:00:00Z"),
        "1970-01-01T16:00:00Z is a slot, and it is not due yet."
      )
      assert.strictEqual((yield* why("job", "1970-01-01T14:00")).run?.status, "succeeded", "read in the job's zone")
      yield* jobs.update("job", { cron_expr: "30 * * * *" }, { actor: "key_eve" })
      assert.include(
        yield* answer("job", "1970-01-01T13:30:00Z"),
        "Nothing was due at 1970-01-01T13:30:00Z by the schedule of that time; it was changed at 1970-01-01T14:01:00Z by key_eve. By the present one, 1970-01-01T13:30:00Z is a slot."
      )
      const events = (yield* why("job", "1970-01-01T12:00:00Z")).events
      assert.deepStrictEqual(
        events.map(({ what }) => what),
        ["CronJobCreated by test", "CronJobPaused by key_eve", "CronJobResumed by cli", "CronJobUpdated by key_eve"]
      )
      // To the second where it is written so; by the minute otherwise.
      assert.isNull((yield* why("job", "1970-01-01T13:59:30Z")).run)
      const unread = yield* Effect.flip(why("job", "noon"))
      assert.strictEqual(unread._tag, "WhyInvalid")
      assert.strictEqual((yield* Effect.flip(why("nobody")))._tag, "JobNotFound")
    }).pipe(Effect.provide(engine(agents)))
  )
})
