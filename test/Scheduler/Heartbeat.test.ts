import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import type { AgentHandler, Invocation } from "../../src/Agents.ts"
import { why } from "../../src/Cli/Show.ts"
import { JobStore } from "../../src/JobStore.ts"
import { Jobs } from "../../src/Jobs.ts"
import { instructionOf } from "../../src/Scheduler/Heartbeat.ts"
import { failure, storeInFile, storeInMemory } from "../../src/testing.ts"
import { Explanations } from "../../src/Why.ts"
import { create, engine, minute, runsOf, second, statusesOf, until } from "../support/Engine.ts"

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
          [null, "one", "xxxxx", "xxxxx", "one", "xxxxx"]
        )
        assert.strictEqual(calls[2]?.summary?.length, 2_000)
        assert.isTrue(calls.every((call) => call.turns.length === 0))
      }).pipe(Effect.provide(engine({ agent: agent.handler })))
    })
  )

  it.effect("keeps its summary where an answer is nothing but an instruction, within a beat and over beats", () =>
    Effect.gen(function* () {
      const agent = yield* speaking(
        "sleep",
        '{"next":"act"}',
        '{"next":"sleep","summary":"disk at 91%"}',
        '```json\n{"next": "sleep"}\n```',
        "sleep",
        "all is well",
        "sleep",
        "sleep"
      )
      yield* Effect.gen(function* () {
        yield* create({ name: "monitor", every: "1m", heartbeat: { enabled: true } })
        yield* until(6 * minute)
        assert.deepStrictEqual(
          (yield* agent.calls).map((call) => call.summary),
          [null, null, null, "disk at 91%", "disk at 91%", "disk at 91%", "all is well", "all is well"]
        )
        assert.strictEqual((yield* wholeRun("monitor", 5)).output, "sleep")
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
        ["1", "2", ""]
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

  it.effect("goes where the answer says, alternates where it says nothing, and tells the agent", () =>
    Effect.gen(function* () {
      const agent = yield* speaking(
        '{"next":"assess","summary":"looked"}',
        '{"next":"act"}',
        "acted",
        '{"next":"assess","extra":1}',
        'done\n{"next": "sleep", "summary": "all is well"}'
      )
      yield* Effect.gen(function* () {
        yield* create({ name: "told", every: "1m", heartbeat: { enabled: true } })
        yield* until(minute)
        const run = yield* wholeRun("told")
        assert.deepStrictEqual(
          run.iterations.map(({ phase, summary }) => [phase, summary]),
          [
            ["assess", "looked"],
            ["assess", '{"next":"act"}'],
            ["act", "acted"],
            ["assess", '{"next":"assess","extra":1}'],
            ["sleep", "all is well"]
          ]
        )
        const calls = yield* agent.calls
        assert.deepStrictEqual(
          calls.map(({ phase }) => phase),
          ["assess", "assess", "act", "assess", "act"]
        )
        assert.deepStrictEqual(calls[1]?.summary, "looked")
        assert.deepStrictEqual(
          run.iterations.map(({ context_bytes }) => context_bytes),
          calls.map(({ summary }) => (summary ?? "").length)
        )
        yield* until(2 * minute)
        assert.strictEqual((yield* agent.calls)[5]?.summary, "all is well")
      }).pipe(Effect.provide(engine({ agent: agent.handler })))
    })
  )

  it.effect("that is stopped at max_iterations is told so in history and by why (row 69)", () =>
    Effect.gen(function* () {
      const explanations = yield* Explanations
      yield* create({ name: "busy", every: "5m", heartbeat: { enabled: true, max_iterations: 2 } })
      yield* until(5 * minute)
      const [run] = yield* runsOf("busy")
      assert.strictEqual(run?.stop_reason, "max_iterations")
      assert.strictEqual(run === undefined ? "" : why(run), "stopped at max_iterations")
      const told = yield* explanations.job("busy", undefined)
      assert.include(told.answer, "stopped after 2 iterations (max_iterations)")
      assert.include(told.next_steps.join(), "heartbeat.max_iterations")
      assert.include(told.events.map(({ what }) => what).join("\n"), "bytes of context in 2 iterations")
    }).pipe(Effect.provide(engine({ agent: () => Effect.succeed({ output: "more" }) })))
  )

  it.effect("that breaks off keeps the conversation up to its last whole iteration", () =>
    Effect.gen(function* () {
      const store = yield* JobStore
      const jobs = yield* Jobs
      const heartbeat = { enabled: true, context_mode: "shared_persistent" }
      const told = ["1", "2"].flatMap((text) => [
        { role: "user" as const, text: "go" },
        { role: "assistant" as const, text }
      ])
      for (const name of ["fails", "slow", "stopped"]) {
        const job = yield* create({ name, agent_id: name, every: "1h", heartbeat, input: "go", max_runtime: "1m" })
        const run = yield* jobs.runNow(name, { actor: "test" })
        if (name === "stopped") {
          yield* Effect.repeat(Effect.zipRight(TestClock.adjust("1 second"), jobs.getRun(run.id)), {
            until: ({ iterations }) => iterations.length > 0
          })
          yield* jobs.cancelRun(run.id, "test")
        } else {
          yield* TestClock.adjust("2 minutes")
        }
        assert.strictEqual((yield* store.findSession(job.id))?.turns.length, told.length, name)
        assert.deepStrictEqual((yield* store.findSession(job.id))?.turns, told, name)
        assert.strictEqual((yield* jobs.getRun(run.id)).iterations.length, 3, name)
      }
      assert.deepStrictEqual((yield* Effect.forEach(["fails", "slow", "stopped"], statusesOf)).flat(), [
        "failed",
        "timed_out",
        "cancelled"
      ])
    }).pipe(
      Effect.provide(
        engine({
          fails: ({ iteration }) =>
            iteration === 3 ? Effect.fail(failure("permanent", "lost it")) : Effect.succeed({ output: `${iteration}` }),
          slow: ({ iteration }) => (iteration === 3 ? Effect.never : Effect.succeed({ output: `${iteration}` })),
          stopped: ({ iteration }) => (iteration === 3 ? Effect.never : Effect.succeed({ output: `${iteration}` }))
        })
      )
    )
  )

  it.effect("of very many quick iterations is written once a second while it runs, and whole at its end", () =>
    Effect.gen(function* () {
      const writes = yield* Ref.make<ReadonlyArray<number | null>>([])
      const store = Layer.map(storeInMemory, (context) => {
        const inner = Context.get(context, JobStore)
        return Context.add(context, JobStore, {
          ...inner,
          progress: (ref, so_far) =>
            Effect.zipRight(
              Ref.update(writes, (before) => [...before, so_far.iteration_count]),
              inner.progress(ref, so_far)
            )
        })
      }).pipe(Layer.orDie)
      const agent: AgentHandler = ({ iteration }) =>
        Effect.succeed({ output: "more" }).pipe(Effect.delay(iteration === 1_000 ? "1500 millis" : 0))
      yield* Effect.gen(function* () {
        yield* create({ name: "busy", every: "1m", heartbeat: { enabled: true, max_iterations: 2_000 } })
        yield* until(minute + 10 * second)
        assert.strictEqual((yield* wholeRun("busy")).iteration_count, 2_000)
        assert.deepStrictEqual(yield* Ref.get(writes), [999])
      }).pipe(Effect.provide(engine({ agent }, { store })))
    })
  )

  it("knows what an answer asks for when it hears it", () => {
    const sleep = { next: "sleep" as const }
    for (const [text, asked] of [
      ["sleep", sleep],
      ["done\nsleep\n", sleep],
      ["  sleep  ", sleep],
      ['{"next":"sleep"}', sleep],
      ['fine\n{"next": "sleep"}', sleep],
      ['{\n  "next": "sleep"\n}', sleep],
      ['fine\n```json\n{"next":"sleep"}\n```', sleep],
      ['```\n{\n"next":"act",\n"summary":"x"}\n```\n', { next: "act", summary: "x" }],
      ['so:\n`{"next":"assess"}`', { next: "assess" }]
    ] as const) {
      assert.deepStrictEqual(instructionOf(text), asked, text)
    }
    for (const text of [
      "",
      "I will sleep",
      "sleep\nnot yet",
      "sleeping",
      "null",
      '"sleep"',
      "Sleep well",
      '{"next":"sleep","why":"nothing to do"}',
      '{"next":"nap"}',
      '{"next":1}',
      '{"next":"sleep","summary":1}',
      '{"summary":"x"}',
      '[{"next":"sleep"}]',
      '{"next":"sleep"}\nor not',
      "```",
      "``````",
      '```{"next":"sleep"}```\nno'
    ]) {
      assert.isNull(instructionOf(text), text)
    }
  })
})
