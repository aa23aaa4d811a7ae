import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import { anthropic } from "../../src/Agents/Providers/Anthropic.ts"
import { Draft } from "../../src/Agents/Providers/Draft.ts"
import { makeEventReader } from "../../src/Agents/Providers/Events.ts"
import { openAi } from "../../src/Agents/Providers/OpenAi.ts"
import { say, usesAll } from "../support/ModelServer.ts"
import { bodyOf, endOf, type Told, type Wire } from "../support/ModelWire.ts"
import { ask, failureOf, modelOf, wires } from "./providers.ts"

const formats = { anthropic, openai: openAi }

const told: fc.Arbitrary<Told> = fc.record({
  model: fc.constant("m"),
  text: fc.array(fc.fullUnicodeString({ minLength: 1 }), { minLength: 1, maxLength: 4 }),
  uses: fc.array(
    fc.record({
      id: fc.string({ minLength: 1 }),
      name: fc.string({ minLength: 1 }),
      arguments: fc.jsonValue().map((value) => JSON.stringify(value))
    }),
    { maxLength: 3 }
  ),
  tokens: fc.record({ input: fc.nat(), output: fc.nat(), cache_read: fc.nat() }),
  stop: fc.constant("done" as const),
  refusal: fc.constant(undefined)
})

const drafted = (wire: Wire, pieces: ReadonlyArray<Uint8Array>): Draft => {
  const read = makeEventReader(formats[wire])
  const draft = new Draft()
  for (const piece of pieces) {
    const { said, wrong } = read(piece)
    assert.isUndefined(wrong)
    for (const one of said) draft.add(one)
  }
  return draft
}

const cutAt = (bytes: Uint8Array, places: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const cuts = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...cuts].map((from, index) => bytes.subarray(from, cuts[index] ?? bytes.length))
}

describe("a stream", () => {
  for (const wire of wires) {
    it(`${wire}: is the same answer wherever its bytes are cut, and whatever its lines end in`, () => {
      fc.assert(
        fc.property(told, fc.array(fc.nat(), { maxLength: 40 }), fc.boolean(), (said, places, carriageReturns) => {
          const text = [...bodyOf(wire, said), ...endOf(wire, said)].join("")
          const bytes = Buffer.from(carriageReturns ? text.replaceAll("\n", "\r\n") : text)
          const draft = drafted(wire, cutAt(bytes, places))
          assert.isTrue(draft.ended)
          assert.strictEqual(draft.text, said.text.join(""))
          const ids = said.uses.map(({ id }) => id)
          assert.deepStrictEqual(
            draft.answer().uses.map((use) => [use.id, use.name, use.arguments]),
            said.uses.map((use, index) => [ids[index], use.name, use.arguments])
          )
          const { cache_read = 0, input, output } = said.tokens ?? { input: 0, output: 0 }
          assert.deepStrictEqual(draft.tokens, { input: input + cache_read, cached: cache_read, output })
        }),
        { numRuns: 300 }
      )
    })

    it(`${wire}: is the same answer byte by byte`, () => {
      fc.assert(
        fc.property(told, (said) => {
          const bytes = Buffer.from([...bodyOf(wire, said), ...endOf(wire, said)].join(""))
          const one = drafted(wire, [bytes])
          const many = drafted(
            wire,
            Array.from(bytes, (byte) => Uint8Array.of(byte))
          )
          assert.deepStrictEqual(
            [many.text, many.answer(), many.tokens, many.ended],
            [one.text, one.answer(), one.tokens, one.ended]
          )
        }),
        { numRuns: 30 }
      )
    })

    it.scoped(`${wire}: comes over the network in chunks of any size`, () =>
      Effect.gen(function* () {
        const { model, server } = yield* modelOf(wire)
        for (const chunks of [[1], [2, 3, 5], [7, 1, 100], [1_000]]) {
          server.script(usesAll([{ name: "a", input: { b: "ü🙂" } }], { text: ["Grüße, ", "🙂"], chunks }))
          const { answer } = yield* ask(model)
          const { text, uses } = Either.getOrThrow(answer)
          assert.deepStrictEqual([text, uses[0]?.arguments], ["Grüße, 🙂", '{"b":"ü🙂"}'])
        }
      })
    )

    it.scoped(`${wire}: ends an answer though the server leaves the connection open`, () =>
      Effect.gen(function* () {
        const { model, server } = yield* modelOf(wire)
        const end = endOf(wire, { model: "m", text: [], uses: [], tokens: undefined, stop: "done", refusal: undefined })
        server.script({ ...say("Hello"), instead: { sends: end.join("") } })
        assert.strictEqual(Either.getOrThrow((yield* ask(model)).answer).text, "Hello")
      })
    )
  }

  const odd: ReadonlyArray<readonly [wire: Wire, what: string, data: string]> = [
    ["anthropic", "type is not what it should be", "{}"],
    ["anthropic", "content is not what it should be", "null"],
    [
      "anthropic",
      "delta.text is not what it should be",
      '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta"}}'
    ],
    [
      "anthropic",
      "content_block.id is not what it should be",
      '{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":7,"name":"x"}}'
    ],
    ["anthropic", "message is not what it should be", '{"type":"message_start"}'],
    [
      "anthropic",
      "usage.output_tokens is not what it should be",
      '{"type":"message_delta","delta":{},"usage":{"output_tokens":-1}}'
    ],
    ["openai", "choices is not what it should be", '{"choices":{}}'],
    ["openai", "choices.0.delta.content is not what it should be", '{"choices":[{"delta":{"content":7}}]}'],
    [
      "openai",
      "choices.0.delta.tool_calls.0.function.arguments is not what it should be",
      '{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":{}}}]}}]}'
    ],
    ["openai", "usage.prompt_tokens is not what it should be", '{"choices":[],"usage":{"prompt_tokens":"many"}}']
  ]
  for (const [wire, what, data] of odd) {
    it(`${wire}: is not read on where its ${what}`, () => {
      assert.deepStrictEqual(formats[wire].read(data), Either.left(`its ${what}`))
    })
  }

  it("anthropic: says nothing by events, blocks and deltas that are not known", () => {
    for (const data of [
      '{"type":"constructor"}',
      '{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}',
      '{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"x"}}',
      '{"type":"content_block_stop"}'
    ]) {
      assert.deepStrictEqual(anthropic.read(data), Either.right([]))
    }
  })

  it("openai: tells uses apart that a server numbers alike, and names those without an id", () => {
    const draft = new Draft()
    for (const [id, name] of [
      ["a", "x"],
      ["b", "y"]
    ] as const) {
      const call = { index: 0, id, function: { name, arguments: "{}" } }
      for (const said of Either.getOrThrow(
        openAi.read(JSON.stringify({ choices: [{ delta: { tool_calls: [call] } }] }))
      )) {
        draft.add(said)
      }
    }
    draft.add({ _tag: "Use", index: 5, name: "z", arguments: "" })
    assert.deepStrictEqual(draft.answer().uses, [
      { id: "a", name: "x", arguments: "{}" },
      { id: "b", name: "y", arguments: "{}" },
      { id: "use_3", name: "z", arguments: "{}" }
    ])
  })

  const streams = { "content-type": "text/event-stream" }
  const greeting: Told = {
    model: "m",
    text: ["Hello"],
    uses: [],
    tokens: undefined,
    stop: "done",
    refusal: undefined
  }

  it.scoped("openai: needs no end marker after the reason to stop, as some servers send none", () =>
    Effect.gen(function* () {
      const { model, server } = yield* modelOf("openai")
      const events = [...bodyOf("openai", greeting), ...endOf("openai", greeting).slice(0, -1)]
      server.script({ headers: streams, raw: events.join("") })
      assert.strictEqual(Either.getOrThrow((yield* ask(model)).answer).text, "Hello")
    })
  )

  it.scoped("anthropic: is cut where its end marker is missing, whatever came before", () =>
    Effect.gen(function* () {
      const { model, server } = yield* modelOf("anthropic")
      const events = [...bodyOf("anthropic", greeting), ...endOf("anthropic", greeting).slice(0, -1)]
      server.script({ headers: streams, raw: events.join("") })
      assert.strictEqual(failureOf(yield* ask(model)).output, "Hello\n[the answer was cut here]")
    })
  )
})
