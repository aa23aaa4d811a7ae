import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { AgentPin } from "../AgentPin.ts"
import type { AgentDefinition } from "../Domain/Agent.ts"
import type { AgentPinRefused, VerifiedCredential } from "../Domain/AgentPin.ts"
import type { StoredJob } from "../Domain/Job.ts"
import type { IdentityCheck, PolicyEvaluation } from "../Domain/Policy.ts"
import type { StartedRun } from "../JobStore.ts"
import { NamedPolicies, PolicyGate, policiesOf } from "../PolicyGate.ts"
import { Settings } from "../Settings.ts"
import { bindingOf } from "./ApprovalBinding.ts"
import type { AttemptEnd } from "./Outcome.ts"

/** What the gate said of an attempt: on what grounds, and how the attempt ends by it; null when it may go on. */
export interface GateAnswer {
  readonly evaluation: PolicyEvaluation | null
  readonly end: AttemptEnd | null
}

type Denied = Extract<AttemptEnd, { readonly _tag: "Denied" }>

const denied = (code: string, text: string, audit?: Denied["audit"]): Denied => ({
  _tag: "Denied",
  reason: { code, text },
  audit
})

const verified = ({ exp, jti, kid }: VerifiedCredential): IdentityCheck => ({
  result: "verified",
  code: null,
  detail: null,
  kid,
  jti,
  expires_at: exp
})

const refused = ({ code, detail }: AgentPinRefused): IdentityCheck => ({
  result: "refused",
  code,
  detail,
  kid: null,
  jti: null,
  expires_at: null
})

/** What a refused credential claims is told apart from what is known; the credential itself is never told. */
const identityDenied = (job: StoredJob, { claimed, code, detail, message }: AgentPinRefused): Denied =>
  denied("agent_pin", message, {
    type: "AgentPinVerificationFailed",
    after: { agent_id: job.agent_id, code, detail, unverified: claimed }
  })

/** Asks, before an agent is called, whether the run may: identity, policy and approval, in one place. */
export class RunGate extends Effect.Service<RunGate>()("symbiont/Scheduler/RunGate", {
  effect: Effect.gen(function* () {
    const gate = yield* PolicyGate
    const agentPin = yield* AgentPin
    const { scheduler } = yield* Settings
    const { policies } = yield* NamedPolicies

    /** Verifies what the job presents; none when nobody asks for a credential and there is none. */
    const identify = Effect.fnUntraced(function* (job: StoredJob) {
      const held = policiesOf(job, policies)
      const required = agentPin.required || held.some((policy) => policy.require_agent_pin === true)
      if (!required && job.agent_pin_jwt === undefined) return null
      const { agent_id, agent_pin_jwt: credential, id: job_id } = job
      const capabilities = held.flatMap((policy) => policy.require_capabilities ?? [])
      const checked = yield* Effect.either(agentPin.verify({ credential, job_id, agent_id, capabilities }))
      // What is written as a variable that is not set is no credential, rather than a bad one.
      const absent = !required && Either.isLeft(checked) && checked.left.code === "CREDENTIAL_MISSING"
      return absent ? null : checked
    })

    /** The answer for an attempt that is about to call this agent; null when none of that name is known. */
    const ask = Effect.fnUntraced(function* ({ approval: known, job, run }: StartedRun, agent: AgentDefinition | null) {
      const approval = known?.state === "approved" ? known : null
      if (approval !== null && approval.binding !== bindingOf(job, run.input)) {
        const end = denied("approval_void", "the job was changed after the run was approved")
        return { evaluation: null, end } satisfies GateAnswer
      }
      const isPlain = !agentPin.required && job.agent_pin_jwt === undefined && policiesOf(job, policies).length === 0
      const credential = isPlain ? null : yield* identify(job)
      const identity = credential === null ? null : Either.match(credential, { onLeft: refused, onRight: verified })
      const { environment } = scheduler
      const time = yield* Clock.currentTimeMillis
      const decision = yield* gate.evaluate(job, { now: time, environment, agent, identity, approval, run })
      // Where there is nothing to decide, there is nothing to say.
      if (!isPlain || decision._tag !== "Allow") {
        yield* Effect.logDebug("decided", {
          component: "policy",
          job_name: job.name,
          run_id: run.id,
          decision: decision._tag,
          reason: decision._tag === "Deny" ? decision.reason : undefined
        })
      }
      const evaluation: PolicyEvaluation = {
        time,
        decision,
        environment,
        capabilities: agent?.capabilities ?? null,
        identity,
        approved_by: approval?.decided_by ?? null
      }
      const isDenied = decision._tag === "Deny"
      // A credential that was refused stops the run whatever the gate makes of it, and its event is written.
      if (credential !== null && Either.isLeft(credential)) {
        return { evaluation, end: identityDenied(job, credential.left) } satisfies GateAnswer
      }
      if (isDenied) {
        return { evaluation, end: denied(decision.code ?? "policy", decision.reason) } satisfies GateAnswer
      }
      if (decision._tag === "Allow" || approval !== null) return { evaluation, end: null } satisfies GateAnswer
      const { approvers } = decision
      const end: AttemptEnd = {
        _tag: "AwaitingApproval",
        approvers,
        policies: policiesOf(job, policies),
        over_budget: null
      }
      return { evaluation, end } satisfies GateAnswer
    })

    /** Why a heartbeat may not go on to its next iteration; null when its credential is still good. */
    const askAgain = Effect.fnUntraced(function* ({ job }: StartedRun) {
      const credential = yield* identify(job)
      return credential !== null && Either.isLeft(credential) ? identityDenied(job, credential.left) : null
    })

    return { ask, askAgain } as const
  })
}) {}
