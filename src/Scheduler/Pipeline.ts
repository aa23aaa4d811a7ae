import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { AgentRuntime } from "../Agents.ts"
import { Budgets, type Estimate, noBudget } from "../Budgets.ts"
import { debugged } from "../Debugging.ts"
import { AgentFailure } from "../Domain/Agent.ts"
import type { Run } from "../Domain/Run.ts"
import type { KeptSession, StartedRun } from "../JobStore.ts"
import { NamedPolicies, policiesOf } from "../PolicyGate.ts"
import { type OpenSession, Sessions } from "../Sessions.ts"
import { refusalIn, refusalTexts } from "../StorageHealth.ts"
import { RunTraces } from "../Telemetry.ts"
import { WakeGate } from "../WakeGate.ts"
import { MonotonicClock } from "./ClockWatch.ts"
import { type Executing, Execution } from "./Execution.ts"
import type { LiveRun, Stopped } from "./LiveRun.ts"
import { type AttemptEnd, type AttemptRecord, type OpenRecord, recordOf } from "./Outcome.ts"
import { RunGate } from "./RunGate.ts"
import { RunObserver, unobserved } from "./RunObserver.ts"
import { askAlongside, askGate, guessOf, reserveStart } from "./Waking.ts"

/** How an attempt ended, with what it left behind. */
export interface Ended {
  readonly end: AttemptEnd
  readonly record: AttemptRecord
  /** The conversation up to its last whole exchange, of an attempt that came to no answer; undefined without any. */
  readonly session: KeptSession | undefined
}

/** An attempt under way. */
interface Attempting {
  readonly started: StartedRun
  readonly live: LiveRun
  readonly record: OpenRecord
  /** Null until it is opened. */
  session: OpenSession | null
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
    const isDebugged = yield* debugged
    const monotonic = yield* MonotonicClock
    const traces = yield* RunTraces
    const { policies } = yield* NamedPolicies
    const entered = observer.entered === unobserved ? null : observer.entered

    /** Policy, identity and approval; then what the gate and the budgets say. Null lets the agent be woken. */
    const whetherToWake = Effect.fnUntraced(function* (executing: Executing) {
      const { agent, budget, record, session, started } = executing
      const { end: stopped, evaluation } = yield* gate.ask(started, agent)
      record.evaluation = evaluation
      const estimate = (input: string): Estimate => {
        const asked = { ...session, turns: session.turns(), input }
        const first = agent === null ? null : agents.estimate(agent, asked)
        return first === null ? guessOf(agent, started.job.last_usage) : { ...first, isGuess: false }
      }
      if (stopped?._tag === "AwaitingApproval") return yield* askAlongside(stopped, budget, estimate(executing.input))
      if (stopped !== null) return stopped
      if (started.job.gate !== undefined) {
        const { end, finding } = yield* askGate(wakeGate, started)
        if (end !== null) return end
        record.gate_seen = finding?.seen ?? null
        const found = finding?.output ?? ""
        if (found !== "") executing.input = [executing.input, found].join("\n\n").trim()
      }
      if (budget === noBudget) return null
      const whenAsked = { approvers: [], policies: policiesOf(started.job, policies) }
      return yield* reserveStart(started, budget, estimate(executing.input), whenAsked)
    })

    const stages = Effect.fnUntraced(function* (attempt: Attempting) {
      const { live, record, started } = attempt
      const { job, run } = started
      if (isDebugged) {
        yield* Effect.logDebug("run started", {
          job_id: job.id,
          job_name: job.name,
          run_id: run.id,
          attempt: started.attempt.number,
          trigger: run.trigger
        })
      }
      if (entered !== null) {
        yield* entered(run.id, "concurrency")
        yield* entered(run.id, "jitter")
        yield* entered(run.id, "session")
      }
      const session = yield* traces.stage("session")(sessions.open(job))
      attempt.session = session
      record.session_id = session.id
      if (entered !== null) yield* entered(run.id, "policy")
      const agent = yield* Effect.orElseSucceed(agents.find(job.agent_id), () => null)
      const budget = budgets.ofRun(run.id, job, agent)
      const executing: Executing = { started, live, session, record, agent, budget, input: run.input ?? "" }
      const stopped = yield* traces.stage("policy")(whetherToWake(executing))
      if (stopped !== null) return stopped
      if (entered !== null) yield* entered(run.id, "execution")
      const end = yield* traces.stage("execution")(execution.run(executing))
      if (entered !== null) yield* entered(run.id, "delivery")
      return end
    })

    /**
     * Runs one attempt to its end, whatever that is: an agent's failure, a stop (told apart by `live`) and a defect are
     * all ends. Its scope is closed when it returns. To be called where nothing can be interrupted, in a fiber of its own.
     */
    const attempt = Effect.fnUntraced(function* (started: StartedRun, live: LiveRun) {
      const record = recordOf(started.run)
      const attempting: Attempting = { started, live, record, session: null }
      const begun = monotonic.millis(live.clock)
      const exit = yield* Effect.exit(Effect.interruptible(stages(attempting)))
      live.endTime?.()
      if (entered !== null) yield* entered(started.run.id, "session_cleanup")
      const closed = yield* Effect.exit(traces.stage("session_cleanup")(Scope.close(live.scope, exit)))
      const whole = Exit.isSuccess(closed) ? exit : Exit.zipLeft(exit, closed)
      const end = Exit.isSuccess(whole) ? whole.value : yield* endOfCause(whole.cause, live, started.run)
      record.execution_time_ms = monotonic.millis(live.clock) - begun
      const session = attempting.session === null ? undefined : yield* attempting.session.kept
      return { end, record, session } satisfies Ended
    })

    return { attempt } as const
  })
}) {}

const permanently = (message: string): AttemptEnd => ({
  _tag: "Failed",
  failure: new AgentFailure({ kind: "permanent", message })
})

const endOfStop = (stopped: Stopped): AttemptEnd => {
  switch (stopped.kind) {
    case "cancelled":
      return { _tag: "Cancelled", reason: stopped.reason, actor: stopped.actor }
    case "interrupted":
      return { _tag: "Interrupted", reason: stopped.reason }
    case "timed_out":
      return { _tag: "TimedOut", max_runtime: stopped.max_runtime }
  }
}

const endOfCause = Effect.fnUntraced(function* (cause: Cause.Cause<AgentFailure>, { stopped }: LiveRun, run: Run) {
  const failure = Cause.failureOption(cause)
  if (Option.isSome(failure)) return { _tag: "Failed", failure: failure.value } satisfies AttemptEnd
  if (Cause.isInterruptedOnly(cause)) {
    return stopped === null ? permanently("the agent interrupted itself") : endOfStop(stopped)
  }
  if (stopped !== null && Cause.isInterrupted(cause)) {
    yield* Effect.logWarning("an agent failed as it was stopped", run.id, cause)
    return endOfStop(stopped)
  }
  const refusal = refusalIn(cause)
  if (refusal !== undefined) {
    const text = `${refusalTexts[refusal].what}: the attempt could not go on`
    return { _tag: "Interrupted", reason: { code: "storage", text } } satisfies AttemptEnd
  }
  yield* Effect.logError("a run failed by a defect", run.id, cause)
  const defect = Cause.squash(cause)
  return permanently(`internal error: ${defect instanceof Error ? defect.message : String(defect)}`)
})
