import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import type { AgentHandler } from "../Agents.ts"
import { AgentId, type EffectAgent } from "../Domain/Agent.ts"

/** An agent written in code: what it does, and what others may know about it. */
export interface EffectAgentEntry {
  readonly handler: AgentHandler
  readonly description?: string | undefined
  readonly capabilities?: ReadonlyArray<string> | undefined
}

/** The agents written in code, by name. None unless provided. */
export class EffectAgents extends Context.Reference<EffectAgents>()("symbiont/EffectAgents", {
  defaultValue: (): ReadonlyMap<string, EffectAgentEntry> => new Map()
}) {
  /** Provides agents written in code: `EffectAgents.layer({ greeter: (invocation) => ... })`. */
  static readonly layer = (agents: Readonly<Record<string, AgentHandler | EffectAgentEntry>>): Layer.Layer<never> =>
    Layer.succeed(
      EffectAgents,
      new Map(
        Object.entries(agents).map(([name, agent]) => [name, typeof agent === "function" ? { handler: agent } : agent])
      )
    )
}

/** The definition under which an agent written in code is known. */
export const definitionOfEntry = (name: string, entry: EffectAgentEntry): EffectAgent => ({
  id: AgentId.make(name),
  kind: "effect",
  capabilities: entry.capabilities ?? [],
  ...(entry.description === undefined ? {} : { description: entry.description })
})
