import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AgentResult, Invocation } from "../Agents.ts"
import { AgentFailure, type ModelAgent } from "../Domain/Agent.ts"
import { durationMillis } from "../Domain/Duration.ts"
import { defaultMaxTokens, estimateOf, messagesOf, summaryIn, systemOf } from "./Conversation.ts"
import type { ModelRequest, Models, ToolResult } from "./Models.ts"
import { maxCaptureBytes } from "./Output.ts"
import type { Tools } from "./Tools.ts"

/** A line that is longer is logged in parts, in characters. */
const longestLine = 2_000

/** Logs pieces of text line by line, up to a bound. */
const makeLineLog = (log: Invocation["log"]) => {
  let room = maxCaptureBytes
  let line = ""
  const pass = (text: string): Effect.Effect<void> => {
    if (text === "" || room <= 0) return Effect.void
    room -= Buffer.byteLength(text)
    return log(room > 0 ? text : `${text}\n[log cut at about ${maxCaptureBytes} bytes]\n`)
  }
  return {
    add: (piece: string): Effect.Effect<void> =>
      Effect.suspend(() => {
        line += piece
        const end = line.length > longestLine ? line.length : line.lastIndexOf("\n") + 1
        const whole = line.slice(0, end)
        line = line.slice(end)
        return pass(whole)
      }),
    end: Effect.suspend(() => {
      const rest = line
      line = ""
      return rest === "" ? Effect.void : pass(`${rest}\n`)
    })
  }
}

/**
 * Runs a model agent: its model is called, and called again with what its tools gave, until it answers without using
 * one. Each call is reserved before and told after; only the last answer is the output.
 */
export const runModel = Effect.fn("Agents.model")(function* (
  agent: ModelAgent,
  invocation: Invocation,
  parts: { readonly models: Models; readonly tools: Tools }
): Effect.fn.Return<AgentResult, AgentFailure, Scope.Scope> {
  const model = yield* parts.models.find(agent)
  const toolbox = yield* parts.tools.of(agent, invocation)
  const lines = makeLineLog(invocation.log)
  const messages = messagesOf(invocation)
  for (;;) {
    const request: ModelRequest = {
      system: systemOf(agent.system_prompt, invocation),
      messages: [...messages],
      tools: toolbox.specs,
      temperature: agent.temperature,
      max_tokens: agent.max_tokens ?? defaultMaxTokens,
      timeout: agent.timeout === undefined ? undefined : durationMillis(agent.timeout)
    }
    yield* invocation.reserve(estimateOf(request, model))
    const { text, uses } = yield* Effect.ensuring(
      model.answer(request, { text: lines.add, usage: invocation.spent }),
      lines.end
    )
    if (uses.length === 0) {
      if (text.trim() === "") return yield* new AgentFailure({ kind: "transient", message: "the answer was empty" })
      const summary = invocation.iteration === null ? undefined : summaryIn(text)
      return { output: text, ...(summary === undefined ? {} : { summary }) }
    }
    const results: Array<ToolResult> = []
    for (const use of uses) results.push(yield* toolbox.use(use))
    messages.push({ role: "assistant", text, uses }, { role: "tool", results })
  }
})
