import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { TokenCount } from "../../Domain/Agent.ts"
import type { Message, ModelRequest } from "../Models.ts"
import {
  argumentsObject,
  below,
  checked,
  maybe,
  orPlaceholder,
  parseJson,
  type Said,
  type StopReason,
  type WireError,
  type WireFormat
} from "./Wire.ts"

const messagesOf = (message: Message): ReadonlyArray<unknown> => {
  switch (message.role) {
    case "user":
      return [{ role: "user", content: orPlaceholder(message.text, "(no input)") }]
    case "assistant": {
      if (message.uses.length === 0) {
        return [{ role: "assistant", content: orPlaceholder(message.text, "(no answer)") }]
      }
      const tool_calls = message.uses.map((use) => ({
        id: use.id,
        type: "function",
        function: { name: use.name, arguments: JSON.stringify(argumentsObject(use.arguments)) }
      }))
      return [{ role: "assistant", content: message.text === "" ? null : message.text, tool_calls }]
    }
    case "tool":
      // This format has no other way to say that a tool failed.
      return message.results.map(({ failed, id, text }) => ({
        role: "tool",
        tool_call_id: id,
        content: `${failed ? "Error: " : ""}${orPlaceholder(text, "(nothing)")}`
      }))
  }
}

const isOpenAi = (base: string): boolean => new URL(base).hostname === "api.openai.com"

const bodyOf = (
  model: string,
  { max_tokens, messages, system, temperature, tools }: ModelRequest,
  base: string
): unknown => ({
  model,
  stream: true,
  stream_options: { include_usage: true },
  // OpenAI's newer models refuse the old name, other servers do not know the new one.
  ...(isOpenAi(base) ? { max_completion_tokens: max_tokens } : { max_tokens }),
  ...(temperature === undefined ? {} : { temperature }),
  ...(tools.length === 0
    ? {}
    : {
        tools: tools.map(({ description, name, parameters }) => ({
          type: "function",
          function: { name, description, parameters }
        }))
      }),
  messages: [
    ...(system === undefined || system.trim() === "" ? [] : [{ role: "system", content: system }]),
    ...messages.flatMap(messagesOf)
  ]
})

const ToolCallDelta = Schema.Struct({
  index: maybe(Schema.Int),
  id: maybe(Schema.String),
  function: maybe(Schema.Struct({ name: maybe(Schema.String), arguments: maybe(Schema.String) }))
})

const Delta = Schema.Struct({
  content: maybe(Schema.String),
  refusal: maybe(Schema.String),
  tool_calls: maybe(Schema.Array(ToolCallDelta))
})

const Counts = Schema.Struct({
  prompt_tokens: maybe(TokenCount),
  completion_tokens: maybe(TokenCount),
  prompt_tokens_details: maybe(Schema.Struct({ cached_tokens: maybe(TokenCount) }))
})

const ErrorDetail = Schema.Struct({
  message: maybe(Schema.String),
  type: maybe(Schema.String),
  code: maybe(Schema.Union(Schema.String, Schema.Number))
})

const Chunk = Schema.Struct({
  choices: maybe(Schema.Array(Schema.Struct({ delta: maybe(Delta), finish_reason: maybe(Schema.String) }))),
  usage: maybe(Counts),
  error: maybe(ErrorDetail)
})

const stops: Readonly<Record<string, StopReason>> = { length: "max_tokens", content_filter: "refusal" }

const stopOf = (reason: string): StopReason => (Object.hasOwn(stops, reason) ? (stops[reason] ?? "done") : "done")

/** What the errors of a stream would have been as answers, by code or type. */
const statuses: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  context_length_exceeded: 400,
  exceed_context_size_error: 400,
  invalid_api_key: 401,
  authentication_error: 401,
  permission_error: 403,
  model_not_found: 404,
  not_found_error: 404,
  rate_limit_exceeded: 429,
  rate_limit_error: 429,
  insufficient_quota: 429,
  timeout: 408
}

const wireError = ({ code, message, type }: typeof ErrorDetail.Type): WireError => {
  const names = [code, type].flatMap((name) => (typeof name === "string" ? [name] : []))
  const known = names.find((name) => Object.hasOwn(statuses, name))
  const numeric = typeof code === "number" && code >= 400 && code < 600 ? code : undefined
  return {
    status: numeric ?? (known === undefined ? 500 : (statuses[known] ?? 500)),
    code: names[0],
    message: message ?? undefined
  }
}

const choiceSaid = (delta: typeof Delta.Type): ReadonlyArray<Said> => [
  ...(delta.content ? [{ _tag: "Text" as const, text: delta.content }] : []),
  ...(delta.refusal ? [{ _tag: "Refusal" as const, text: delta.refusal }] : []),
  ...(delta.tool_calls ?? []).map(({ function: called, id, index }, at, all) => ({
    _tag: "Use" as const,
    // Some servers number no uses: several at once are as many.
    index: index ?? (all.length > 1 ? at : undefined),
    id: id ?? undefined,
    name: called?.name ?? undefined,
    arguments: called?.arguments ?? ""
  }))
]

const chunkSaid = ({ choices, error, usage }: typeof Chunk.Type): ReadonlyArray<Said> => {
  if (error !== undefined && error !== null) return [{ _tag: "Failed", error: wireError(error) }]
  const tokens =
    usage === undefined || usage === null
      ? []
      : [
          {
            _tag: "Tokens" as const,
            tokens: {
              ...(typeof usage.prompt_tokens === "number"
                ? { input: usage.prompt_tokens, cached: usage.prompt_tokens_details?.cached_tokens ?? 0 }
                : {}),
              output: usage.completion_tokens ?? undefined
            }
          }
        ]
  const choice = choices?.[0]
  if (choice === undefined) return tokens
  const stop =
    // Some servers send an empty reason with each piece.
    choice.finish_reason ? [{ _tag: "Stop" as const, reason: stopOf(choice.finish_reason) }] : []
  return [...choiceSaid(choice.delta ?? {}), ...stop, ...tokens]
}

const decodeChunk = checked(Chunk)

/** By fields alone, what other APIs stream would be chunks that say nothing. */
const Foreign = Schema.Struct({ type: Schema.String.pipe(Schema.pattern(/^(message_start$|response\.)/)) })
const isForeign = Schema.is(Foreign)

const readChunk = (json: unknown) =>
  isForeign(json) ? Either.left("it is no chunk of a chat completion") : Either.map(decodeChunk(json), chunkSaid)

const ErrorBody = Schema.Struct({ error: Schema.Union(ErrorDetail, Schema.String) })
const decodeError = checked(ErrorBody)

/** Chat completions as a stream, as OpenAI describes them and many servers speak them. Unknown fields say nothing. */
export const openAi: WireFormat = {
  url: (base) => below(base, "/chat/completions"),
  headers: (key): Readonly<Record<string, string>> => (key === undefined ? {} : { authorization: `Bearer ${key}` }),
  body: bodyOf,
  read: (data) =>
    data.trim() === "[DONE]" ? Either.right([{ _tag: "End" }]) : Either.flatMap(parseJson(data), readChunk),
  errorIn: (body) =>
    Either.match(Either.flatMap(parseJson(body), decodeError), {
      onLeft: () => undefined,
      onRight: ({ error }) => wireError(typeof error === "string" ? { message: error } : error)
    }),
  stopIsEnd: true
}
