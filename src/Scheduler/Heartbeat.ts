import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AgentResult, Invocation } from "../Agents.ts"
import { addUsage, maxErrorLength, type Usage } from "../Domain/Agent.ts"
import type { Iteration } from "../Domain/Run.ts"
import { type Heartbeat, maxSummaryLength, type SessionMode, type Turn } from "../Domain/Session.ts"
import { bounded } from "./Outcome.ts"

const defaultMaxIterations = 100

const parseNext = (text: string): unknown => {
  try {
    const answer: unknown = JSON.parse(text)
    return typeof answer === "object" && answer !== null && "next" in answer ? answer.next : undefined
  } catch {
    return undefined
  }
}

/** Whether an answer ends the beat: `{"next":"sleep"}`, or the bare word `sleep` as its last line. */
export const asksToSleep = (output: string): boolean => {
  const text = output.trim()
  const lastLine = text.slice(text.lastIndexOf("\n") + 1).trim()
  return lastLine === "sleep" || parseNext(lastLine) === "sleep" || parseNext(text) === "sleep"
}

const encoder = new TextEncoder()
const bytesOf = (text: string): number => encoder.encode(text).length

/** How much an agent is given, in bytes: input, summary and the conversation so far. */
export const contextBytes = ({ input, summary, turns }: Pick<Invocation, "input" | "summary" | "turns">): number =>
  turns.reduce((sum, { text }) => sum + bytesOf(text), bytesOf(input) + bytesOf(summary ?? ""))

/** What a beat did: the last answer, the conversation, and why it stopped. */
export interface Beat {
  readonly result: AgentResult
  readonly turns: ReadonlyArray<Turn>
  readonly stop_reason: "sleep" | "max_iterations"
}

/**
 * One beat: the agent is called until it answers `sleep` or `max_iterations` is reached, odd iterations assess and even
 * ones act. Its memory between iterations follows the mode: a summary of the last, the whole conversation, or nothing.
 */
export const beat = Effect.fn("Heartbeat.beat")(function* <E>(
  heartbeat: Heartbeat,
  mode: SessionMode,
  first: Invocation,
  call: (invocation: Invocation) => Effect.Effect<AgentResult, E, Scope.Scope>,
  onIteration: (iteration: Iteration) => Effect.Effect<void>
) {
  const limit = heartbeat.max_iterations ?? defaultMaxIterations
  const turns: Array<Turn> = []
  let summary = first.summary
  for (let iteration = 1; ; iteration++) {
    const started = yield* Clock.currentTimeMillis
    let usage: Usage | undefined
    const asked: Invocation = {
      ...first,
      iteration,
      summary: mode === "ephemeral_with_summary" ? summary : first.summary,
      turns: mode === "shared_persistent" ? [...first.turns, ...turns] : first.turns,
      spent: (more) => {
        usage = usage === undefined ? more : addUsage(usage, more)
        return first.spent(more)
      }
    }
    const result = yield* Effect.scoped(call(asked))
    const sleeps = asksToSleep(result.output)
    summary = bounded(result.summary ?? result.output, maxSummaryLength)
    turns.push({ role: "user", text: first.input }, { role: "assistant", text: result.output })
    yield* onIteration({
      phase: sleeps ? "sleep" : iteration % 2 === 1 ? "assess" : "act",
      summary: bounded(summary, maxErrorLength),
      duration_ms: (yield* Clock.currentTimeMillis) - started,
      context_bytes: contextBytes(asked),
      ...(usage === undefined ? {} : { usage })
    })
    if (sleeps || iteration >= limit) {
      return { result, turns, stop_reason: sleeps ? "sleep" : "max_iterations" } satisfies Beat
    }
  }
})
