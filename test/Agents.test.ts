import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AgentRuntime, EffectAgents } from "../src/Agents.ts"
import { type AgentDefinition, AgentId } from "../src/Domain/Agent.ts"
import { ServiceEnvironment } from "../src/ServiceEnvironment.ts"
import { testSettings } from "../src/testing.ts"
import { invocation, shellAgent } from "./Agents/fixtures.ts"

const environment = ServiceEnvironment.layer({ variables: { PATH: process.env["PATH"] }, directory: process.cwd() })

const runtime = AgentRuntime.layer.pipe(
  Layer.provide(
    EffectAgents.layer({
      greeter: ({ input }) => Effect.succeed({ output: `hello ${input}` }),
      deployer: { handler: () => Effect.succeed({ output: "" }), capabilities: ["deployment"], description: "deploys" }
    })
  ),
  Layer.provide(environment),
  Layer.provide(testSettings()),
  Layer.provide(NodeContext.layer)
)

const named = (id: string): AgentDefinition => ({ ...shellAgent("cat"), id: AgentId.make(id) })

describe("AgentRuntime", () => {
  it.effect("runs agents written in code and agents from files", () =>
    Effect.gen(function* () {
      const agents = yield* AgentRuntime
      yield* agents.load([named("echo")])
      const greeted = yield* agents.invoke(yield* agents.find("greeter"), invocation({ input: "you" }))
      const echoed = yield* agents.invoke(yield* agents.find("echo"), invocation({ input: "same" }))
      assert.deepStrictEqual([greeted.output, echoed.output], ["hello you", "same"])
    }).pipe(Effect.scoped, Effect.provide(runtime))
  )

  it.effect("knows what agents written in code can do", () =>
    Effect.gen(function* () {
      const agents = yield* AgentRuntime
      assert.deepStrictEqual(yield* agents.find("deployer"), {
        id: AgentId.make("deployer"),
        kind: "effect",
        capabilities: ["deployment"],
        description: "deploys"
      })
    }).pipe(Effect.provide(runtime))
  )

  it.effect("replaces the agents of files as a whole and keeps those in code", () =>
    Effect.gen(function* () {
      const agents = yield* AgentRuntime
      yield* agents.load([named("one"), named("two"), named("greeter")])
      yield* agents.load([named("three")])
      assert.deepStrictEqual(
        (yield* agents.list).map(({ id, kind }) => `${id}:${kind}`),
        ["deployer:effect", "greeter:effect", "three:command"]
      )
      const missing = yield* Effect.flip(agents.find("one"))
      assert.strictEqual(missing.message, `no agent named "one"; known agents: deployer, greeter, three`)
    }).pipe(Effect.provide(runtime))
  )

  it.effect("prefers code where a file has the same name", () =>
    Effect.gen(function* () {
      const agents = yield* AgentRuntime
      yield* agents.load([named("greeter")])
      assert.strictEqual((yield* agents.find("greeter")).kind, "effect")
    }).pipe(Effect.provide(runtime))
  )

  it.effect("says what an agent lacks to run: a provider for its model, its code", () =>
    Effect.gen(function* () {
      const agents = yield* AgentRuntime
      const common = { id: AgentId.make("a"), capabilities: [] }
      const model = yield* Effect.flip(agents.invoke({ ...common, kind: "model", model: "m" }, invocation()))
      const effect = yield* Effect.flip(agents.invoke({ ...common, kind: "effect" }, invocation()))
      assert.deepStrictEqual([model.kind, effect.kind], ["permanent", "permanent"])
      assert.include(model.message, 'no provider is known for the model "m"')
      assert.include(effect.message, "not part of this service")
    }).pipe(Effect.scoped, Effect.provide(runtime))
  )
})
