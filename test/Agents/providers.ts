import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type { Model, ModelRequest } from "../../src/Agents/Models.ts"
import { makeModels } from "../../src/Agents/Providers.ts"
import { AgentId, type Usage } from "../../src/Domain/Agent.ts"
import { type TestSettings, testSettings } from "../../src/testing.ts"
import { modelServer, type Wire } from "../support/ModelServer.ts"

export type ProvidersTable = NonNullable<TestSettings["providers"]>

export const wires: ReadonlyArray<Wire> = ["anthropic", "openai"]

export const agentId = AgentId.make("agent")

/** Shown nowhere but to the provider. */
export const canary = "sk-canary-5d0c"

/** The models of these providers. */
export const modelsWith = (providers: ProvidersTable) =>
  makeModels.pipe(Effect.provide(testSettings({ providers }).pipe(Layer.provide(NodeContext.layer))))

const question: ModelRequest = {
  system: "You are brief.",
  messages: [{ role: "user", text: "How are you?" }],
  tools: [],
  temperature: undefined,
  max_tokens: 100,
  timeout: undefined
}

/** Calls a model; tells how it ended, which pieces came, and which usage was told. */
export const ask = (model: Model, request: Partial<ModelRequest> = {}) =>
  Effect.gen(function* () {
    const pieces: Array<string> = []
    const usages: Array<Usage> = []
    const answer = yield* Effect.either(
      model.answer(
        { ...question, ...request },
        {
          text: (piece) => Effect.sync(() => void pieces.push(piece)),
          usage: (usage) => Effect.sync(() => void usages.push(usage))
        }
      )
    )
    return { answer, pieces, usages }
  })

/** A double and a model behind it, of a provider `test` with a key. */
export const modelOf = (wire: Wire, settings: ProvidersTable[string] = {}) =>
  Effect.gen(function* () {
    const server = yield* modelServer
    const models = yield* modelsWith({
      test: { kind: wire, base_url: server.url, api_key: canary, retries: 0, ...settings }
    })
    const model = Either.getOrThrow(models.find({ id: agentId, model: "test/some-model" }))
    return { server, models, model }
  })

/** How a call fails that the double meets like this. */
export const failureOf = (result: Effect.Effect.Success<ReturnType<typeof ask>>) =>
  Either.getOrThrow(Either.flip(result.answer))
