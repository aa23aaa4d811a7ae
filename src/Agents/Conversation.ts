import * as Either from "effect/Either"
import type { Invocation } from "../Agents.ts"
import type { ModelAgent, Usage } from "../Domain/Agent.ts"
import type { Turn } from "../Domain/Session.ts"
import type { Message, Model, ModelRequest, Models } from "./Models.ts"

const protocol = `You are called in a loop. In each iteration look first at how things are, and then act where something is to be done.
End each answer with one line of JSON that says how to go on:
{"next":"act"} when you will act in the next iteration,
{"next":"assess"} when you will look again in the next iteration,
{"next":"sleep"} when there is nothing more to do until the next beat (the bare word sleep does, too).
Add "summary" to that line for what the next iteration must know: {"next":"act","summary":"disk is at 91%"}`

/** What a model is told before all else; a heartbeat's model also how its answers are read. */
export const systemOf = (system_prompt: string | undefined, { iteration }: Invocation): string | undefined => {
  if (iteration === null) return system_prompt
  return system_prompt === undefined ? protocol : `${system_prompt}\n\n${protocol}`
}

const askedIn = ({ input, iteration, summary }: Invocation): string => {
  const asked =
    input.trim() !== ""
      ? input
      : iteration === null
        ? "No input was given: do what your instructions say."
        : `Beat, iteration ${iteration}.`
  return summary === null || summary.trim() === "" ? asked : `Summary of what was before:\n${summary}\n\n${asked}`
}

const messageOf = ({ role, text }: Turn): Message => (role === "user" ? { role, text } : { role, text, uses: [] })

/**
 * The conversation so far and what is asked now. Providers want texts that are not empty, roles that alternate, and a
 * user who begins.
 */
export const messagesOf = (invocation: Invocation): Array<Message> => {
  const turns: Array<Turn> = []
  for (const turn of [...invocation.turns, { role: "user" as const, text: askedIn(invocation) }]) {
    const text = turn.text.trim() === "" ? "(nothing)" : turn.text
    const last = turns.at(-1)
    if (last?.role === turn.role) turns[turns.length - 1] = { role: turn.role, text: `${last.text}\n\n${text}` }
    else if (last !== undefined || turn.role === "user") turns.push({ role: turn.role, text })
  }
  return turns.map(messageOf)
}

/** Longest answer of agents that say nothing of it, in tokens. */
export const defaultMaxTokens = 4_096

const bytesOf = (text: string): number => Buffer.byteLength(text)

const bytesOfMessage = (message: Message): number => {
  switch (message.role) {
    case "user":
      return bytesOf(message.text)
    case "assistant":
      return message.uses.reduce((sum, use) => sum + bytesOf(use.name) + bytesOf(use.arguments), bytesOf(message.text))
    case "tool":
      return message.results.reduce((sum, { text }) => sum + bytesOf(text), 0)
  }
}

/** A token of text has about four bytes: three are on the safe side. */
const bytesPerToken = 3

/** What a call may take at most, to be reserved before it. */
export const estimateOf = ({ max_tokens, messages, system, tools }: ModelRequest, model: Model): Usage => {
  const bytes =
    bytesOf(system ?? "") +
    messages.reduce((sum, message) => sum + bytesOfMessage(message), 0) +
    (tools.length === 0 ? 0 : bytesOf(JSON.stringify(tools)))
  const tokens = { input_tokens: Math.ceil(bytes / bytesPerToken), output_tokens: max_tokens }
  const cost_usd = model.costOf(tokens)
  return cost_usd === undefined ? tokens : { ...tokens, cost_usd }
}

/** What the first call of an agent may take at most, as far as it is known before the agent is woken. */
export const firstEstimate = (
  agent: ModelAgent,
  { input, summary, turns }: Pick<Invocation, "input" | "summary" | "turns">,
  models: Models
): Usage => {
  const texts = [agent.system_prompt ?? "", input, summary ?? "", ...turns.map(({ text }) => text)]
  const tools = agent.tools === undefined ? 0 : bytesOf(JSON.stringify(agent.tools))
  const bytes = texts.reduce((sum, text) => sum + bytesOf(text), tools)
  const tokens = {
    input_tokens: Math.ceil(bytes / bytesPerToken),
    output_tokens: agent.max_tokens ?? defaultMaxTokens
  }
  const model = models.find(agent)
  const cost_usd = Either.isRight(model) ? model.right.costOf(tokens) : undefined
  return cost_usd === undefined ? tokens : { ...tokens, cost_usd }
}

/** The summary that a heartbeat's model gave with its last line. */
export const summaryIn = (output: string): string | undefined => {
  const text = output.trim()
  try {
    const last: unknown = JSON.parse(text.slice(text.lastIndexOf("\n") + 1))
    return typeof last === "object" && last !== null && "summary" in last && typeof last.summary === "string"
      ? last.summary
      : undefined
  } catch {
    return undefined
  }
}
