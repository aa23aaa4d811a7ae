import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { AgentResult, Invocation } from "../Agents.ts"
import { AgentFailure, addUsage, maxErrorLength, type Usage } from "../Domain/Agent.ts"
import { bounded } from "../Domain/Bounded.ts"
import type { Iteration } from "../Domain/Run.ts"
import { type Heartbeat, maxSummaryLength } from "../Domain/Session.ts"
import type { OpenSession } from "../Sessions.ts"
import { instructionOf, isOnlyInstruction } from "./Heartbeat/Instruction.ts"

export { type Instruction, instructionOf } from "./Heartbeat/Instruction.ts"

const defaultMaxIterations = 100

/** How much an agent is given, in bytes: input, summary and the conversation so far. */
export const contextBytes = ({ input, summary, turns }: Pick<Invocation, "input" | "summary" | "turns">): number =>
  turns.reduce(
    (sum, { text }) => sum + Buffer.byteLength(text),
    Buffer.byteLength(input) + Buffer.byteLength(summary ?? "")
  )

/** What a beat did: the last answer, and why it stopped. */
export interface Beat {
  readonly result: AgentResult
  /** For the next run: null leaves the one that there is, undefined is for the answer itself. */
  readonly summary: string | null | undefined
  readonly stop_reason: "sleep" | "max_iterations"
}

/** How an iteration without an answer is told of; null for one that another than its agent ended. */
const unanswered = <E>(cause: Cause.Cause<E>): Pick<Iteration, "summary" | "error"> | null => {
  const failure = Option.getOrUndefined(Cause.failureOption(cause))
  if (failure instanceof AgentFailure) {
    const { message, output = "" } = failure
    return { summary: bounded(output, maxErrorLength), error: bounded(message, maxErrorLength) }
  }
  if (failure !== undefined) return null
  return { summary: "", error: Cause.isInterruptedOnly(cause) ? "stopped before it answered" : "internal error" }
}

/**
 * One beat: the agent is called until it answers `sleep` or `max_iterations` is reached. It begins with assess; what
 * comes next is what an answer asks for, else act after assess and assess after act. The agent's memory between
 * iterations follows the session's mode: a summary of the last, the whole conversation, or nothing. An answer that is
 * nothing but an instruction leaves the summary as it was.
 */
export const beat = Effect.fn("Heartbeat.beat")(function* <E>(
  heartbeat: Heartbeat,
  session: Pick<OpenSession, "mode" | "turns" | "remember">,
  first: Invocation,
  call: (invocation: Invocation) => Effect.Effect<AgentResult, E, Scope.Scope>,
  onIteration: (iteration: Iteration) => Effect.Effect<void>
) {
  const limit = heartbeat.max_iterations ?? defaultMaxIterations
  let summary = first.summary
  let phase: "assess" | "act" = "assess"
  for (let iteration = 1; ; iteration++) {
    const started = yield* Clock.currentTimeMillis
    let usage: Usage | undefined
    const asked: Invocation = {
      ...first,
      iteration,
      phase,
      summary: session.mode === "ephemeral_with_summary" ? summary : first.summary,
      turns: session.turns(),
      spent: (more) => {
        usage = usage === undefined ? more : addUsage(usage, more)
        return first.spent(more)
      }
    }
    const recorded = Effect.fnUntraced(function* (what: Pick<Iteration, "phase" | "summary" | "error">) {
      yield* onIteration({
        number: iteration,
        ...what,
        duration_ms: (yield* Clock.currentTimeMillis) - started,
        context_bytes: contextBytes(asked),
        ...(usage === undefined ? {} : { usage })
      })
    })
    const result = yield* Effect.onExit(Effect.scoped(call(asked)), (exit) => {
      const why = Exit.isFailure(exit) ? unanswered(exit.cause) : null
      return why === null ? Effect.void : recorded({ phase, ...why })
    })
    const instruction = instructionOf(result.output)
    const sleeps = instruction?.next === "sleep"
    const told = instruction?.summary ?? result.summary
    const says = told !== undefined || !isOnlyInstruction(result.output)
    if (says) summary = bounded(told ?? result.output, maxSummaryLength)
    session.remember([
      { role: "user", text: first.input },
      { role: "assistant", text: result.output }
    ])
    yield* recorded({ phase: sleeps ? "sleep" : phase, summary: bounded(told ?? result.output, maxErrorLength) })
    if (sleeps || iteration >= limit) {
      return {
        result,
        summary: says ? told : summary,
        stop_reason: sleeps ? "sleep" : "max_iterations"
      } satisfies Beat
    }
    phase =
      instruction?.next === "act" || instruction?.next === "assess"
        ? instruction.next
        : phase === "assess"
          ? "act"
          : "assess"
  }
})
