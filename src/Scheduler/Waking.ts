import * as Effect from "effect/Effect"
import { type Estimate, noEstimate, type RunBudget, unknownEstimate } from "../Budgets.ts"
import { type AgentDefinition, AgentFailure, type Usage } from "../Domain/Agent.ts"
import type { Run } from "../Domain/Run.ts"
import type { StartedRun } from "../JobStore.ts"
import type { GateFinding, WakeGate } from "../WakeGate.ts"
import type { AttemptEnd } from "./Outcome.ts"

const isSlot = ({ trigger }: Pick<Run, "trigger">): boolean => trigger === "schedule" || trigger === "catch_up"

const savedText = (saved: Usage | null): string => {
  if (saved === null) return ""
  const { cost_usd, input_tokens, output_tokens } = saved
  const cost = cost_usd === undefined ? "" : ` (${Number(cost_usd.toPrecision(3))} USD)`
  return `; about ${(input_tokens + output_tokens).toLocaleString("en-US")} tokens${cost} saved, as the last run spent`
}

/** What the gate of a job says of an attempt: how it ends by it, or what the agent is to read. */
export interface Waking {
  readonly end: AttemptEnd | null
  readonly finding: GateFinding | null
}

/** Whether the agent was called in an attempt before; of one that was interrupted nobody knows. */
const wasWoken = ({ attempts, context_bytes }: Run): boolean =>
  context_bytes !== null || attempts.some(({ outcome }) => outcome === "interrupted")

/**
 * Asks the job's gate. A slot ends by it as long as the agent was not woken: who runs a job by hand wants it run, and
 * what the agent has begun is not over because there is nothing new.
 */
export const askGate = Effect.fnUntraced(function* (gate: typeof WakeGate.Service, { job, run }: StartedRun) {
  const finding = yield* gate.ask(job, run)
  if (finding === null || finding.wakes || !isSlot(run) || wasWoken(run)) return { end: null, finding }
  const text = `nothing to do: ${finding.text}${savedText(job.last_usage)}`
  return { end: { _tag: "Skipped", reason: { code: "no_change", text } }, finding } satisfies Waking
})

const denied = (text: string, pauses: boolean): AttemptEnd => ({
  _tag: "Denied",
  reason: { code: "budget", text },
  pauses
})

/** What an agent may take that cannot say so before: what a call or a run before it took. Commands take nothing. */
export const guessOf = (agent: AgentDefinition | null, before: Usage | null): Estimate => {
  if (before !== null) return { ...before, isGuess: true }
  return agent === null || agent.kind === "command" ? noEstimate : unknownEstimate
}

/** Whether a person let the run go beyond its budget. */
export const mayGoBeyond = ({ approval }: Pick<StartedRun, "approval">): boolean =>
  approval?.state === "approved" && approval.over_budget !== null

/**
 * What budgets make of the end that the policy gate gave an attempt which is to wait for a person: both are asked at
 * once, and nobody is asked about what is denied anyway.
 */
export const askAlongside = Effect.fnUntraced(function* (
  end: Extract<AttemptEnd, { readonly _tag: "AwaitingApproval" }>,
  budget: RunBudget,
  estimate: Estimate
) {
  const over = yield* budget.check(estimate)
  if (over === null) return end
  return over.at_cap === "ask" ? { ...end, over_budget: over.text } : denied(over.text, over.at_cap === "pause")
})

/** Reserves what an attempt may take at first; how it ends where a budget forbids that. */
export const reserveStart = Effect.fnUntraced(function* (
  started: StartedRun,
  budget: RunBudget,
  estimate: Estimate,
  whenAsked: Pick<Extract<AttemptEnd, { readonly _tag: "AwaitingApproval" }>, "approvers" | "policies">
) {
  const beyond = mayGoBeyond(started)
  const over = yield* budget.reserve(estimate, { beyond })
  if (over === null) return null
  // What its agent failed at is not made good by there being no money to try again.
  if (started.run.attempts.some(({ outcome }) => outcome === "failed" || outcome === "timed_out")) {
    const message = `not tried again: ${over.text}`
    return { _tag: "Failed", failure: new AgentFailure({ kind: "budget", message }) } satisfies AttemptEnd
  }
  // A run is asked about once: one that was approved for another reason is not asked about again.
  if (over.at_cap === "ask" && started.run.approval_id === null) {
    return { _tag: "AwaitingApproval", over_budget: over.text, ...whenAsked } satisfies AttemptEnd
  }
  return denied(over.text, over.at_cap === "pause")
})
