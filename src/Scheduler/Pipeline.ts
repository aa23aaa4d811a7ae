import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import { AgentRuntime } from "../Agents.ts"
import { Budgets, type Estimate } from "../Budgets.ts"
import { AgentFailure } from "../Domain/Agent.ts"
import type { Actor } from "../Domain/Audit.ts"
import type { Reason, Run } from "../Domain/Run.ts"
import type { KeptSession, StartedRun } from "../JobStore.ts"
import { NamedPolicies, policiesOf } from "../PolicyGate.ts"
import { type OpenSession, Sessions } from "../Sessions.ts"
import { RunTraces } from "../Telemetry.ts"
import { WakeGate } from "../WakeGate.ts"
import { MonotonicClock } from "./ClockWatch.ts"
import { type Executing, Execution } from "./Execution.ts"
import { type AttemptEnd, type AttemptRecord, recordOf } from "./Outcome.ts"
import { RunGate } from "./RunGate.ts"
import { RunObserver } from "./RunObserver.ts"
import { askAlongside, askGate, guessOf, reserveStart } from "./Waking.ts"

/** How an attempt ended, with what it left behind. */
export interface Ended {
  readonly end: AttemptEnd
  readonly record: AttemptRecord
  /** The conversation up to its last whole exchange, of an attempt that came to no answer; undefined without any. */
  readonly session: KeptSession | undefined
}

/** One attempt of a run, from its session to the end of its agent: the guide's stages between claim and record. */
export class Pipeline extends Effect.Service<Pipeline>()("symbiont/Scheduler/Pipeline", {
  effect: Effect.gen(function* () {
    const agents = yield* AgentRuntime
    const budgets = yield* Budgets
    const execution = yield* Execution
    const gate = yield* RunGate
    const wakeGate = yield* WakeGate
    const sessions = yield* Sessions
    const observer = yield* RunObserver
    const monotonic = yield* MonotonicClock
    const traces = yield* RunTraces
    const { policies } = yield* NamedPolicies

    /** Policy, identity and approval; then what the gate and the budgets say. Null lets the agent be woken. */
    const whetherToWake = Effect.fnUntraced(function* (executing: Executing) {
      const { agent, budget, record, session, started } = executing
      const { end: stopped, evaluation } = yield* gate.ask(started)
      yield* Ref.update(record, (before) => ({ ...before, evaluation }))
      const input = started.run.input ?? ""
      const estimate = (text: string): Estimate => {
        const asked = { ...session, turns: session.turns(), input: text }
        const first = agent === null ? null : agents.estimate(agent, asked)
        return first === null ? guessOf(agent, started.job.last_usage) : { ...first, isGuess: false }
      }
      if (stopped?._tag === "AwaitingApproval") return yield* askAlongside(stopped, budget, estimate(input))
      if (stopped !== null) return stopped
      const { end, finding } = yield* askGate(wakeGate, started)
      if (end !== null) return end
      yield* Ref.update(record, (before) => ({ ...before, gate_seen: finding?.seen ?? null }))
      const given = finding === null || finding.output === "" ? input : [input, finding.output].join("\n\n").trim()
      yield* Ref.set(executing.input, given)
      const whenAsked = { approvers: [], policies: policiesOf(started.job, policies) }
      return yield* reserveStart(started, budget, estimate(given), whenAsked)
    })

    const stages = Effect.fn("Pipeline.stages")(function* (
      started: StartedRun,
      record: Ref.Ref<AttemptRecord>,
      opened: Ref.Ref<OpenSession | null>
    ) {
      const { attempt, job, run } = started
      yield* Effect.logDebug("run started", {
        job_id: job.id,
        job_name: job.name,
        run_id: run.id,
        attempt: attempt.number,
        trigger: run.trigger
      })
      const entered = (stage: Parameters<typeof observer.entered>[1]) => observer.entered(run.id, stage)
      yield* entered("concurrency")
      yield* entered("jitter")
      yield* entered("session")
      yield* Effect.addFinalizer(() => entered("session_cleanup"))
      const session = yield* traces.stage("session")(sessions.open(job))
      yield* Ref.set(opened, session)
      yield* Ref.update(record, (before) => ({ ...before, session_id: session.id }))
      yield* entered("policy")
      const agent = Option.getOrNull(yield* Effect.option(agents.find(job.agent_id)))
      const budget = budgets.ofRun(run.id, job, agent)
      const executing: Executing = { started, session, record, agent, budget, input: yield* Ref.make("") }
      const stopped = yield* traces.stage("policy")(whetherToWake(executing))
      if (stopped !== null) return stopped
      yield* entered("execution")
      const end = yield* traces.stage("execution")(execution.run(executing))
      yield* entered("delivery")
      return end
    })

    /** `Effect.scoped`, with a span around what its end takes. */
    const withCleanup = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) =>
      Effect.acquireUseRelease(
        Scope.make(),
        (scope) => Scope.extend(effect, scope),
        (scope, exit) => traces.stage("session_cleanup")(Scope.close(scope, exit))
      )

    /**
     * Runs one attempt to its end, whatever that is: an agent's failure, an interruption (told apart by `whyStopped`)
     * and a defect are all ends. The session is closed when it returns. To be called in an uninterruptible region.
     */
    const attempt = Effect.fn("Pipeline.attempt")(function* (started: StartedRun, whyStopped: Effect.Effect<Stopped>) {
      const record = yield* Ref.make(recordOf(started.run))
      const opened = yield* Ref.make<OpenSession | null>(null)
      const begun = yield* monotonic.millis
      const exit = yield* Effect.exit(Effect.interruptible(withCleanup(stages(started, record, opened))))
      const end = Exit.isSuccess(exit) ? exit.value : yield* endOfCause(exit.cause, whyStopped, started.run)
      const execution_time_ms = (yield* monotonic.millis) - begun
      const session = yield* (yield* Ref.get(opened))?.kept ?? Effect.succeed(undefined)
      return { end, record: { ...(yield* Ref.get(record)), execution_time_ms }, session } satisfies Ended
    }, Effect.uninterruptible)

    return { attempt } as const
  })
}) {}

/** Why a run's fiber was stopped from outside. */
export type Stopped =
  | { readonly kind: "cancelled"; readonly reason: Reason; readonly actor: Actor }
  | { readonly kind: "interrupted"; readonly reason: Reason }

const permanently = (message: string): AttemptEnd => ({
  _tag: "Failed",
  failure: new AgentFailure({ kind: "permanent", message })
})

const endOfCause = Effect.fnUntraced(function* (
  cause: Cause.Cause<AgentFailure>,
  whyStopped: Effect.Effect<Stopped>,
  run: Run
) {
  const failure = Cause.failureOption(cause)
  if (Option.isSome(failure)) return { _tag: "Failed", failure: failure.value } satisfies AttemptEnd
  if (Cause.isInterruptedOnly(cause)) {
    // A fiber that was interrupted from outside still is; one whose agent interrupted itself is not.
    const fromOutside = Exit.isFailure(yield* Effect.exit(Effect.interruptible(Effect.void)))
    if (!fromOutside) return permanently("the agent interrupted itself")
    const stopped = yield* whyStopped
    return stopped.kind === "cancelled"
      ? ({ _tag: "Cancelled", reason: stopped.reason, actor: stopped.actor } satisfies AttemptEnd)
      : ({ _tag: "Interrupted", reason: stopped.reason } satisfies AttemptEnd)
  }
  yield* Effect.logError("a run failed by a defect", run.id, cause)
  const defect = Cause.squash(cause)
  return permanently(`internal error: ${defect instanceof Error ? defect.message : String(defect)}`)
})
