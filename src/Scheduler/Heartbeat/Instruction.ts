import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

/** What an agent's answer asks of the beat: what comes next, and how to sum the iteration up. */
const Asked = Schema.Struct({
  next: Schema.Literal("sleep", "act", "assess"),
  summary: Schema.optionalWith(Schema.String, { exact: true })
})

/** See {@link instructionOf}. */
export type Instruction = typeof Asked.Type

const decode = Schema.decodeUnknownEither(Schema.parseJson(Asked), { onExcessProperty: "error" })

const fence = "```"

const lastLineOf = (text: string): string => text.slice(text.lastIndexOf("\n") + 1).trim()

/** What stands in the fence at the end of a text, without the fence and the name of its language; else undefined. */
const fenced = (text: string): string | undefined => {
  if (!text.endsWith(fence)) return undefined
  const inner = text.slice(0, -fence.length)
  const start = inner.lastIndexOf(fence)
  return start === -1 ? undefined : inner.slice(start + fence.length).replace(/^\w*\s/, "")
}

const inTicks = (line: string): string | undefined =>
  line.length > 2 && line.startsWith("`") && line.endsWith("`") ? line.slice(1, -1) : undefined

/** Whether an answer is an instruction without a summary, and says nothing else. */
export const isOnlyInstruction = (output: string): boolean => {
  const text = output.trim()
  if (text === "sleep") return true
  const isFence = text.startsWith(fence) && text.indexOf(fence, fence.length) === text.length - fence.length
  const inner = ((isFence ? fenced(text) : inTicks(text)) ?? text).trim()
  const asked = inner.startsWith("{") ? Either.getOrUndefined(decode(inner)) : undefined
  return asked !== undefined && asked.summary === undefined
}

/**
 * What an answer asks for: `{"next": "sleep" | "act" | "assess", "summary"?: text}` as the whole answer, as its last line
 * or in a fence of backticks at its end, or the bare word `sleep` as its last line. Null for anything else.
 */
export const instructionOf = (output: string): Instruction | null => {
  const text = output.trim()
  const line = lastLineOf(text)
  if (line === "sleep") return { next: "sleep" }
  const found = [line, text, inTicks(line), fenced(text)].flatMap((candidate) => {
    // Most answers are no JSON; an error that says so would cost more than to see it.
    if (candidate === undefined || !candidate.trim().startsWith("{")) return []
    const asked = decode(candidate)
    return Either.isRight(asked) ? [asked.right] : []
  })
  return found[0] ?? null
}
