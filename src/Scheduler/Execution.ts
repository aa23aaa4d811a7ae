import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import { type AgentResult, AgentRuntime, type Invocation } from "../Agents.ts"
import type { Estimate, RunBudget } from "../Budgets.ts"
import { makeNotify } from "../Delivery.ts"
import { type AgentDefinition, AgentFailure, addUsage, saneUsage, type Usage } from "../Domain/Agent.ts"
import { durationMillis } from "../Domain/Duration.ts"
import type { StoredJob } from "../Domain/Job.ts"
import type { Iteration } from "../Domain/Run.ts"
import type { Turn } from "../Domain/Session.ts"
import { JobStore, type StartedRun } from "../JobStore.ts"
import { recordSpent } from "../Observability.ts"
import { NamedPolicies } from "../PolicyGate.ts"
import { RunLogs } from "../RunLogs.ts"
import type { OpenSession } from "../Sessions.ts"
import { Settings } from "../Settings.ts"
import { isSuccessfulExit, whyNoSuccess } from "../Success.ts"
import { BootIdentity } from "./BootIdentity.ts"
import { beat, contextBytes } from "./Heartbeat.ts"
import { maxRuntimeOf } from "./MaxRuntime.ts"
import { type AttemptEnd, type AttemptRecord, cutOutput } from "./Outcome.ts"
import { RunGate } from "./RunGate.ts"
import { guessOf, mayGoBeyond } from "./Waking.ts"

/** An attempt whose agent may be woken, and what it leaves behind as it goes. */
export interface Executing {
  readonly started: StartedRun
  readonly session: OpenSession
  readonly record: Ref.Ref<AttemptRecord>
  /** Null when no agent of the job's name is known. */
  readonly agent: AgentDefinition | null
  readonly budget: RunBudget
  /** What the agent is given: the run's input, and what the gate found. */
  readonly input: Ref.Ref<string>
}

/** The shortest time between two writes of what a beat has done so far, in ms; at least so many times what one takes. */
const progressMillis = 1_000
const progressShare = 10

/** The latest uses of tools that are kept with a run. */
const maxToolCalls = 1_000

/** What an agent did in one attempt: its answer, and why a heartbeat stopped. */
interface Work {
  readonly result: AgentResult
  readonly summary: string | null | undefined
  readonly stop_reason: string | null
}

/** The gate stopped an attempt whose agent had been called. */
class StoppedAtGate extends Data.TaggedError("StoppedAtGate")<{ readonly end: AttemptEnd }> {}

const exchangeOf = (asked: Invocation, result: AgentResult): ReadonlyArray<Turn> => [
  { role: "user", text: asked.input },
  { role: "assistant", text: result.output }
]

/** Wakes the agent of an attempt and sees its work through: limits, iterations, what makes it a success. */
export class Execution extends Effect.Service<Execution>()("symbiont/Scheduler/Execution", {
  effect: Effect.gen(function* () {
    const store = yield* JobStore
    const agents = yield* AgentRuntime
    const gate = yield* RunGate
    const logs = yield* RunLogs
    const settings = yield* Settings
    const { id: owner } = yield* BootIdentity
    const { policies } = yield* NamedPolicies
    const notify = yield* makeNotify

    const reserveMore = Effect.fnUntraced(function* (
      { budget, record, started }: Pick<Executing, "budget" | "record" | "started">,
      estimate: Estimate
    ) {
      const over = yield* budget.reserve(estimate, { beyond: mayGoBeyond(started) })
      if (over === null) return
      yield* Ref.update(record, (before) => ({ ...before, pauses: over.at_cap === "pause" }))
      return yield* new AgentFailure({ kind: "budget", message: `stopped: ${over.text}` })
    })

    const invocation = ({ budget, record, session, started }: Executing, input: string): Invocation => {
      const change = (f: (before: AttemptRecord) => Partial<AttemptRecord>) =>
        Ref.update(record, (before) => ({ ...before, ...f(before) }))
      return {
        run: {
          id: started.run.id,
          job_id: started.job.id,
          job_name: started.job.name,
          attempt: started.attempt.number,
          scheduled_for: started.run.scheduled_for
        },
        input,
        summary: session.summary,
        turns: session.turns(),
        iteration: null,
        sessionDirectory: session.directory,
        log: (text) => logs.append(started.run.id, text),
        reserve: (estimate) => reserveMore({ budget, record, started }, { ...estimate, isGuess: false }),
        spent: (more) =>
          change(({ usage }) => ({ usage: usage === null ? more : addUsage(usage, more) })).pipe(
            Effect.zipRight(recordSpent(started.job.agent_id, more)),
            Effect.zipRight(budget.spend(more))
          ),
        toolCalled: (call) => change(({ tool_calls }) => ({ tool_calls: [...tool_calls, call].slice(-maxToolCalls) })),
        notify: (channel, text) =>
          notify({ run_id: started.run.id, attempt: started.attempt.number, owner }, started.job, channel, text)
      }
    }

    /** An agent's failure by an exit code that the job takes for a success is one. */
    const asSuccess = (
      { success_when }: StoredJob,
      failure: AgentFailure
    ): Effect.Effect<AgentResult, AgentFailure> => {
      const { exit_code, output = "" } = failure
      const succeeds = exit_code !== undefined && isSuccessfulExit(success_when, exit_code)
      return succeeds ? Effect.succeed({ output, exit_code }) : failure
    }

    const call = (agent: AgentDefinition, executing: Executing) => {
      const { record, started } = executing
      let before: Usage | null = null
      return Effect.fnUntraced(function* (asked: Invocation) {
        // Models ask themselves before each of their calls; for others the first one was asked for at the start.
        const isFurther = asked.iteration !== null && asked.iteration > 1
        if (isFurther && agent.kind !== "model") yield* reserveMore(executing, guessOf(agent, before))
        const bytes = contextBytes(asked)
        yield* Ref.update(record, (before) => ({
          ...before,
          context_bytes: Math.max(bytes, before.context_bytes ?? 0)
        }))
        // Agents written in code tell what they like, and beats count it, too.
        const spent: Invocation["spent"] = (usage) => asked.spent(saneUsage(usage))
        const reserve: Invocation["reserve"] = (estimate) => asked.reserve(saneUsage(estimate))
        const result = yield* Effect.catchAll(agents.invoke(agent, { ...asked, reserve, spent }), (failure) =>
          asSuccess(started.job, failure)
        )
        if (result.usage !== undefined) yield* spent(result.usage)
        before = result.usage === undefined ? before : saneUsage(result.usage)
        return { ...result, output: cutOutput(result.output) } satisfies AgentResult
      })
    }

    // What a long beat has done so far is seen while it runs, and stays if the service dies.
    const writingProgress = Effect.fnUntraced(function* ({ record, session, started }: Executing) {
      const scope = yield* Effect.scope
      const write = Effect.gen(function* () {
        const { context_bytes, iterations, session_id, tool_calls, usage } = yield* Ref.get(record)
        const so_far = { context_bytes, ...iterations.kept(), session_id, tool_calls, usage }
        yield* session.save((kept) =>
          store.progress({ run_id: started.run.id, attempt: started.attempt.number, owner }, so_far, kept)
        )
      })
      let pause = progressMillis
      let awaited = false
      const soon = Effect.gen(function* () {
        yield* Effect.sleep(pause)
        awaited = false
        const [took] = yield* Effect.timed(write)
        pause = Math.max(progressMillis, Duration.toMillis(took) * progressShare)
      }).pipe(Effect.catchAllCause((cause) => Effect.logDebug("what a beat did so far was not stored", cause)))
      return Effect.fnUntraced(function* (iteration: Iteration) {
        const { iterations } = yield* Ref.get(record)
        iterations.add({ attempt: started.attempt.number, ...iteration })
        if (awaited) return
        awaited = true
        // An iteration that is stopped is told of where nothing can be interrupted.
        yield* Effect.forkIn(Effect.interruptible(soon), scope)
      })
    })

    const work = Effect.fnUntraced(function* (executing: Executing) {
      const { session, started } = executing
      const { job } = started
      const agent = yield* agents
        .find(job.agent_id)
        .pipe(Effect.mapError((error) => new AgentFailure({ kind: "permanent", message: error.message })))
      const callOnce = call(agent, executing)
      // A beat can outlive the credential that it began with.
      const callAgain = Effect.fnUntraced(function* (asked: Invocation) {
        const end = asked.iteration === null || asked.iteration === 1 ? null : yield* gate.askAgain(started)
        return end === null ? yield* callOnce(asked) : yield* new StoppedAtGate({ end })
      })
      const asked = invocation(executing, yield* Ref.get(executing.input))
      const { heartbeat, success_when } = job
      const done: Work =
        heartbeat?.enabled === true
          ? yield* beat(heartbeat, session, asked, callAgain, yield* writingProgress(executing))
          : yield* Effect.map(callOnce(asked), (result) => ({
              result,
              summary: result.summary,
              stop_reason: null
            }))
      const { exit_code, output } = done.result
      const problem = whyNoSuccess(success_when, { exit_code, output })
      // It may do better the next time: not a failure for good.
      if (problem !== undefined) return yield* new AgentFailure({ kind: "transient", message: problem, output })
      // A beat has remembered each of its iterations.
      if (heartbeat?.enabled !== true) session.remember(exchangeOf(asked, done.result))
      return done
    })

    /** Runs the agent to the end of the attempt. */
    const run = Effect.fn("Execution.run")(
      function* (executing: Executing) {
        const { attempt, job, run } = executing.started
        const limit = maxRuntimeOf(job, policies, settings.scheduler.default_max_runtime)
        const doing: Effect.Effect<Work, AgentFailure | StoppedAtGate, Scope.Scope> = Effect.annotateLogs(
          work(executing),
          { component: "agents", job_name: job.name, run_id: run.id, attempt: attempt.number }
        )
        const done = yield* limit === "none"
          ? Effect.map(doing, Option.some)
          : Effect.timeoutOption(doing, durationMillis(limit))
        if (Option.isNone(done)) return { _tag: "TimedOut", max_runtime: limit } satisfies AttemptEnd
        const { result, stop_reason, summary } = done.value
        const end: AttemptEnd = {
          _tag: "Succeeded",
          output: result.output,
          summary,
          stop_reason,
          session: yield* executing.session.kept
        }
        return end
      },
      Effect.catchTag("StoppedAtGate", ({ end }) => Effect.succeed(end))
    )

    return { run } as const
  })
}) {}
