import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import { type AgentResult, AgentRuntime, type Invocation } from "../Agents.ts"
import { makeNotify } from "../Delivery.ts"
import { AgentFailure, addUsage } from "../Domain/Agent.ts"
import type { Actor } from "../Domain/Audit.ts"
import { durationMillis } from "../Domain/Duration.ts"
import type { StoredJob } from "../Domain/Job.ts"
import type { Iteration, Reason, Run } from "../Domain/Run.ts"
import type { Turn } from "../Domain/Session.ts"
import { JobStore, type StartedRun } from "../JobStore.ts"
import { NamedPolicies, policiesOf } from "../PolicyGate.ts"
import { RunLogs } from "../RunLogs.ts"
import { type OpenSession, Sessions } from "../Sessions.ts"
import { Settings } from "../Settings.ts"
import { BootIdentity } from "./BootIdentity.ts"
import { MonotonicClock } from "./ClockWatch.ts"
import { beat, contextBytes } from "./Heartbeat.ts"
import { type AttemptEnd, type AttemptRecord, recordOf } from "./Outcome.ts"
import { RunGate } from "./RunGate.ts"
import { RunObserver } from "./RunObserver.ts"

/** How an attempt ended, with what it left behind. */
export interface Ended {
  readonly end: AttemptEnd
  readonly record: AttemptRecord
}

/** The latest uses of tools that are kept with a run. */
const maxToolCalls = 1_000

/** One attempt of a run, from its session to the end of its agent: the guide's stages between claim and record. */
export class Pipeline extends Effect.Service<Pipeline>()("symbiont/Scheduler/Pipeline", {
  effect: Effect.gen(function* () {
    const store = yield* JobStore
    const agents = yield* AgentRuntime
    const gate = yield* RunGate
    const sessions = yield* Sessions
    const logs = yield* RunLogs
    const settings = yield* Settings
    const observer = yield* RunObserver
    const notify = yield* makeNotify
    const monotonic = yield* MonotonicClock
    const { id: owner } = yield* BootIdentity

    const { policies } = yield* NamedPolicies

    /** The shortest that its policies set; without any, the job's own, else the service's. */
    const maxRuntime = (job: StoredJob) => {
      const set = policiesOf(job, policies).flatMap(({ max_runtime }) =>
        max_runtime === undefined ? [] : [max_runtime]
      )
      const limits = set
        .flatMap((limit) => (limit === "none" ? [] : [limit]))
        .toSorted((a, b) => durationMillis(a) - durationMillis(b))
      return limits[0] ?? set[0] ?? job.max_runtime ?? settings.scheduler.default_max_runtime
    }

    const invocation = (started: StartedRun, session: OpenSession, record: Ref.Ref<AttemptRecord>): Invocation => ({
      run: {
        id: started.run.id,
        job_id: started.job.id,
        job_name: started.job.name,
        attempt: started.attempt.number,
        scheduled_for: started.run.scheduled_for
      },
      input: started.run.input ?? "",
      summary: session.summary,
      turns: session.turns,
      iteration: null,
      sessionDirectory: session.directory,
      log: (text) => logs.append(started.run.id, text),
      reserve: () => Effect.void,
      spent: (usage) =>
        Ref.update(record, (before) => ({
          ...before,
          usage: before.usage === null ? usage : addUsage(before.usage, usage)
        })),
      toolCalled: (call) =>
        Ref.update(record, (before) => ({ ...before, tool_calls: [...before.tool_calls, call].slice(-maxToolCalls) })),
      notify: (channel, text) =>
        notify({ run_id: started.run.id, attempt: started.attempt.number, owner }, started.job, channel, text)
    })

    const execute = Effect.fn("Pipeline.execute")(function* (
      started: StartedRun,
      session: OpenSession,
      record: Ref.Ref<AttemptRecord>
    ) {
      const { job } = started
      const agent = yield* agents
        .find(job.agent_id)
        .pipe(Effect.mapError((error) => new AgentFailure({ kind: "permanent", message: error.message })))
      const call = Effect.fnUntraced(function* (asked: Invocation) {
        const bytes = contextBytes(asked)
        yield* Ref.update(record, (before) => ({
          ...before,
          context_bytes: Math.max(bytes, before.context_bytes ?? 0)
        }))
        const result = yield* agents.invoke(agent, asked)
        if (result.usage !== undefined) yield* asked.spent(result.usage)
        return result
      })
      // What a long beat has done so far is seen while it runs, and stays if the service dies.
      const iterated = Effect.fnUntraced(function* (iteration: Iteration) {
        const after = yield* Ref.updateAndGet(record, (before) => ({
          ...before,
          iterations: [...before.iterations, iteration]
        }))
        const { context_bytes, iterations, session_id, tool_calls, usage } = after
        yield* store.progress(
          { run_id: started.run.id, attempt: started.attempt.number, owner },
          { context_bytes, iterations, session_id, tool_calls, usage }
        )
      })
      // A beat can outlive the credential that it began with.
      const callAgain = Effect.fnUntraced(function* (asked: Invocation) {
        const end = asked.iteration === null || asked.iteration === 1 ? null : yield* gate.askAgain(started)
        return end === null ? yield* call(asked) : yield* new StoppedAtGate({ end })
      })
      const asked = invocation(started, session, record)
      const work: Effect.Effect<Work, AgentFailure | StoppedAtGate, Scope.Scope> =
        job.heartbeat?.enabled === true
          ? beat(job.heartbeat, session.mode, asked, callAgain, iterated)
          : Effect.map(call(asked), (result) => ({ result, turns: turnsOf(asked, result), stop_reason: null }))
      const limit = maxRuntime(job)
      const limited =
        limit === "none" ? Effect.map(work, Option.some) : Effect.timeoutOption(work, durationMillis(limit))
      const done = yield* limited
      if (Option.isNone(done)) return { _tag: "TimedOut", max_runtime: limit } satisfies AttemptEnd
      const { result, stop_reason, turns } = done.value
      return {
        _tag: "Succeeded",
        output: result.output,
        summary: result.summary,
        stop_reason,
        session: yield* session.after(turns)
      } satisfies AttemptEnd
    })

    const stages = Effect.fn("Pipeline.stages")(function* (started: StartedRun, record: Ref.Ref<AttemptRecord>) {
      const { job, run } = started
      const entered = (stage: Parameters<typeof observer.entered>[1]) => observer.entered(run.id, stage)
      yield* entered("concurrency")
      yield* entered("jitter")
      yield* entered("session")
      yield* Effect.addFinalizer(() => entered("session_cleanup"))
      const session = yield* sessions.open(job)
      yield* Ref.update(record, (before) => ({ ...before, session_id: session.id }))
      yield* entered("policy")
      const { end: stopped, evaluation } = yield* gate.ask(started)
      yield* Ref.update(record, (before) => ({ ...before, evaluation }))
      if (stopped !== null) return stopped
      yield* entered("execution")
      const end: AttemptEnd = yield* execute(started, session, record).pipe(
        Effect.catchTag("StoppedAtGate", ({ end }) => Effect.succeed(end))
      )
      yield* entered("delivery")
      return end
    })

    /**
     * Runs one attempt to its end, whatever that is: an agent's failure, an interruption (told apart by `whyStopped`)
     * and a defect are all ends. The session is closed when it returns. To be called in an uninterruptible region.
     */
    const attempt = Effect.fn("Pipeline.attempt")(function* (started: StartedRun, whyStopped: Effect.Effect<Stopped>) {
      const record = yield* Ref.make(recordOf(started.run))
      const begun = yield* monotonic.millis
      const exit = yield* Effect.exit(Effect.interruptible(Effect.scoped(stages(started, record))))
      const end = Exit.isSuccess(exit) ? exit.value : yield* endOfCause(exit.cause, whyStopped, started.run)
      const execution_time_ms = (yield* monotonic.millis) - begun
      return { end, record: { ...(yield* Ref.get(record)), execution_time_ms } } satisfies Ended
    }, Effect.uninterruptible)

    return { attempt } as const
  })
}) {}

/** What an agent did in one attempt: its answer, the turns to remember, and why a heartbeat stopped. */
interface Work {
  readonly result: AgentResult
  readonly turns: ReadonlyArray<Turn>
  readonly stop_reason: string | null
}

/** The gate stopped an attempt whose agent had been called. */
class StoppedAtGate extends Data.TaggedError("StoppedAtGate")<{ readonly end: AttemptEnd }> {}

/** Why a run's fiber was stopped from outside. */
export type Stopped =
  | { readonly kind: "cancelled"; readonly reason: Reason; readonly actor: Actor }
  | { readonly kind: "interrupted"; readonly reason: Reason }

const turnsOf = (asked: Invocation, result: AgentResult): ReadonlyArray<Turn> => [
  { role: "user", text: asked.input },
  { role: "assistant", text: result.output }
]

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
