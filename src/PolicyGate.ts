import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { AgentDefinition } from "./Domain/Agent.ts"
import type { Job } from "./Domain/Job.ts"
import type { Policy, PolicyDecision } from "./Domain/Policy.ts"
import { decide } from "./PolicyGate/Conditions.ts"

export { conditions, decide } from "./PolicyGate/Conditions.ts"

/** What a decision depends on besides the job. */
export interface PolicyContext {
  /** UTC ms. */
  readonly now: number
  /** The environment this service runs in, such as `production`. */
  readonly environment: string
  /** The job's agent; null when no agent of that name is known. */
  readonly agent: AgentDefinition | null
}

/** Policies that jobs refer to by name; none unless a layer provides some. */
export class NamedPolicies extends Context.Reference<NamedPolicies>()("symbiont/NamedPolicies", {
  defaultValue: (): { readonly policies: ReadonlyMap<string, Policy> } => ({ policies: new Map() })
}) {}

/** Decides, before an agent is woken, whether a run may go on. Asked once per attempt; replaceable as a layer. */
export class PolicyGate extends Context.Tag("symbiont/PolicyGate")<
  PolicyGate,
  {
    readonly evaluate: (job: Job, context: PolicyContext) => Effect.Effect<PolicyDecision>
  }
>() {
  /** The conditions of the guide: agent known, environment, hours, capabilities, approval, identity. */
  static readonly layer = Layer.effect(
    PolicyGate,
    Effect.gen(function* () {
      const { policies } = yield* NamedPolicies
      return PolicyGate.of({
        evaluate: (job, context) => Effect.sync(() => decide(job, context, policies))
      })
    })
  )
}
