import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AgentResult, Invocation } from "../Agents.ts"
import { maxErrorLength, type Usage } from "../Domain/Agent.ts"
import type { Iteration, ToolCall } from "../Domain/Run.ts"
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

const addUsage = (a: Usage | undefined, b: Usage | undefined): Usage | undefined =>
  a === undefined || b === undefined
    ? (a ?? b)
    : {
        input_tokens: a.input_tokens + b.input_tokens,
        output_tokens: a.output_tokens + b.output_tokens,
        ...(a.cost_usd === undefined && b.cost_usd === undefined
          ? {}
          : { cost_usd: (a.cost_usd ?? 0) + (b.cost_usd ?? 0) })
      }

/** What a beat did: the last answer with the sums of all, the conversation, and why it stopped. */
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
  onIteration: (iterations: ReadonlyArray<Iteration>) => Effect.Effect<void>
) {
  const limit = heartbeat.max_iterations ?? defaultMaxIterations
  const iterations: Array<Iteration> = []
  const turns: Array<Turn> = []
  const toolCalls: Array<ToolCall> = []
  let usage: Usage | undefined
  let summary = first.summary
  for (let iteration = 1; ; iteration++) {
    const started = yield* Clock.currentTimeMillis
    const result = yield* Effect.scoped(
      call({
        ...first,
        iteration,
        summary: mode === "ephemeral_with_summary" ? summary : first.summary,
        turns: mode === "shared_persistent" ? [...first.turns, ...turns] : first.turns
      })
    )
    const sleeps = asksToSleep(result.output)
    summary = bounded(result.summary ?? result.output, maxSummaryLength)
    usage = addUsage(usage, result.usage)
    toolCalls.push(...(result.tool_calls ?? []))
    turns.push({ role: "user", text: first.input }, { role: "assistant", text: result.output })
    iterations.push({
      phase: sleeps ? "sleep" : iteration % 2 === 1 ? "assess" : "act",
      summary: bounded(summary, maxErrorLength),
      duration_ms: (yield* Clock.currentTimeMillis) - started,
      ...(result.usage === undefined ? {} : { usage: result.usage })
    })
    yield* onIteration([...iterations])
    if (sleeps || iteration >= limit) {
      return {
        result: { ...result, usage, tool_calls: toolCalls },
        turns,
        stop_reason: sleeps ? "sleep" : "max_iterations"
      } satisfies Beat
    }
  }
})
