import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { AgentDefinition } from "./Domain/Agent.ts"
import type { Approval } from "./Domain/Approval.ts"
import type { Job } from "./Domain/Job.ts"
import type { IdentityCheck, Policy, PolicyDecision } from "./Domain/Policy.ts"
import type { Run } from "./Domain/Run.ts"
import { decide } from "./PolicyGate/Conditions.ts"

export { conditions, decide, policiesOf, withinHours } from "./PolicyGate/Conditions.ts"

/** What a decision depends on besides the job. */
export interface PolicyContext {
  /** UTC ms. */
  readonly now: number
  /** The environment this service runs in, such as `production`. */
  readonly environment: string
  /** The job's agent; null when no agent of that name is known. */
  readonly agent: AgentDefinition | null
  /** What came of the credential that the run presents; null when none is asked for and none is presented. */
  readonly identity: IdentityCheck | null
  /** The approval that was given to the run; null when none was. */
  readonly approval: Approval | null
  /** The run in question; null when slots to come are looked at. */
  readonly run: Pick<Run, "id" | "trigger" | "scheduled_for" | "input" | "requested_by"> | null
}

/** Policies that jobs refer to by name; none unless a layer provides some. */
export class NamedPolicies extends Context.Reference<NamedPolicies>()("symbiont/NamedPolicies", {
  defaultValue: (): { readonly policies: ReadonlyMap<string, Policy> } => ({ policies: new Map() })
}) {}

/**
 * Decides, before an agent is woken, whether a run may go on: asked once per attempt, after jitter, and again after an
 * approval. Replaceable as a layer; what it requires a person for, a given approval satisfies.
 */
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
