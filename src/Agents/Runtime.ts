import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AgentRuntime } from "../Agents.ts"
import { type AgentDefinition, AgentFailure, AgentNotFound } from "../Domain/Agent.ts"
import { makeLiveGroups } from "../ProcessGroup.ts"
import { ServiceEnvironment } from "../ServiceEnvironment.ts"
import type { Settings } from "../Settings.ts"
import { runCommand } from "./Command.ts"
import { firstEstimate } from "./Conversation.ts"
import { definitionOfEntry, EffectAgents } from "./EffectAgents.ts"
import { runModel } from "./Model.ts"
import { makeModels } from "./Providers.ts"
import { makeTools } from "./Tools.ts"
import { runUrl } from "./Url.ts"

const byId = (agents: ReadonlyArray<AgentDefinition>): ReadonlyMap<string, AgentDefinition> =>
  new Map(agents.map((agent) => [agent.id, agent]))

const permanent = (message: string) => Effect.fail(new AgentFailure({ kind: "permanent", message }))

/** The agents from files and from code, and how each kind is run. Code wins where both have a name. */
export const makeRuntime: Effect.Effect<
  typeof AgentRuntime.Service,
  never,
  ServiceEnvironment | Settings | Scope.Scope
> = Effect.gen(function* () {
  const environment = yield* ServiceEnvironment
  const handlers = yield* EffectAgents
  const live = yield* makeLiveGroups
  const models = yield* makeModels
  const tools = yield* makeTools
  const provided = byId([...handlers].map(([name, entry]) => definitionOfEntry(name, entry)))
  let known = provided

  const find = (id: string): Effect.Effect<AgentDefinition, AgentNotFound> =>
    Effect.suspend(() => {
      const agent = known.get(id)
      return agent === undefined
        ? new AgentNotFound({ agent_id: id, known: [...known.keys()].sort() })
        : Effect.succeed(agent)
    })

  const list = Effect.sync(() => [...known.values()].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)))

  const load = (agents: ReadonlyArray<AgentDefinition>) =>
    Effect.sync(() => {
      known = new Map([...byId(agents), ...provided])
    })

  const estimate: (typeof AgentRuntime.Service)["estimate"] = (agent, asked) =>
    agent.kind === "model" ? firstEstimate(agent, asked, models) : null

  const invoke: (typeof AgentRuntime.Service)["invoke"] = (agent, invocation) => {
    switch (agent.kind) {
      case "command":
        return runCommand(agent, invocation, environment, live)
      case "effect": {
        const entry = handlers.get(agent.id)
        return entry === undefined
          ? permanent(`agent "${agent.id}" is written in code, and that code is not part of this service`)
          : entry.handler(invocation)
      }
      case "model":
        return runModel(agent, invocation, { models, tools })
      case "url":
        return runUrl(agent, invocation, environment)
    }
  }

  return { find, list, load, estimate, invoke }
})
