/** The wire formats that the double of the providers speaks. */
export type Wire = "anthropic" | "openai"

/** Tokens as the providers count them: `input` without what was read from a cache or written to one. */
export interface Tokens {
  readonly input: number
  readonly output: number
  readonly cache_read?: number
  readonly cache_write?: number
}

/** A use of a tool as a model streams it; `arguments` is sent as it is, in two pieces. */
export interface StreamedUse {
  readonly id: string
  readonly name: string
  readonly arguments: string
}

/** What went wrong, as the providers say it. */
export interface WireError {
  readonly type: string
  readonly message: string
  /** OpenAI's only. */
  readonly code?: string
}

/** How a model stops. */
export type Stop = "done" | "max_tokens" | "refusal" | "content_filter"

/** Everything that a stream may say. */
export interface Told {
  readonly model: string
  readonly text: ReadonlyArray<string>
  readonly uses: ReadonlyArray<StreamedUse>
  readonly tokens: Tokens | undefined
  readonly stop: Stop
  /** OpenAI's reason in words; Anthropic has none. */
  readonly refusal: string | undefined
}

const anthropicEvent = (data: { readonly type: string; readonly [key: string]: unknown }): string =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`

const openaiEvent = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`

const halves = (text: string): ReadonlyArray<string> => {
  const middle = Math.ceil(text.length / 2)
  return [text.slice(0, middle), text.slice(middle)]
}

const anthropicStops = { done: "end_turn", max_tokens: "max_tokens", refusal: "refusal", content_filter: "refusal" }
const openaiStops = { done: "stop", max_tokens: "length", refusal: "stop", content_filter: "content_filter" }

const anthropicBlock = (
  index: number,
  content_block: unknown,
  deltas: ReadonlyArray<unknown>
): ReadonlyArray<string> => [
  anthropicEvent({ type: "content_block_start", index, content_block }),
  ...deltas.map((delta) => anthropicEvent({ type: "content_block_delta", index, delta })),
  anthropicEvent({ type: "content_block_stop", index })
]

const anthropicBody = ({ model, text, tokens, uses }: Told): ReadonlyArray<string> => {
  const usage = {
    input_tokens: tokens?.input,
    cache_creation_input_tokens: tokens?.cache_write ?? null,
    cache_read_input_tokens: tokens?.cache_read ?? null,
    output_tokens: tokens === undefined ? undefined : 1
  }
  const message = { id: "msg_1", type: "message", role: "assistant", model, content: [], stop_reason: null, usage }
  const spoken = text.length === 0 ? 0 : 1
  return [
    anthropicEvent({ type: "message_start", message }),
    anthropicEvent({ type: "ping" }),
    ...(spoken === 0
      ? []
      : anthropicBlock(
          0,
          { type: "text", text: "" },
          text.map((piece) => ({ type: "text_delta", text: piece }))
        )),
    anthropicEvent({ type: "an_event_of_the_future", anything: { at: "all" } }),
    ...uses.flatMap((use, index) =>
      anthropicBlock(
        spoken + index,
        { type: "tool_use", id: use.id, name: use.name, input: {} },
        halves(use.arguments).map((partial_json) => ({ type: "input_json_delta", partial_json }))
      )
    )
  ]
}

const anthropicEnd = ({ stop, tokens, uses }: Told): ReadonlyArray<string> => {
  const stop_reason = uses.length > 0 && stop === "done" ? "tool_use" : anthropicStops[stop]
  return [
    anthropicEvent({
      type: "message_delta",
      delta: { stop_reason, stop_sequence: null },
      usage: { output_tokens: tokens?.output }
    }),
    anthropicEvent({ type: "message_stop" })
  ]
}

const openaiChunk = ({ model }: Told, delta: unknown, finish_reason: string | null = null): string =>
  openaiEvent({
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1_700_000_000,
    model,
    choices: [{ index: 0, delta, finish_reason }],
    usage: null
  })

const openaiBody = (told: Told): ReadonlyArray<string> => [
  ": a comment that keeps the connection open\n\n",
  openaiChunk(told, { role: "assistant", content: "" }),
  ...told.text.map((content) => openaiChunk(told, { content })),
  ...(told.refusal === undefined ? [] : [openaiChunk(told, { refusal: told.refusal })]),
  openaiEvent({ object: "an.object.of.the.future", choices: [] }),
  ...told.uses.flatMap((use, index) => {
    const [first, second] = halves(use.arguments)
    const start = { index, id: use.id, type: "function", function: { name: use.name, arguments: first } }
    return [
      openaiChunk(told, { tool_calls: [start] }),
      openaiChunk(told, { tool_calls: [{ index, function: { arguments: second } }] })
    ]
  })
]

const openaiEnd = (told: Told): ReadonlyArray<string> => {
  const { stop, tokens, uses } = told
  const reason = uses.length > 0 && stop === "done" ? "tool_calls" : openaiStops[stop]
  const prompt_tokens = (tokens?.input ?? 0) + (tokens?.cache_read ?? 0)
  const usage = {
    prompt_tokens,
    completion_tokens: tokens?.output,
    prompt_tokens_details: { cached_tokens: tokens?.cache_read ?? 0 }
  }
  return [
    openaiChunk(told, {}, reason),
    ...(tokens === undefined ? [] : [openaiEvent({ object: "chat.completion.chunk", choices: [], usage })]),
    "data: [DONE]\n\n"
  ]
}

/** Everything of a stream but its end. */
export const bodyOf = (wire: Wire, told: Told): ReadonlyArray<string> =>
  wire === "anthropic" ? anthropicBody(told) : openaiBody(told)

/** The end of a stream, with its marker. */
export const endOf = (wire: Wire, told: Told): ReadonlyArray<string> =>
  wire === "anthropic" ? anthropicEnd(told) : openaiEnd(told)

/** An error as JSON: the body of an answer, or what an event of a stream holds. */
export const errorJson = (wire: Wire, { code, message, type }: WireError): string =>
  JSON.stringify(
    wire === "anthropic"
      ? { type: "error", error: { type, message }, request_id: "req_1" }
      : { error: { message, type, param: null, code: code ?? null } }
  )

/** An error in the middle of a stream. */
export const errorEventOf = (wire: Wire, error: WireError): string =>
  `${wire === "anthropic" ? "event: error\n" : ""}data: ${errorJson(wire, error)}\n\n`
