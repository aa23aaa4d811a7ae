import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { runModel } from "../../src/Agents/Model.ts"
import type { ModelAnswer, ModelRequest, Models } from "../../src/Agents/Models.ts"
import { makeTools } from "../../src/Agents/Tools.ts"
import type { AgentHandler } from "../../src/Agents.ts"
import { CurrentDelivery, DeliveryRouter } from "../../src/Delivery.ts"
import type { DeliveryChannel } from "../../src/Domain/Delivery.ts"
import { isTerminal, type Run } from "../../src/Domain/Run.ts"
import { JobStore } from "../../src/JobStore.ts"
import { Jobs } from "../../src/Jobs.ts"
import { modelAgent, toolService, useOf } from "../Agents/toolFixtures.ts"
import { create, engine } from "../support/Engine.ts"

interface Sent {
  readonly channel: string
  readonly kind: string | undefined
  readonly subject: string | undefined
  readonly output: string
  readonly status: string
}

/** A router that keeps what it sends, and says when something was. */
const watchedRouter = Effect.gen(function* () {
  const sent: Array<Sent> = []
  const first = yield* Deferred.make<void>()
  const router = Layer.succeed(DeliveryRouter, {
    route: (channel, _job, run, output) =>
      Effect.gen(function* () {
        const notes = yield* CurrentDelivery
        sent.push({ channel, kind: notes?.kind, subject: notes?.subject, output, status: run.status })
        yield* Deferred.succeed(first, undefined)
      })
  })
  return { sent, first, router }
})

const runNow = (name: string) =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    const store = yield* JobStore
    const run = yield* jobs.runNow(name, { actor: "test" })
    const isSettled = ({ deliveries, status }: Run) =>
      isTerminal(status) && deliveries.every(({ state }) => state === "delivered")
    // Files are written meanwhile, which takes time of the real clock.
    return yield* store
      .findRun(run.id)
      .pipe(Effect.zipLeft(TestClock.adjust("1 second")), Effect.repeat({ until: isSettled }))
  })

const every = (name: string, more: Readonly<Record<string, unknown>> = {}) => ({ name, every: "30d", ...more })

describe("notifications of agents", () => {
  it.effect("are sent while the run goes on, with the text that was said", () =>
    Effect.gen(function* () {
      const { first, router, sent } = yield* watchedRouter
      const agent: AgentHandler = (invocation) =>
        Effect.gen(function* () {
          yield* invocation.notify("log_file", "disk at 91%")
          // Does not go on before that was sent.
          yield* Deferred.await(first)
          return { output: "looked" }
        })
      yield* Effect.gen(function* () {
        yield* create(every("watch", { delivery: ["stdout"], delivery_body: "shaped: {{output}}" }))
        const run = yield* runNow("watch")
        assert.strictEqual(run.status, "succeeded")
        assert.deepStrictEqual(sent, [
          {
            channel: "log_file",
            kind: "notify",
            subject: "[symbi] watch notice from agent",
            output: "disk at 91%",
            status: "running"
          },
          {
            channel: "stdout",
            kind: "output",
            subject: "[symbi] watch succeeded",
            output: "shaped: looked",
            status: "succeeded"
          }
        ])
        assert.deepStrictEqual(
          run.deliveries.map(({ channel, kind, state }) => [channel as string, kind as string, state as string]),
          [
            ["log_file", "notify", "delivered"],
            ["stdout", "output", "delivered"]
          ]
        )
      }).pipe(Effect.provide(engine({ agent }, { router })))
    })
  )

  for (const [channel, lacks] of [
    ["webhook", /job "watch" has no webhook_url/],
    ["email", /job "watch" has no email_recipients/],
    ["slack", /neither slack_api_token nor slack_webhook_url is set/],
    ["custom:pager", /there is no \[scheduler\.delivery\.custom\.pager\]/]
  ] as const satisfies ReadonlyArray<readonly [DeliveryChannel, RegExp]>) {
    it.effect(`are refused where ${channel} cannot be used`, () =>
      Effect.gen(function* () {
        yield* create(every("watch"))
        const run = yield* runNow("watch")
        assert.strictEqual(run.status, "failed")
        assert.match(run.error_message ?? "", lacks)
        assert.strictEqual(run.attempts[0]?.failure, "permanent")
        assert.deepStrictEqual(run.deliveries, [])
      }).pipe(Effect.provide(engine({ agent: ({ notify }) => Effect.as(notify(channel, "x"), { output: "said" }) })))
    )
  }

  it.effect("end with the twentieth", () =>
    Effect.gen(function* () {
      yield* create(every("watch"))
      const run = yield* runNow("watch")
      assert.match(run.error_message ?? "", /this run has sent 20 notifications already/)
      assert.strictEqual(run.deliveries.length, 20)
    }).pipe(
      Effect.provide(
        engine({
          agent: ({ notify }) =>
            Effect.forEach(Array.from({ length: 30 }), () => notify("stdout", "x")).pipe(Effect.as({ output: "x" }))
        })
      )
    )
  )
})

describe("a heartbeat of a model", () => {
  it.scoped("assesses, acts by a tool, and sleeps; its tools are limited over all iterations", () =>
    Effect.gen(function* () {
      const { router, sent } = yield* watchedRouter
      const asked: Array<ModelRequest> = []
      const tell = (text: string) => useOf("tell", { text })
      const script: ReadonlyArray<ModelAnswer> = [
        { text: 'Disk is full.\n{"next":"act","summary":"disk full"}', uses: [] },
        { text: "", uses: [tell("disk full"), tell("disk really full")] },
        { text: '{"next":"assess","summary":"told"}', uses: [] },
        { text: "", uses: [tell("once more")] },
        { text: "All told.\nsleep", uses: [] }
      ]
      const models: Models = {
        find: () =>
          Either.right({
            provider: "test",
            model: "test-model",
            costOf: () => undefined,
            answer: (request, events) =>
              Effect.gen(function* () {
                const answer = script[asked.length] ?? { text: "sleep", uses: [] }
                asked.push(request)
                yield* events.usage({ input_tokens: 100, output_tokens: 10 })
                return answer
              })
          })
      }
      const tools = yield* makeTools.pipe(Effect.provide(toolService()))
      const definition = modelAgent({ tools: { tell: { notify: "log_file" } }, tool_limits: { calls: 2 } })
      const agent: AgentHandler = (invocation) => runModel(definition, invocation, { models, tools })
      yield* Effect.gen(function* () {
        yield* create(every("beat", { heartbeat: { enabled: true } }))
        const run = yield* runNow("beat")
        assert.deepStrictEqual([run.status, run.stop_reason, run.output], ["succeeded", "sleep", "All told.\nsleep"])
        assert.deepStrictEqual(
          run.iterations.map(({ phase, summary, usage }) => [phase as string, summary, usage?.input_tokens]),
          [
            ["assess", "disk full", 100],
            ["act", "told", 200],
            ["sleep", "All told.\nsleep", 200]
          ]
        )
        assert.deepStrictEqual(run.usage, { input_tokens: 500, output_tokens: 50 })
        assert.deepStrictEqual(
          run.tool_calls.map(({ error, name }) => [name, error?.slice(0, 36)]),
          [
            ["tell", undefined],
            ["tell", undefined],
            ["tell", "the limit of 2 calls of this run is "]
          ]
        )
        assert.deepStrictEqual(
          sent.map(({ output }) => output),
          ["disk full", "disk really full"]
        )
        assert.deepStrictEqual(asked[1]?.messages, [
          { role: "user", text: "Summary of what was before:\ndisk full\n\nBeat, iteration 2." }
        ])
      }).pipe(Effect.provide(engine({ agent }, { router })))
    })
  )
})
