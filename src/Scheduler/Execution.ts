import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import { type AgentResult, AgentRuntime, type Invocation } from "../Agents.ts"
import type { Estimate, RunBudget } from "../Budgets.ts"
import { makeNotify } from "../Delivery.ts"
import {
  type AgentDefinition,
  AgentFailure,
  type AgentNotFound,
  addUsage,
  saneUsage,
  type Usage
} from "../Domain/Agent.ts"
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
import { Deadlines } from "./Deadlines.ts"
import { beat, contextBytes } from "./Heartbeat.ts"
import type { LiveRun } from "./LiveRun.ts"
import { maxRuntimeOf } from "./MaxRuntime.ts"
import { type AttemptEnd, cutOutput, type OpenRecord } from "./Outcome.ts"
import { RunGate } from "./RunGate.ts"
import { guessOf, mayGoBeyond } from "./Waking.ts"

/** An attempt whose agent may be woken, and what it leaves behind as it goes. */
export interface Executing {
  readonly started: StartedRun
  readonly session: OpenSession
  readonly record: OpenRecord
  /** Null when no agent of the job's name is known. */
  readonly agent: AgentDefinition | null
  readonly budget: RunBudget
  /** What the agent is given: the run's input, and what the gate found. */
  input: string
  /** Stopped where the attempt takes longer than it may. */
  readonly live: LiveRun
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

const unknownAgent = ({ message }: AgentNotFound) => new AgentFailure({ kind: "permanent", message })

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
    const deadlines = yield* Deadlines
    const { default_max_runtime: defaultLimit } = settings.scheduler
    const defaultMillis = defaultLimit === "none" ? 0 : durationMillis(defaultLimit)

    const reserveMore = Effect.fnUntraced(function* (
      { budget, record, started }: Pick<Executing, "budget" | "record" | "started">,
      estimate: Estimate
    ) {
      const over = yield* budget.reserve(estimate, { beyond: mayGoBeyond(started) })
      if (over === null) return
      record.pauses = over.at_cap === "pause"
      return yield* new AgentFailure({ kind: "budget", message: `stopped: ${over.text}` })
    })

    const invocation = ({ budget, input, record, session, started }: Executing): Invocation => {
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
          Effect.suspend(() => {
            record.usage = record.usage === null ? more : addUsage(record.usage, more)
            return Effect.zipRight(recordSpent(started.job.agent_id, more), budget.spend(more))
          }),
        toolCalled: (call) =>
          Effect.sync(() => {
            record.tool_calls = [...record.tool_calls, call].slice(-maxToolCalls)
          }),
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
        record.context_bytes = Math.max(contextBytes(asked), record.context_bytes ?? 0)
        // Agents written in code tell what they like, and beats count it, too.
        const spent: Invocation["spent"] = (usage) => asked.spent(saneUsage(usage))
        const reserve: Invocation["reserve"] = (estimate) => asked.reserve(saneUsage(estimate))
        const result = yield* Effect.catchAll(
          agents.invoke(agent, Object.assign({ ...asked }, { reserve, spent })),
          (failure) => asSuccess(started.job, failure)
        )
        if (result.usage !== undefined) yield* spent(result.usage)
        before = result.usage === undefined ? before : saneUsage(result.usage)
        const output = cutOutput(result.output)
        return output === result.output ? result : ({ ...result, output } satisfies AgentResult)
      })
    }

    // What a long beat has done so far is seen while it runs, and stays if the service dies.
    const writingProgress = Effect.fnUntraced(function* ({ record, session, started }: Executing) {
      const scope = yield* Effect.scope
      const write = Effect.gen(function* () {
        const { context_bytes, iterations, session_id, tool_calls, usage } = record
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
        record.iterations.add({ attempt: started.attempt.number, ...iteration })
        if (awaited) return
        awaited = true
        // An iteration that is stopped is told of where nothing can be interrupted.
        yield* Effect.forkIn(Effect.interruptible(soon), scope)
      })
    })

    const work = Effect.fnUntraced(function* (executing: Executing) {
      const { session, started } = executing
      const { job } = started
      const agent = executing.agent ?? (yield* Effect.mapError(agents.find(job.agent_id), unknownAgent))
      const callOnce = call(agent, executing)
      // A beat can outlive the credential that it began with.
      const callAgain = Effect.fnUntraced(function* (asked: Invocation) {
        const end = asked.iteration === null || asked.iteration === 1 ? null : yield* gate.askAgain(started)
        return end === null ? yield* callOnce(asked) : yield* new StoppedAtGate({ end })
      })
      const asked = invocation(executing)
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

    /** Begins the time that the attempt may take, at whose end it is stopped. */
    const beginTime = ({ live, started }: Executing): (() => void) | null => {
      const limit = maxRuntimeOf(started.job, policies, defaultLimit)
      if (limit === "none") return null
      const millis = limit === defaultLimit ? defaultMillis : durationMillis(limit)
      return deadlines.begin(live.clock, millis, () => live.interrupt({ kind: "timed_out", max_runtime: limit }))
    }

    const byAgent = HashMap.set<string, unknown>("component", "agents")

    /** Runs the agent to the end of the attempt, in the run's own fiber: what it is given to log stays with that. */
    const run = Effect.fnUntraced(
      function* (executing: Executing) {
        yield* FiberRef.update(FiberRef.currentLogAnnotations, byAgent)
        executing.live.endTime = beginTime(executing)
        const { result, stop_reason, summary } = yield* work(executing)
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
