import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Ref from "effect/Ref"
import type { AgentHandler } from "../../src/Agents.ts"
import { DurationText } from "../../src/Domain/Duration.ts"
import { Jobs } from "../../src/Jobs.ts"
import { asleepUntil, quietUntil } from "../../src/Scheduler/Quiet.ts"
import { storeInFile } from "../../src/testing.ts"
import { Explanations } from "../../src/Why.ts"
import { jobNamed } from "../Delivery/fixtures.ts"
import { create, engine, hour, minute, runsOf, second, statusesOf, until } from "../support/Engine.ts"

const backoff = { after: 2, factor: 2, max: DurationText.make("10m") }

/** Slots, in minutes, that woke the agent; all slots have a row. */
const wokeAt = (name: string) =>
  Effect.map(runsOf(name), (runs) => {
    const slots = runs.filter(({ trigger }) => trigger === "schedule")
    assert.deepStrictEqual(
      slots.map((run) => run.scheduled_for),
      slots.map((_, n) => (n + 1) * minute),
      "every slot has one row"
    )
    for (const run of slots) assert.include(["succeeded", "failed", "skipped"], run.status)
    for (const run of slots.filter(({ status }) => status === "skipped")) {
      assert.strictEqual(run.reason?.code, "backoff")
      assert.isNull(run.started_at)
    }
    return slots.filter(({ status }) => status !== "skipped").map((run) => run.scheduled_for / minute)
  })

const allClear: AgentHandler = () => Effect.succeed({ output: "sleep", usage: { input_tokens: 7, output_tokens: 1 } })

/** An agent that says what it is told to. */
const obeying = (first: string) =>
  Effect.map(Ref.make(first), (word) => ({
    say: (next: string) => Ref.set(word, next),
    handler: (() =>
      Effect.flatMap(Ref.get(word), (output) =>
        output === "fail" ? Effect.die("asked to") : Effect.succeed({ output })
      )) satisfies AgentHandler
  }))

describe("adaptive back-off of a heartbeat", () => {
  it.effect("is off unless asked for", () =>
    Effect.gen(function* () {
      yield* create({ name: "plain", every: "1m", heartbeat: { enabled: true } })
      yield* until(12 * minute)
      assert.deepStrictEqual(yield* statusesOf("plain"), Array(12).fill("succeeded"))
    }).pipe(Effect.provide(engine({ agent: allClear })))
  )

  it.effect("lengthens the sleep after so many all-clears, up to its maximum; slots slept through say why", () =>
    Effect.gen(function* () {
      yield* create({ name: "quiet", every: "1m", heartbeat: { enabled: true, backoff } })
      yield* until(40 * minute)
      assert.deepStrictEqual(yield* wokeAt("quiet"), [1, 2, 4, 8, 16, 26, 36])
      const { next_run, quiet_until } = yield* (yield* Jobs).get("quiet")
      assert.deepStrictEqual([next_run, quiet_until], [41 * minute, 46 * minute])
      const runs = yield* runsOf("quiet")
      assert.deepStrictEqual(runs[8]?.reason, {
        code: "backoff",
        text: "nothing to do 4 times in a row: its heartbeat sleeps until 1970-01-01T00:16:00Z"
      })
      assert.deepStrictEqual(runs[8]?.saved, { input_tokens: 7, output_tokens: 1 })
      const explanations = yield* Explanations
      const slept = yield* explanations.job("quiet", "1970-01-01T00:09:00Z")
      assert.include(slept.answer, "its slot was skipped: nothing to do 4 times in a row")
      assert.include(slept.next_steps.join(), "symbi cron run quiet")
      const ahead = yield* explanations.job("quiet", "1970-01-01T00:42:00Z")
      assert.include(ahead.answer, "will be slept through: nothing to do 7 times in a row")
      assert.include((yield* explanations.job("quiet", "1970-01-01T00:46:00Z")).answer, "not due yet")
    }).pipe(Effect.provide(engine({ agent: allClear })))
  )

  for (const [what, wakes] of Object.entries({
    "a beat that finds something to do": (say: (text: string) => Effect.Effect<void>) =>
      Effect.gen(function* () {
        yield* say("look\n")
        yield* until(9 * minute)
        yield* say("sleep")
      }),
    "a failure": (say: (text: string) => Effect.Effect<void>) =>
      Effect.gen(function* () {
        yield* say("fail")
        yield* until(9 * minute)
        yield* say("sleep")
      })
  })) {
    it.effect(`ends with ${what}`, () =>
      Effect.gen(function* () {
        const agent = yield* obeying("sleep")
        yield* Effect.gen(function* () {
          const heartbeat = { enabled: true, backoff, max_iterations: 3 }
          yield* create({ name: "woken", every: "1m", heartbeat, max_retries: 100 })
          yield* until(5 * minute)
          yield* wakes(agent.say)
          yield* until(16 * minute)
          // 8 and 9 are no all-clear; of 10 and 11 the second lengthens the sleep again.
          assert.deepStrictEqual(yield* wokeAt("woken"), [1, 2, 4, 8, 9, 10, 11, 13])
        }).pipe(Effect.provide(engine({ agent: agent.handler })))
      })
    )
  }

  it.effect("ends with a run by hand, an edit, and a pause", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      for (const name of ["by-hand", "edited", "paused"]) {
        yield* create({ name, every: "1m", heartbeat: { enabled: true, backoff } })
      }
      yield* until(8 * minute + 1)
      yield* jobs.runNow("by-hand", { actor: "test" })
      yield* jobs.update("edited", { input: "look closer" }, { actor: "test" })
      yield* jobs.pause("paused", "test")
      yield* jobs.resume("paused", "test")
      yield* until(12 * minute)
      for (const name of ["by-hand", "edited", "paused"]) {
        assert.deepStrictEqual(yield* wokeAt(name), [1, 2, 4, 8, 9, 10, 12], name)
      }
    }).pipe(Effect.provide(engine({ agent: allClear })))
  )

  it.effect("counts no beat that used a tool", () =>
    Effect.gen(function* () {
      yield* create({ name: "tools", every: "1m", heartbeat: { enabled: true, backoff } })
      yield* until(6 * minute)
      assert.deepStrictEqual(yield* wokeAt("tools"), [1, 2, 3, 4, 5, 6])
    }).pipe(
      Effect.provide(
        engine({
          agent: ({ toolCalled }) =>
            Effect.as(toolCalled({ name: "ls", arguments: "{}", result_bytes: 0, duration_ms: 1 }), { output: "sleep" })
        })
      )
    )
  )

  it.effect("over an outage leaves one row for what was to be slept through, and catches up on the rest", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const store = storeInFile(`${yield* fs.makeTempDirectoryScoped()}/data.db`)
      const runtime = engine({ agent: allClear }, { store })
      const heartbeat = { enabled: true, backoff }
      yield* Effect.zipRight(create({ name: "late", every: "1m", heartbeat }), until(9 * minute)).pipe(
        Effect.provide(runtime)
      )
      // The sleep that began at 8 was to end at 16.
      yield* until(24 * minute + 30 * second)
      yield* Effect.gen(function* () {
        yield* until(24 * minute + 31 * second)
        assert.deepStrictEqual(
          (yield* runsOf("late"))
            .slice(9)
            .map((run) => [
              run.scheduled_for / minute,
              `${run.trigger} ${run.status} ${run.reason?.code}`,
              run.missed_count,
              (run.missed_to ?? 0) / minute
            ]),
          [
            [10, "schedule missed backoff", 6, 15],
            [16, "schedule missed misfire", 7, 22],
            [23, "catch_up succeeded undefined", null, 0],
            [24, "schedule skipped concurrency", null, 0]
          ]
        )
        const told = yield* Effect.flatMap(Explanations, ({ job }) => job("late", "1970-01-01T00:12:00Z"))
        assert.include(told.answer, "was missed: nothing to do 4 times in a row")
      }).pipe(Effect.provide(runtime))
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )

  it("sleeps the interval times the factor, never longer than its maximum, whatever the clock does", () => {
    const { every: _, ...named } = jobNamed("quiet")
    const job = { ...named, cron_expr: "*/5 * * * *", heartbeat: { enabled: true, backoff: {} } }
    const until = (n: number) => quietUntil({}, n, job, 0, "UTC")
    assert.deepStrictEqual([2, 3, 4, 5, 6, 7, 1_000].map(until), [
      null,
      10 * minute,
      20 * minute,
      40 * minute,
      hour,
      hour,
      hour
    ])
    FastCheck.assert(
      FastCheck.property(FastCheck.integer({ min: -2 * hour, max: 2 * hour }), (now) => {
        const asleep = asleepUntil({ ...job, quiet_until: hour }, now)
        if (asleep !== null) assert.isAtMost(asleep - now, hour)
        assert.strictEqual(asleep === null, now < 0)
      })
    )
  })
})
