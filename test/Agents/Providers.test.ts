import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Tracer from "effect/Tracer"
import type { Message, ModelRequest } from "../../src/Agents/Models.ts"
import { drops, fails, modelServer, say, silent, uses, usesAll } from "../support/ModelServer.ts"
import { agentId, ask, canary, failureOf, modelOf, modelsWith, wires } from "./providers.ts"

const conversation: ReadonlyArray<Message> = [
  { role: "user", text: "Check the disk." },
  {
    role: "assistant",
    text: "Looking.",
    uses: [
      { id: "u1", name: "disk", arguments: '{"path":"/"}' },
      { id: "u2", name: "disk", arguments: "no JSON" }
    ]
  },
  {
    role: "tool",
    results: [
      { id: "u1", name: "disk", text: "93%", failed: false },
      { id: "u2", name: "disk", text: "no such disk", failed: true }
    ]
  }
]

const full: Partial<ModelRequest> = {
  system: "You watch disks.",
  messages: conversation,
  tools: [{ name: "disk", description: "How full a disk is", parameters: { type: "object", properties: {} } }],
  temperature: 0.2,
  max_tokens: 321
}

const answered = (result: Effect.Effect.Success<ReturnType<typeof ask>>) => Either.getOrThrow(result.answer)

describe("a call", () => {
  it.scoped("speaks Anthropic's Messages API", () =>
    Effect.gen(function* () {
      const { model, server } = yield* modelOf("anthropic")
      yield* ask(model, full)
      const [call] = server.calls
      assert.strictEqual(call?.path, "/v1/messages")
      assert.deepInclude(call?.headers, {
        "x-api-key": canary,
        "anthropic-version": "2023-06-01",
        "content-type": "application/json"
      })
      assert.notProperty(call?.headers, "authorization")
      assert.deepStrictEqual(call?.body, {
        model: "some-model",
        max_tokens: 321,
        stream: true,
        system: "You watch disks.",
        temperature: 0.2,
        tools: [{ name: "disk", description: "How full a disk is", input_schema: { type: "object", properties: {} } }],
        messages: [
          { role: "user", content: "Check the disk." },
          {
            role: "assistant",
            content: [
              { type: "text", text: "Looking." },
              { type: "tool_use", id: "u1", name: "disk", input: { path: "/" } },
              { type: "tool_use", id: "u2", name: "disk", input: {} }
            ]
          },
          {
            role: "user",
            content: [
              { type: "tool_result", tool_use_id: "u1", content: "93%" },
              { type: "tool_result", tool_use_id: "u2", content: "no such disk", is_error: true }
            ]
          }
        ]
      })
    })
  )

  it.scoped("speaks OpenAI's chat completions", () =>
    Effect.gen(function* () {
      const { model, server } = yield* modelOf("openai")
      yield* ask(model, full)
      const [call] = server.calls
      assert.strictEqual(call?.path, "/chat/completions")
      assert.deepInclude(call?.headers, { authorization: `Bearer ${canary}`, "content-type": "application/json" })
      const called = (id: string, text: string) => ({
        id,
        type: "function",
        function: { name: "disk", arguments: text }
      })
      assert.deepStrictEqual(call?.body, {
        model: "some-model",
        stream: true,
        stream_options: { include_usage: true },
        max_tokens: 321,
        temperature: 0.2,
        tools: [
          {
            type: "function",
            function: {
              name: "disk",
              description: "How full a disk is",
              parameters: { type: "object", properties: {} }
            }
          }
        ],
        messages: [
          { role: "system", content: "You watch disks." },
          { role: "user", content: "Check the disk." },
          { role: "assistant", content: "Looking.", tool_calls: [called("u1", '{"path":"/"}'), called("u2", "{}")] },
          { role: "tool", tool_call_id: "u1", content: "93%" },
          { role: "tool", tool_call_id: "u2", content: "Error: no such disk" }
        ]
      })
    })
  )

  for (const wire of wires) {
    it.scoped(`${wire}: says nothing of what is not given, and no text is empty`, () =>
      Effect.gen(function* () {
        const { model, server } = yield* modelOf(wire)
        yield* ask(model, { system: undefined, messages: [{ role: "user", text: " " }] })
        const body = server.calls[0]?.body
        assert.deepStrictEqual(body?.["messages"], [{ role: "user", content: "(no input)" }])
        for (const key of ["system", "temperature", "tools"]) assert.notProperty(body, key)
      })
    )

    it.scoped(`${wire}: gives the text whole and as it comes`, () =>
      Effect.gen(function* () {
        const { model, server } = yield* modelOf(wire)
        server.script(say(["I am ", "fine – ", "and 🙂 you?"]))
        const result = yield* ask(model)
        assert.deepStrictEqual(answered(result), { text: "I am fine – and 🙂 you?", uses: [] })
        assert.deepStrictEqual(result.pieces, ["I am ", "fine – ", "and 🙂 you?"])
        assert.deepStrictEqual(result.usages, [{ input_tokens: 10, output_tokens: 5 }])
      })
    )

    it.scoped(`${wire}: gives uses of tools`, () =>
      Effect.gen(function* () {
        const { model, server } = yield* modelOf(wire)
        server.script(
          usesAll(
            [
              { name: "disk", input: { path: "/" }, id: "a" },
              { name: "disk", input: "{broken", id: "b" },
              { name: "now", input: "", id: "c" }
            ],
            { text: "Looking." }
          ),
          uses("disk", { path: "/var" })
        )
        assert.deepStrictEqual(answered(yield* ask(model)), {
          text: "Looking.",
          uses: [
            { id: "a", name: "disk", arguments: '{"path":"/"}' },
            { id: "b", name: "disk", arguments: "{broken" },
            { id: "c", name: "now", arguments: "{}" }
          ]
        })
        assert.deepStrictEqual(answered(yield* ask(model)).uses, [
          { id: "use_2_1", name: "disk", arguments: '{"path":"/var"}' }
        ])
      })
    )

    it.scoped(`${wire}: counts what was read from a cache or written to one, and what it costs`, () =>
      Effect.gen(function* () {
        const { model, server } = yield* modelOf(wire, {
          prices: { "some-*": { input: 3, output: 15, cached_input: 0.3 } }
        })
        const cached = wire === "anthropic" ? { cache_read: 40_000, cache_write: 10_000 } : { cache_read: 40_000 }
        server.script(say("hi", { tokens: { input: 50_000, output: 2_000, ...cached } }))
        const { usages } = yield* ask(model)
        const input_tokens = wire === "anthropic" ? 100_000 : 90_000
        const fresh = input_tokens - 40_000
        assert.lengthOf(usages, 1)
        assert.deepInclude(usages[0], { input_tokens, output_tokens: 2_000 })
        assert.closeTo(usages[0]?.cost_usd ?? 0, (fresh * 3 + 40_000 * 0.3 + 2_000 * 15) / 1e6, 1e-9)
      })
    )

    it.scoped(`${wire}: keeps connections for further calls`, () =>
      Effect.gen(function* () {
        const { model, server } = yield* modelOf(wire)
        for (let call = 0; call < 5; call++) yield* ask(model)
        assert.lengthOf(server.calls, 5)
        // The end of a body may come after what it holds, and so after the next call.
        assert.isBelow(server.connections(), 5)
      })
    )

    it.scoped(`${wire}: takes a new connection where a kept one was closed meanwhile, without a retry`, () =>
      Effect.gen(function* () {
        const { model, server } = yield* modelOf(wire)
        server.script((call) => (call.reused ? drops : say("ok")))
        // Which call finds a connection that was kept is the network's to decide.
        for (let call = 0; call < 20 && !server.calls.some(({ reused }) => reused); call++) {
          assert.strictEqual(answered(yield* ask(model)).text, "ok")
        }
        assert.isTrue(server.calls.some(({ reused }) => reused))
      })
    )

    it.scoped(`${wire}: closes the connection at once when it is interrupted`, () =>
      Effect.gen(function* () {
        const { model, server } = yield* modelOf(wire)
        server.script(silent("Hel"))
        const fiber = yield* Effect.fork(ask(model))
        yield* server.called(1)
        yield* Fiber.interrupt(fiber)
        yield* server.left(1)
      })
    )

    it.scoped(`${wire}: shows the key in no log, no span and no error`, () =>
      Effect.gen(function* () {
        const { model, server } = yield* modelOf(wire, { retries: 1 })
        const seen: Array<string> = []
        const logger = Logger.make(({ annotations, cause, message }) => {
          seen.push(JSON.stringify([message, cause, [...annotations]]))
        })
        const tracer = Tracer.make({
          span: (name, parent, context, links, startTime, kind) => {
            const span: Tracer.Span = {
              _tag: "Span",
              name,
              spanId: "1",
              traceId: "1",
              parent,
              context,
              status: { _tag: "Started", startTime },
              attributes: new Map(),
              links,
              sampled: true,
              kind,
              end: (_, exit) => void seen.push(JSON.stringify([name, Exit.isExit(exit) ? exit : null])),
              attribute: (key, value) => void seen.push(JSON.stringify([key, value])),
              event: (event, _, attributes) => void seen.push(JSON.stringify([event, attributes])),
              addLinks: () => undefined
            }
            return span
          },
          context: (run) => run()
        })
        server.script(
          fails(503, `with ${canary}`, { headers: { "retry-after-ms": "0" } }),
          fails(400, `the header was ${canary}`)
        )
        const result = yield* ask(model).pipe(
          Logger.withMinimumLogLevel(LogLevel.All),
          Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
          Effect.withTracer(tracer)
        )
        assert.strictEqual(
          failureOf(result).message,
          'provider "test" refused the request (400): the header was [redacted]'
        )
        assert.isTrue(seen.some((one) => one.includes("with [redacted]; trying again")))
        assert.isTrue(seen.some((one) => one.includes("Model.answer")))
        assert.notInclude(seen.join("\n"), canary)
      })
    )
  }

  it.scoped("needs no key, and names no limit that is OpenAI's own to another server", () =>
    Effect.gen(function* () {
      const server = yield* modelServer
      const models = yield* modelsWith({ local: { base_url: `${server.url}/` } })
      const model = Either.getOrThrow(models.find({ id: agentId, model: "local/x" }))
      yield* ask(model)
      assert.strictEqual(server.calls[0]?.path, "/chat/completions")
      assert.property(server.calls[0]?.body, "max_tokens")
      assert.notProperty(server.calls[0]?.headers, "authorization")
    })
  )
})
