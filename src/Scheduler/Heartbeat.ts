import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AgentResult, Invocation } from "../Agents.ts"
import { addUsage, maxErrorLength, type Usage } from "../Domain/Agent.ts"
import type { Iteration } from "../Domain/Run.ts"
import { type Heartbeat, maxSummaryLength } from "../Domain/Session.ts"
import type { OpenSession } from "../Sessions.ts"
import { instructionOf } from "./Heartbeat/Instruction.ts"
import { bounded } from "./Outcome.ts"

export { type Instruction, instructionOf } from "./Heartbeat/Instruction.ts"

const defaultMaxIterations = 100

/** How much an agent is given, in bytes: input, summary and the conversation so far. */
export const contextBytes = ({ input, summary, turns }: Pick<Invocation, "input" | "summary" | "turns">): number =>
  turns.reduce(
    (sum, { text }) => sum + Buffer.byteLength(text),
    Buffer.byteLength(input) + Buffer.byteLength(summary ?? "")
  )

/** What a beat did: the last answer, with its summary, and why it stopped. */
export interface Beat {
  readonly result: AgentResult
  readonly stop_reason: "sleep" | "max_iterations"
}

/**
 * One beat: the agent is called until it answers `sleep` or `max_iterations` is reached. It begins with assess; what
 * comes next is what an answer asks for, else act after assess and assess after act. The agent's memory between
 * iterations follows the session's mode: a summary of the last, the whole conversation, or nothing.
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
    const result = yield* Effect.scoped(call(asked))
    const instruction = instructionOf(result.output)
    const sleeps = instruction?.next === "sleep"
    const told = instruction?.summary ?? result.summary
    summary = bounded(told ?? result.output, maxSummaryLength)
    session.remember([
      { role: "user", text: first.input },
      { role: "assistant", text: result.output }
    ])
    yield* onIteration({
      phase: sleeps ? "sleep" : phase,
      summary: bounded(summary, maxErrorLength),
      duration_ms: (yield* Clock.currentTimeMillis) - started,
      context_bytes: contextBytes(asked),
      ...(usage === undefined ? {} : { usage })
    })
    if (sleeps || iteration >= limit) {
      return {
        result: { ...result, summary: told },
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
