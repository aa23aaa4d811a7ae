import { gzipSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { anthropic } from "../../src/Agents/Providers/Anthropic.ts"
import { Draft } from "../../src/Agents/Providers/Draft.ts"
import { openAi } from "../../src/Agents/Providers/OpenAi.ts"
import { costOf, usageOf } from "../../src/Agents/Providers/Prices.ts"
import type { AgentFailure } from "../../src/Domain/Agent.ts"
import { answers, breaksOff, httpReceiver } from "../support/HttpReceiver.ts"
import { fails, type Step } from "../support/ModelServer.ts"
import { bodyOf, type Wire } from "../support/ModelWire.ts"
import { agentId, ask, failureOf, modelOf, modelsWith, wires } from "./providers.ts"

const json = { "content-type": "application/json" }
const events = { "content-type": "text/event-stream" }

const ok = (raw: string, headers: Readonly<Record<string, string>> = json): Step => ({ status: 200, headers, raw })

const completion = JSON.stringify({
  id: "x",
  object: "chat.completion",
  choices: [{ message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }]
})

const greeting = (wire: Wire): string =>
  bodyOf(wire, { model: "m", text: ["Hello"], uses: [], tokens: undefined, stop: "done", refusal: undefined })
    .filter((event) => !event.startsWith(":"))
    .join("")

interface Case {
  readonly what: string
  readonly wire: Wire
  readonly step: Step
  readonly kind: AgentFailure["kind"]
  readonly message: string
}

const both = (one: Omit<Case, "wire">): ReadonlyArray<Case> => wires.map((wire) => ({ ...one, wire }))

const ignored =
  'provider "test" ignored stream: true and answered with JSON all at once; check kind and base_url under [providers.test]'
const check = "check kind and base_url under [providers.test]"

const cases: ReadonlyArray<Case> = [
  ...both({ what: "JSON where a stream should be", step: ok(completion), kind: "permanent", message: ignored }),
  ...both({ what: "JSON that says it is a stream", step: ok(completion, events), kind: "permanent", message: ignored }),
  ...both({
    what: "JSON of more than 1 MiB",
    step: ok(`{"content": "${"x".repeat(1_200_000)}"}`),
    kind: "permanent",
    message: ignored
  }),
  ...both({
    what: "an error in words with status 200",
    step: ok('{"error": "model is loading"}'),
    kind: "transient",
    message: 'provider "test" failed (500): model is loading'
  }),
  {
    what: "an error of its own with status 200",
    wire: "openai",
    step: ok('{"error": {"message": "slow down", "type": "rate_limit_error", "code": null}}'),
    kind: "rate_limited",
    message: 'provider "test" limits the rate (429): slow down'
  },
  {
    what: "an error by number with status 200",
    wire: "openai",
    step: ok('{"error": {"message": "no such model", "code": 404}}'),
    kind: "permanent",
    message: 'provider "test" has no model "some-model", or its base_url is wrong (404): no such model'
  },
  {
    what: "an error of its own with status 200",
    wire: "anthropic",
    step: ok('{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}'),
    kind: "transient",
    message: 'provider "test" is overloaded (529): Overloaded'
  },
  {
    what: "a stream of the other kind",
    wire: "anthropic",
    step: ok(greeting("openai"), events),
    kind: "permanent",
    message: `provider "test" sent a first event that cannot be read: its type is not what it should be; ${check}`
  },
  {
    what: "a stream of the other kind",
    wire: "openai",
    step: ok(greeting("anthropic"), events),
    kind: "permanent",
    message: `provider "test" sent a first event that cannot be read: it is no chunk of a chat completion; ${check}`
  },
  ...both({
    what: "a first event that is no JSON",
    step: ok("data: hello\n\n", events),
    kind: "permanent",
    message: `provider "test" sent a first event that cannot be read: it is no JSON; ${check}`
  }),
  ...both({
    what: "a stream of comments alone",
    step: ok(": wait\n\n: wait\n\n", events),
    kind: "transient",
    message: 'the answer of provider "test" was cut: the stream ended before its first event'
  }),
  ...both({
    what: "a body that is compressed",
    step: ok("", { ...events, "content-encoding": "gzip" }),
    kind: "permanent",
    message:
      'provider "test" answered with content-encoding gzip, though identity was asked for; turn compression off there'
  }),
  ...both({
    what: "an error that is compressed",
    step: { ...fails(400), headers: { "content-encoding": "br" } },
    kind: "permanent",
    message: 'provider "test" refused the request (400)'
  })
]

describe("a server that does not stream as it was asked to", () => {
  for (const { kind, message, step, what, wire } of cases) {
    it.scoped(`${wire}: ${what}`, () =>
      Effect.gen(function* () {
        const { model, server } = yield* modelOf(wire, { retries: 2 })
        server.script(step)
        const failure = failureOf(yield* ask(model))
        assert.deepStrictEqual([failure.kind, failure.message], [kind, message])
        assert.lengthOf(server.calls, 1)
        assert.strictEqual(server.calls[0]?.headers["accept-encoding"], "identity")
      })
    )
  }

  it.scoped("compressed or broken off, is not asked again", () =>
    Effect.gen(function* () {
      const packed = gzipSync("data: [DONE]\n\n").toString("latin1")
      const server = yield* httpReceiver([
        answers(200, packed, { ...events, "content-encoding": "gzip" }),
        breaksOff(200, ": one moment\n\n")
      ])
      const models = yield* modelsWith({ test: { kind: "openai", base_url: server.url, api_key: "k", retries: 3 } })
      const model = Either.getOrThrow(models.find({ id: agentId, model: "test/x" }))
      assert.include(failureOf(yield* ask(model)).message, "content-encoding gzip")
      assert.strictEqual(failureOf(yield* ask(model)).kind, "transient")
      assert.lengthOf(server.received, 2)
    })
  )
})

/** The uses of tools that these deltas make, each the `tool_calls` of one event. */
const usesOf = (...deltas: ReadonlyArray<ReadonlyArray<unknown>>) => {
  const draft = new Draft()
  for (const tool_calls of deltas) {
    const read = openAi.read(JSON.stringify({ choices: [{ delta: { tool_calls } }] }))
    for (const said of Either.getOrThrow(read)) draft.add(said)
  }
  return draft.answer().uses.map((use) => [use.id, use.name, use.arguments])
}

const piece = (name: string | null | undefined, text: string, more: Readonly<Record<string, unknown>> = {}) => ({
  ...more,
  function: { ...(name === undefined ? {} : { name }), arguments: text }
})

describe("pieces of tool calls of lenient servers", () => {
  it("are one use where each piece of an index has an id of its own, with its name or without", () => {
    assert.deepStrictEqual(
      usesOf(
        [piece("disk", '{"path"', { index: 0, id: "a" })],
        [piece(undefined, ':"/', { index: 0, id: "b" })],
        [piece("disk", 'x}"}', { index: 0, id: "c" })],
        [piece("disk", "{}", { index: 0, id: "d" })]
      ),
      [
        ["a", "disk", '{"path":"/x}"}'],
        ["d", "disk", "{}"]
      ]
    )
  })

  it("are two uses where two come at once without index and id", () => {
    assert.deepStrictEqual(usesOf([piece("a", '{"x":1}'), piece("b", "{}")]), [
      ["use_1", "a", '{"x":1}'],
      ["use_2", "b", "{}"]
    ])
    assert.deepStrictEqual(
      usesOf([piece("a", '{"x"'), piece("a", '{"y"')], [piece(undefined, ":1}"), piece("", ":2}")]),
      [
        ["use_1", "a", '{"x":1}'],
        ["use_2", "a", '{"y":2}']
      ]
    )
  })

  it("are uses of their own where whole ones come one after the other without index and id", () => {
    assert.deepStrictEqual(usesOf([piece("a", '{"x":1}')], [piece("a", '{"x":2}')], [piece("a", "")]), [
      ["use_1", "a", '{"x":1}'],
      ["use_2", "a", '{"x":2}']
    ])
  })

  it("belong together by their ids, or to the one before, where their index is null", () => {
    assert.deepStrictEqual(
      usesOf(
        [piece("a", "", { index: null, id: "1" })],
        [piece(null, '{"x":', { index: null, id: null })],
        [piece("b", '{"y":', { index: null, id: "2" })],
        [piece(undefined, "1}", { index: null, id: "1" })],
        [piece(undefined, "2}", { index: null, id: "2" })]
      ),
      [
        ["1", "a", '{"x":1}'],
        ["2", "b", '{"y":2}']
      ]
    )
  })
})

describe("usage", () => {
  const openAiTokens = (usage: unknown) => {
    const draft = new Draft()
    for (const said of Either.getOrThrow(openAi.read(JSON.stringify({ choices: [], usage })))) draft.add(said)
    return usageOf(draft.tokens, undefined)
  }

  it("is what is told of it where parts are missing or null", () => {
    assert.isUndefined(openAiTokens({}))
    assert.isUndefined(openAiTokens({ prompt_tokens: null, completion_tokens: null, prompt_tokens_details: null }))
    assert.deepStrictEqual(openAiTokens({ completion_tokens: 3 }), { input_tokens: 0, output_tokens: 3 })
    assert.deepStrictEqual(openAiTokens({ prompt_tokens: 3, prompt_tokens_details: {} }), {
      input_tokens: 3,
      output_tokens: 0
    })
    for (const usage of [{}, { input_tokens: null }]) {
      const event = JSON.stringify({ type: "message_delta", delta: {}, usage })
      assert.isTrue(Either.isRight(anthropic.read(event)))
    }
  })

  for (const amount of ["1e999", "-1", "0.5", "1e13", '"3"']) {
    it(`of ${amount} tokens is none`, () => {
      assert.isTrue(Either.isLeft(openAi.read(`{"choices":[],"usage":{"prompt_tokens":${amount}}}`)))
      assert.isTrue(Either.isLeft(openAi.read(`{"choices":[],"usage":{"completion_tokens":${amount}}}`)))
      const event = `{"type":"message_delta","delta":{},"usage":{"output_tokens":${amount}}}`
      assert.isTrue(Either.isLeft(anthropic.read(event)))
    })
  }

  it("never costs less than nothing, however much was read from a cache", () => {
    const prices = { input: 3, output: 15, cached_input: 0.3 }
    assert.closeTo(costOf(prices, { input: 10, cached: 1_000_000, output: 0 }), 0.000003, 1e-12)
    assert.closeTo(costOf(prices, { cached: 1_000_000, output: 1 }), 0.000015, 1e-12)
  })
})

describe("a reason to stop", () => {
  it.scoped("that is empty is none: what ends after it is cut", () =>
    Effect.gen(function* () {
      const { model, server } = yield* modelOf("openai")
      const chunk = (content: string) =>
        `data: ${JSON.stringify({ choices: [{ delta: { content }, finish_reason: "" }] })}\n\n`
      server.script(ok(chunk("Hel") + chunk("lo"), events))
      assert.strictEqual(failureOf(yield* ask(model)).output, "Hello\n[the answer was cut here]")
    })
  )
})
