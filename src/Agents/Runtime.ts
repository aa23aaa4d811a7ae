import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import type { AgentRuntime, Invocation } from "../Agents.ts"
import { type AgentDefinition, AgentFailure, AgentNotFound, type ModelAgent } from "../Domain/Agent.ts"
import { makeLiveGroups } from "../ProcessGroup.ts"
import { ServiceEnvironment } from "../ServiceEnvironment.ts"
import { runCommand } from "./Command.ts"
import { definitionOfEntry, EffectAgents } from "./EffectAgents.ts"

const byId = (agents: ReadonlyArray<AgentDefinition>): ReadonlyMap<string, AgentDefinition> =>
  new Map(agents.map((agent) => [agent.id, agent]))

const bytesOf = (text: string | null | undefined): number => Buffer.byteLength(text ?? "")

const estimateOf = (agent: ModelAgent, { input, summary, turns }: Pick<Invocation, "input" | "summary" | "turns">) => ({
  input_tokens: Math.ceil(
    (bytesOf(agent.system_prompt) +
      bytesOf(input) +
      bytesOf(summary) +
      turns.reduce((sum, { text }) => sum + bytesOf(text), 0)) /
      3
  ),
  output_tokens: agent.max_tokens ?? 4_096
})

const permanent = (message: string) => Effect.fail(new AgentFailure({ kind: "permanent", message }))

/** The agents from files and from code, and how each kind is run. Code wins where both have a name. */
export const makeRuntime: Effect.Effect<typeof AgentRuntime.Service, never, ServiceEnvironment | Scope.Scope> =
  Effect.gen(function* () {
    const environment = yield* ServiceEnvironment
    const handlers = yield* EffectAgents
    const live = yield* makeLiveGroups
    const provided = byId([...handlers].map(([name, entry]) => definitionOfEntry(name, entry)))
    const known = yield* Ref.make(provided)

    const find = Effect.fnUntraced(function* (id: string) {
      const agents = yield* Ref.get(known)
      const agent = agents.get(id)
      return agent ?? (yield* new AgentNotFound({ agent_id: id, known: [...agents.keys()].sort() }))
    })

    const list = Effect.map(Ref.get(known), (agents) =>
      [...agents.values()].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
    )

    const load = (agents: ReadonlyArray<AgentDefinition>) => Ref.set(known, new Map([...byId(agents), ...provided]))

    const estimate: (typeof AgentRuntime.Service)["estimate"] = (agent, asked) =>
      agent.kind === "model" ? estimateOf(agent, asked) : null

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
        case "url":
          return permanent(
            `agent "${agent.id}" is a ${agent.kind} agent, which cannot run in this version; use a command agent`
          )
      }
    }

    return { find, list, load, estimate, invoke }
  })
