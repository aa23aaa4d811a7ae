import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { makeRuntime } from "./Agents/Runtime.ts"
import type { AgentDefinition, AgentFailure, AgentNotFound, Usage } from "./Domain/Agent.ts"
import type { DeliveryChannel } from "./Domain/Delivery.ts"
import type { JobId, RunId } from "./Domain/Ids.ts"
import type { ToolCall } from "./Domain/Run.ts"
import type { Turn } from "./Domain/Session.ts"
import type { ServiceEnvironment } from "./ServiceEnvironment.ts"
import type { Settings } from "./Settings.ts"

export { type EffectAgentEntry, EffectAgents } from "./Agents/EffectAgents.ts"
export { endOrphans } from "./Agents/Orphans.ts"

/** One call of an agent: what it is asked, and the run it is part of. */
export interface Invocation {
  /** Null when the agent is run by hand, outside any job. */
  readonly run: {
    readonly id: RunId
    readonly job_id: JobId
    readonly job_name: string
    readonly attempt: number
    /** UTC ms. */
    readonly scheduled_for: number
  } | null
  readonly input: string
  /** What the previous run left for this one. */
  readonly summary: string | null
  /** The conversation so far, oldest first; empty unless the session is shared. */
  readonly turns: ReadonlyArray<Turn>
  /** Counts from 1 within one heartbeat; null outside heartbeats. */
  readonly iteration: number | null
  /** What this iteration of a heartbeat is for; absent outside heartbeats. */
  readonly phase?: "assess" | "act" | undefined
  /** A folder that lives as long as the session; made when first asked for. */
  readonly sessionDirectory: Effect.Effect<string>
  /** Appends to the run's log, live. */
  readonly log: (text: string) => Effect.Effect<void>
  /** To be asked before more is spent than was: fails, of kind `budget`, where a budget does not allow what it may take. */
  readonly reserve: (estimate: Usage) => Effect.Effect<void, AgentFailure>
  /** Tells what was spent, as it is: what is told stays on the run however it ends. */
  readonly spent: (usage: Usage) => Effect.Effect<void>
  /** Tells of a use of a tool. */
  readonly toolCalled: (call: ToolCall) => Effect.Effect<void>
  /** Sends a text to a channel of the run's job, durably; fails where there is no job, or the channel cannot be used. */
  readonly notify: (channel: DeliveryChannel, text: string) => Effect.Effect<void, AgentFailure>
}

/** What an agent answered. */
export interface AgentResult {
  readonly output: string
  /** The agent's own summary for the next run. */
  readonly summary?: string | undefined
  /** What was spent and not told by `spent`. */
  readonly usage?: Usage | undefined
  readonly exit_code?: number | undefined
}

/** An agent written in code. Interruption must stop it; its scope closes with the attempt. */
export type AgentHandler = (invocation: Invocation) => Effect.Effect<AgentResult, AgentFailure, Scope.Scope>

/** Knows the agents by name and runs them, whatever their kind. */
export class AgentRuntime extends Context.Tag("symbiont/AgentRuntime")<
  AgentRuntime,
  {
    readonly find: (id: string) => Effect.Effect<AgentDefinition, AgentNotFound>
    readonly list: Effect.Effect<ReadonlyArray<AgentDefinition>>
    /** Replaces the agents that came from files; those provided in code stay. */
    readonly load: (agents: ReadonlyArray<AgentDefinition>) => Effect.Effect<void>
    /** What a first call of the agent takes at most, as far as anybody knows; null for agents that are no models. */
    readonly estimate: (agent: AgentDefinition, asked: Pick<Invocation, "input" | "summary" | "turns">) => Usage | null
    readonly invoke: (
      agent: AgentDefinition,
      invocation: Invocation
    ) => Effect.Effect<AgentResult, AgentFailure, Scope.Scope>
  }
>() {
  /** Runs agents of every kind; starts with those of {@link EffectAgents} only, until `load`. */
  static readonly layer: Layer.Layer<AgentRuntime, never, ServiceEnvironment | Settings> = Layer.scoped(
    AgentRuntime,
    makeRuntime
  )
}
