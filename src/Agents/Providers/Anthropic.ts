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
  type TokenCounts,
  type WireError,
  type WireFormat
} from "./Wire.ts"

const messageOf = (message: Message) => {
  switch (message.role) {
    case "user":
      return { role: "user", content: orPlaceholder(message.text, "(no input)") }
    case "assistant": {
      const uses = message.uses.map((use) => ({
        type: "tool_use",
        id: use.id,
        name: use.name,
        input: argumentsObject(use.arguments)
      }))
      if (uses.length === 0) return { role: "assistant", content: orPlaceholder(message.text, "(no answer)") }
      const text = message.text.trim() === "" ? [] : [{ type: "text", text: message.text }]
      return { role: "assistant", content: [...text, ...uses] }
    }
    case "tool":
      return {
        role: "user",
        content: message.results.map(({ failed, id, text }) => ({
          type: "tool_result",
          tool_use_id: id,
          content: orPlaceholder(text, "(nothing)"),
          ...(failed ? { is_error: true } : {})
        }))
      }
  }
}

const bodyOf = (model: string, { max_tokens, messages, system, temperature, tools }: ModelRequest) => ({
  model,
  max_tokens,
  stream: true,
  ...(system === undefined || system.trim() === "" ? {} : { system }),
  ...(temperature === undefined ? {} : { temperature }),
  ...(tools.length === 0
    ? {}
    : { tools: tools.map(({ description, name, parameters }) => ({ name, description, input_schema: parameters })) }),
  messages: messages.map(messageOf)
})

const count = maybe(TokenCount)

const Counts = Schema.Struct({
  input_tokens: count,
  cache_creation_input_tokens: count,
  cache_read_input_tokens: count,
  output_tokens: count
})

const tokensOf = (usage: typeof Counts.Type): TokenCounts => {
  const { cache_creation_input_tokens: written, cache_read_input_tokens: read, input_tokens: fresh } = usage
  // A count that is not there was told before, and stays.
  const input = typeof fresh === "number" ? { input: fresh + (written ?? 0) + (read ?? 0), cached: read ?? 0 } : {}
  return { ...input, output: usage.output_tokens ?? undefined }
}

const stops: Readonly<Record<string, StopReason>> = {
  max_tokens: "max_tokens",
  model_context_window_exceeded: "context",
  refusal: "refusal"
}

const stopOf = (reason: string): StopReason => (Object.hasOwn(stops, reason) ? (stops[reason] ?? "done") : "done")

const ErrorDetail = Schema.Struct({ type: maybe(Schema.String), message: maybe(Schema.String) })
const ErrorBody = Schema.Struct({ error: Schema.Union(ErrorDetail, Schema.String) })

/** What the errors of a stream would have been as answers. */
const statuses: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 408,
  overloaded_error: 529
}

const wireError = ({ error }: typeof ErrorBody.Type): WireError => {
  const { message, type }: typeof ErrorDetail.Type = typeof error === "string" ? { message: error } : error
  const code = type ?? undefined
  return {
    status: code !== undefined && Object.hasOwn(statuses, code) ? (statuses[code] ?? 500) : 500,
    code,
    message: message ?? undefined
  }
}

const reads = <A, I>(schema: Schema.Schema<A, I>, say: (event: A) => ReadonlyArray<Said>) => {
  const check = checked(schema)
  return (json: unknown) => Either.map(check(json), say)
}

const deltaReaders: Readonly<Record<string, ReturnType<typeof reads>>> = {
  text_delta: reads(Schema.Struct({ delta: Schema.Struct({ text: Schema.String }) }), ({ delta }) => [
    { _tag: "Text", text: delta.text }
  ]),
  input_json_delta: reads(
    Schema.Struct({ index: Schema.Int, delta: Schema.Struct({ partial_json: Schema.String }) }),
    ({ delta, index }) => [{ _tag: "Use", index, arguments: delta.partial_json }]
  )
}

const blockReaders: Readonly<Record<string, ReturnType<typeof reads>>> = {
  text: reads(Schema.Struct({ content_block: Schema.Struct({ text: Schema.String }) }), ({ content_block }) => [
    { _tag: "Text", text: content_block.text }
  ]),
  tool_use: reads(
    Schema.Struct({ index: Schema.Int, content_block: Schema.Struct({ id: Schema.String, name: Schema.String }) }),
    ({ content_block: { id, name }, index }) => [{ _tag: "Use", index, id, name, arguments: "" }]
  )
}

const nothing = Either.right<ReadonlyArray<Said>>([])

const Delta = checked(Schema.Struct({ delta: Schema.Struct({ type: Schema.String }) }))
const Block = checked(Schema.Struct({ content_block: Schema.Struct({ type: Schema.String }) }))

const readerOf = (readers: typeof deltaReaders, type: string) =>
  Object.hasOwn(readers, type) ? readers[type] : undefined

const eventReaders: Readonly<Record<string, ReturnType<typeof reads>>> = {
  message_start: reads(Schema.Struct({ message: Schema.Struct({ usage: maybe(Counts) }) }), ({ message: { usage } }) =>
    usage === undefined || usage === null ? [] : [{ _tag: "Tokens", tokens: tokensOf(usage) }]
  ),
  content_block_start: (json) =>
    Either.flatMap(Block(json), ({ content_block: { type } }) => readerOf(blockReaders, type)?.(json) ?? nothing),
  content_block_delta: (json) =>
    Either.flatMap(Delta(json), ({ delta: { type } }) => readerOf(deltaReaders, type)?.(json) ?? nothing),
  message_delta: reads(
    Schema.Struct({ delta: Schema.Struct({ stop_reason: maybe(Schema.String) }), usage: maybe(Counts) }),
    ({ delta: { stop_reason }, usage }) => [
      ...(usage === undefined || usage === null ? [] : [{ _tag: "Tokens" as const, tokens: tokensOf(usage) }]),
      ...(typeof stop_reason === "string" ? [{ _tag: "Stop" as const, reason: stopOf(stop_reason) }] : [])
    ]
  ),
  message_stop: () => Either.right([{ _tag: "End" }]),
  error: reads(ErrorBody, (event) => [{ _tag: "Failed", error: wireError(event) }])
}

const Event = checked(Schema.Struct({ type: Schema.String }))
const decodeError = checked(ErrorBody)

/**
 * Anthropic's Messages API as a stream (docs: "Streaming messages"). Events and blocks of types that are not known say
 * nothing, as the API asks of its clients.
 */
export const anthropic: WireFormat = {
  url: (base) => below(base.replace(/\/v1\/*$/, ""), "/v1/messages"),
  headers: (key) => ({ "anthropic-version": "2023-06-01", ...(key === undefined ? {} : { "x-api-key": key }) }),
  body: bodyOf,
  read: (data) =>
    Either.flatMap(parseJson(data), (json) =>
      Either.flatMap(Event(json), ({ type }) => readerOf(eventReaders, type)?.(json) ?? nothing)
    ),
  errorIn: (body) =>
    Either.match(Either.flatMap(parseJson(body), decodeError), { onLeft: () => undefined, onRight: wireError }),
  stopIsEnd: false
}
