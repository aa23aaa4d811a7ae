import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { runModel } from "../../src/Agents/Model.ts"
import type { ModelRequest, Models, ToolUse } from "../../src/Agents/Models.ts"
import { makeTools } from "../../src/Agents/Tools.ts"
import type { Invocation } from "../../src/Agents.ts"
import { AgentFailure, type ModelAgent, type Usage } from "../../src/Domain/Agent.ts"
import type { ToolCall } from "../../src/Domain/Run.ts"
import { invocation } from "./fixtures.ts"
import { modelAgent, toolService, useOf } from "./toolFixtures.ts"

/** What the model answers to one call. */
interface Step {
  /** The pieces in which the text comes. */
  readonly text?: ReadonlyArray<string>
  readonly uses?: ReadonlyArray<ToolUse>
  readonly fails?: AgentFailure
}

/** Models that answer by a script, and keep what they were asked. */
const scripted = (steps: ReadonlyArray<Step>, costPerToken?: number) => {
  const asked: Array<ModelRequest> = []
  const models: Models = {
    find: () =>
      Either.right({
        provider: "test",
        model: "test-model",
        costOf: ({ input_tokens, output_tokens }) =>
          costPerToken === undefined ? undefined : (input_tokens + output_tokens) * costPerToken,
        answer: (request, events) =>
          Effect.gen(function* () {
            const { fails, text = [], uses = [] } = steps[asked.length] ?? {}
            asked.push(request)
            for (const piece of text) yield* events.text(piece)
            yield* events.usage({ input_tokens: 10, output_tokens: 2 })
            if (fails !== undefined) return yield* fails
            return { text: text.join(""), uses }
          })
      })
  }
  return { asked, models }
}

const run = (agent: ModelAgent, models: Models, change: Partial<Invocation> = {}) =>
  Effect.gen(function* () {
    const told: { log: Array<string>; calls: Array<ToolCall>; reserved: Array<Usage>; spent: Array<Usage> } = {
      log: [],
      calls: [],
      reserved: [],
      spent: []
    }
    const keep =
      <A>(list: Array<A>) =>
      (one: A) =>
        Effect.sync(() => void list.push(one))
    const asked = invocation({
      log: keep(told.log),
      toolCalled: keep(told.calls),
      reserve: keep(told.reserved),
      spent: keep(told.spent),
      ...change
    })
    const tools = yield* makeTools
    const result = yield* Effect.either(runModel(agent, asked, { models, tools }))
    return { result, ...told }
  }).pipe(Effect.scoped, Effect.provide(toolService()))

const outputOf = ({ result }: Effect.Effect.Success<ReturnType<typeof run>>) => Either.getOrThrow(result).output

const failureOf = <A>(result: Either.Either<A, AgentFailure>): AgentFailure =>
  Either.isLeft(result) ? result.left : assert.fail("it did not fail")

const printing = {
  tools: {
    print: { command: ["printf", "got %s", "{word}"], parameters: { word: { pattern: "[a-z]+" } } }
  }
}

describe("runModel", () => {
  it.effect("sends prompt and input, and takes the answer as output", () =>
    Effect.gen(function* () {
      const { asked, models } = scripted([{ text: ["Good ", "morning\nto ", "you"] }])
      const done = yield* run(
        modelAgent({ system_prompt: "Be kind.", temperature: 0.5, max_tokens: 100, timeout: "9s" }),
        models,
        { input: "Hello" }
      )
      assert.deepStrictEqual(Either.getOrThrow(done.result), { output: "Good morning\nto you" })
      assert.deepStrictEqual(asked, [
        {
          system: "Be kind.",
          messages: [{ role: "user", text: "Hello" }],
          tools: [],
          temperature: 0.5,
          max_tokens: 100,
          timeout: 9_000
        }
      ])
      assert.deepStrictEqual(done.log, ["Good morning\n", "to you\n"])
      assert.deepStrictEqual(done.spent, [{ input_tokens: 10, output_tokens: 2 }])
    })
  )

  it.effect("gives the summary of before under a heading, after the turns", () =>
    Effect.gen(function* () {
      const { asked, models } = scripted([{ text: ["x"] }])
      yield* run(modelAgent(), models, {
        input: "Go on",
        summary: "All was well.",
        turns: [
          { role: "assistant", text: "cut off from its question" },
          { role: "user", text: "" },
          { role: "user", text: "one" },
          { role: "assistant", text: "two" }
        ]
      })
      assert.deepStrictEqual(asked[0]?.messages, [
        { role: "user", text: "(nothing)\n\none" },
        { role: "assistant", text: "two", uses: [] },
        { role: "user", text: "Summary of what was before:\nAll was well.\n\nGo on" }
      ])
      assert.isUndefined(asked[0]?.system)
    })
  )

  it.effect("explains the protocol to the model of a heartbeat, and reads its summary", () =>
    Effect.gen(function* () {
      const { asked, models } = scripted([{ text: ['Looked.\n{"next":"act","summary":"disk at 91%"}'] }])
      const done = yield* run(modelAgent({ system_prompt: "Watch." }), models, { iteration: 3 })
      assert.match(asked[0]?.system ?? "", /^Watch\.\n\nYou are called in a loop[\s\S]*\{"next":"sleep"\}/)
      assert.deepStrictEqual(asked[0]?.messages, [{ role: "user", text: "Beat, iteration 3." }])
      assert.strictEqual(Either.getOrThrow(done.result).summary, "disk at 91%")
    })
  )

  it.effect("runs the tools that are asked for, and gives back what they gave, until none is", () =>
    Effect.gen(function* () {
      const first = { ...useOf("print", { word: "one" }), id: "a" }
      const second = { ...useOf("print", { word: "-x" }), id: "b" }
      const third = { ...useOf("nope", "no json"), id: "c" }
      const { asked, models } = scripted([
        { text: ["Let me see."], uses: [first, second, third] },
        { uses: [{ ...first, id: "d" }] },
        { text: ["Done."] }
      ])
      const done = yield* run(modelAgent(printing), models, { input: "Go" })
      assert.strictEqual(outputOf(done), "Done.")
      assert.strictEqual(asked.length, 3)
      assert.deepStrictEqual(asked[1]?.messages, [
        { role: "user", text: "Go" },
        { role: "assistant", text: "Let me see.", uses: [first, second, third] },
        {
          role: "tool",
          results: [
            { id: "a", name: "print", text: "got one", failed: false },
            { id: "b", name: "print", text: '"word" must not begin with a minus sign', failed: true },
            { id: "c", name: "nope", text: "there is no such tool; there are print", failed: true }
          ]
        }
      ])
      assert.deepStrictEqual(
        asked.map(({ tools }) => tools.map(({ name }) => name)),
        [["print"], ["print"], ["print"]]
      )
      assert.deepStrictEqual(
        done.calls.map(({ error, name }) => [name, error === undefined]),
        [
          ["print", true],
          ["print", false],
          ["nope", false],
          ["print", true]
        ]
      )
      assert.match(done.log.join(""), /^Let me see\.\n\[tool print [^\n]*\n\[tool print [^\n]*\n\[tool nope [^\n]*\n/)
    })
  )

  it.effect("reserves before each call what it may take, results of tools included", () =>
    Effect.gen(function* () {
      const { models } = scripted([{ uses: [useOf("print", { word: "a".repeat(300) })] }, { text: ["x"] }], 0.001)
      const { reserved } = yield* run(
        modelAgent({ ...printing, system_prompt: "é".repeat(150), max_tokens: 50 }),
        models,
        {
          input: "b".repeat(300)
        }
      )
      const [before, after] = reserved
      assert.strictEqual(reserved.length, 2)
      assert.strictEqual(before?.output_tokens, 50)
      assert.isTrue((before?.input_tokens ?? 0) >= 200)
      assert.isTrue((after?.input_tokens ?? 0) >= (before?.input_tokens ?? 0) + 200)
      assert.strictEqual(before?.cost_usd, ((before?.input_tokens ?? 0) + 50) * 0.001)
    })
  )

  it.effect("calls nothing that a budget does not allow", () =>
    Effect.gen(function* () {
      const { asked, models } = scripted([{ text: ["x"] }])
      const broke = new AgentFailure({ kind: "budget", message: "the day's budget is spent" })
      const { result } = yield* run(modelAgent(), models, { reserve: () => broke })
      assert.strictEqual(failureOf(result).message, "the day's budget is spent")
      assert.strictEqual(asked.length, 0)
    })
  )

  it.effect("fails as the model does, with what was spent told", () =>
    Effect.gen(function* () {
      const cut = new AgentFailure({ kind: "transient", message: "the answer was cut", output: "half" })
      const done = yield* run(modelAgent(), scripted([{ text: ["ha", "lf"], fails: cut }]).models)
      const { kind, message, output } = failureOf(done.result)
      assert.deepStrictEqual([kind, message, output], ["transient", "the answer was cut", "half"])
      assert.deepStrictEqual([done.log, done.spent.length], [["half\n"], 1])
    })
  )

  it.effect("takes an empty answer for a failure", () =>
    Effect.gen(function* () {
      const { result } = yield* run(modelAgent(), scripted([{ text: [" \n"] }]).models)
      const failure = failureOf(result)
      assert.deepStrictEqual([failure.kind, failure.message], ["transient", "the answer was empty"])
    })
  )

  it.effect("ends a model that uses tools without an end", () =>
    Effect.gen(function* () {
      const { asked, models } = scripted(Array.from({ length: 100 }, () => ({ uses: [useOf("print", { word: "a" })] })))
      const { calls, result } = yield* run(modelAgent({ ...printing, tool_limits: { calls: 3 } }), models)
      assert.strictEqual(failureOf(result).kind, "permanent")
      assert.deepStrictEqual([asked.length, calls.length], [14, 14])
    })
  )

  it.effect("logs long answers in bounds", () =>
    Effect.gen(function* () {
      const { models } = scripted([{ text: Array.from({ length: 3_000 }, () => "x".repeat(1_000)) }])
      const { log } = yield* run(modelAgent(), models)
      const whole = log.join("")
      assert.isTrue(whole.length < 1_060_000)
      assert.match(whole, /\n\[log cut at about 1048576 bytes\]\n$/)
    })
  )
})
