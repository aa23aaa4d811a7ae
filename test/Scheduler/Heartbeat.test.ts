import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type { AgentHandler, Invocation } from "../../src/Agents.ts"
import { Jobs } from "../../src/Jobs.ts"
import { asksToSleep } from "../../src/Scheduler/Heartbeat.ts"
import { failure, storeInFile } from "../../src/testing.ts"
import { create, engine, minute, runsOf, until } from "../support/Engine.ts"

/** An agent that says the words in turn, one a call, and starts over; and what it was called with. */
const speaking = (...words: ReadonlyArray<string>) =>
  Effect.map(Ref.make<ReadonlyArray<Invocation>>([]), (calls) => {
    const handler: AgentHandler = (invocation) =>
      Effect.map(
        Ref.updateAndGet(calls, (before) => [...before, invocation]),
        (all) => ({
          output: words[(all.length - 1) % words.length] ?? "",
          usage: { input_tokens: 10, output_tokens: 1 }
        })
      )
    return { handler, calls: Ref.get(calls) }
  })

const wholeRun = (name: string, index = 0) =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    return yield* jobs.getRun((yield* runsOf(name))[index]?.id ?? "")
  })

describe("a heartbeat", () => {
  it.effect("assesses, acts, and ends when the agent says sleep; every iteration is on record", () =>
    Effect.gen(function* () {
      const agent = yield* speaking("load is high", "restarted it", "load is fine", "all done\nsleep")
      yield* Effect.gen(function* () {
        yield* create({ name: "monitor", every: "5m", heartbeat: { enabled: true }, delivery: ["stdout"] })
        yield* until(5 * minute)
        const run = yield* wholeRun("monitor")
        assert.deepStrictEqual(
          run.iterations.map((iteration) => [iteration.phase, iteration.summary]),
          [
            ["assess", "load is high"],
            ["act", "restarted it"],
            ["assess", "load is fine"],
            ["sleep", "all done\nsleep"]
          ]
        )
        assert.deepStrictEqual(
          [run.status, run.stop_reason, run.output, run.attempts.length],
          ["succeeded", "sleep", "all done\nsleep", 1]
        )
        assert.deepStrictEqual(run.usage, { input_tokens: 40, output_tokens: 4 })
        assert.deepStrictEqual(
          (yield* agent.calls).map((call) => call.iteration),
          [1, 2, 3, 4]
        )
        yield* until(10 * minute)
        assert.strictEqual((yield* runsOf("monitor")).length, 2)
      }).pipe(Effect.provide(engine({ agent: agent.handler })))
    })
  )

  it.effect("whose agent never sleeps stops at exactly max_iterations, and the run says so", () =>
    Effect.gen(function* () {
      const agent = yield* speaking("more to do")
      yield* Effect.gen(function* () {
        yield* create({ name: "busy", every: "5m", heartbeat: { enabled: true, max_iterations: 7 } })
        yield* create({ name: "default", every: "7m", heartbeat: { enabled: true } })
        yield* until(7 * minute)
        const run = yield* wholeRun("busy")
        assert.deepStrictEqual([run.status, run.stop_reason, run.iterations.length], ["succeeded", "max_iterations", 7])
        assert.strictEqual((yield* wholeRun("default")).iterations.length, 100)
      }).pipe(Effect.provide(engine({ agent: agent.handler })))
    })
  )

  it.effect("hands each iteration the summary of the one before, and the next beat that of the last", () =>
    Effect.gen(function* () {
      const agent = yield* speaking("one", "x".repeat(9_000), "sleep")
      yield* Effect.gen(function* () {
        yield* create({ name: "monitor", every: "1m", heartbeat: { enabled: true } })
        yield* until(2 * minute)
        const calls = yield* agent.calls
        assert.deepStrictEqual(
          calls.map((call) => call.summary?.slice(0, 5) ?? null),
          [null, "one", "xxxxx", "sleep", "one", "xxxxx"]
        )
        assert.strictEqual(calls[2]?.summary?.length, 2_000)
        assert.isTrue(calls.every((call) => call.turns.length === 0))
      }).pipe(Effect.provide(engine({ agent: agent.handler })))
    })
  )

  it.effect("in shared_persistent mode goes on with one conversation, over a restart too", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const store = storeInFile(`${yield* fs.makeTempDirectoryScoped()}/data.db`)
      const agent = yield* speaking("look", "sleep")
      const runtime = engine({ agent: agent.handler }, { store })
      const heartbeat = { enabled: true, context_mode: "shared_persistent" }
      yield* Effect.zipRight(create({ name: "debugger", every: "1m", heartbeat }), until(2 * minute)).pipe(
        Effect.provide(runtime)
      )
      yield* Effect.provide(until(3 * minute), runtime)
      assert.deepStrictEqual(
        (yield* agent.calls).map((call) => call.turns.length),
        [0, 2, 4, 6, 8, 10]
      )
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )

  it.effect("in fully_ephemeral mode carries nothing over", () =>
    Effect.gen(function* () {
      const agent = yield* speaking("look", "act", "sleep")
      yield* Effect.gen(function* () {
        const heartbeat = { enabled: true, context_mode: "fully_ephemeral" }
        yield* create({ name: "probe", every: "1m", heartbeat })
        yield* until(2 * minute)
        const contexts = (yield* agent.calls).map(({ input, summary, turns }) => ({ input, summary, turns }))
        assert.deepStrictEqual(contexts, Array(6).fill({ input: "", summary: null, turns: [] }))
      }).pipe(Effect.provide(engine({ agent: agent.handler })))
    })
  )

  it.effect("that is not enabled is a single call", () =>
    Effect.gen(function* () {
      const agent = yield* speaking("once")
      yield* Effect.gen(function* () {
        yield* create({ name: "plain", every: "1m", heartbeat: { enabled: false, max_iterations: 5 } })
        yield* until(minute)
        const run = yield* wholeRun("plain")
        assert.deepStrictEqual([run.iterations, run.stop_reason, run.output], [[], null, "once"])
        assert.isNull((yield* agent.calls)[0]?.iteration ?? null)
      }).pipe(Effect.provide(engine({ agent: agent.handler })))
    })
  )

  it.effect("that fails on its way keeps the iterations it had", () =>
    Effect.gen(function* () {
      yield* create({ name: "breaks", every: "1m", heartbeat: { enabled: true } })
      yield* until(minute)
      const run = yield* wholeRun("breaks")
      assert.strictEqual(run.status, "failed")
      assert.deepStrictEqual(
        run.iterations.map((iteration) => iteration.summary),
        ["1", "2"]
      )
    }).pipe(
      Effect.provide(
        engine({
          agent: ({ iteration }) =>
            iteration === 3 ? Effect.fail(failure("permanent", "lost it")) : Effect.succeed({ output: `${iteration}` })
        })
      )
    )
  )

  it("knows sleep when it hears it", () => {
    for (const text of ["sleep", "done\nsleep\n", '{"next":"sleep"}', 'fine\n{"next": "sleep"}', "  sleep  "]) {
      assert.isTrue(asksToSleep(text), text)
    }
    for (const text of [
      "",
      "I will sleep",
      "sleep\nnot yet",
      "sleeping",
      '{"next":"act"}',
      "null",
      '"sleep"',
      "Sleep well"
    ]) {
      assert.isFalse(asksToSleep(text), text)
    }
  })
})
