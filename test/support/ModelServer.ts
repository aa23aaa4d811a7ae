import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import * as Effect from "effect/Effect"
import {
  bodyOf,
  endOf,
  errorEventOf,
  errorJson,
  type Stop,
  type Tokens,
  type Told,
  type Wire,
  type WireError
} from "./ModelWire.ts"

export type { Tokens, Wire } from "./ModelWire.ts"

/** A call of a model as it arrived. */
export interface ModelCall {
  readonly wire: Wire
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly model: string
  /** The JSON of the request. */
  readonly body: Readonly<Record<string, unknown>>
  /** The same as it came. */
  readonly text: string
  /** Whether a call came by the same connection before. */
  readonly reused: boolean
}

/** A use of a tool in an answer. */
export interface Use {
  readonly name: string
  /** An object, or the JSON text as it shall come. */
  readonly input: Readonly<Record<string, unknown>> | string
  readonly id?: string
}

/** What the double does with a call: an error as an answer, or a stream and how it ends. */
export interface Step {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly error?: WireError
  /** Bytes in place of an answer's body. */
  readonly raw?: string
  readonly text?: string | ReadonlyArray<string>
  readonly uses?: ReadonlyArray<Use>
  /** 10 in and 5 out unless given; null: nothing is told. */
  readonly tokens?: Tokens | null
  readonly stop?: Stop
  readonly refusal?: string
  /** What happens after the content in place of the end; nothing unless given. */
  readonly instead?: "ends" | "half_closes" | "resets" | "drops" | "hangs" | { readonly sends: string } | WireError
  /** Sizes in bytes of the chunks that the stream is sent in, over and over; an event a chunk unless given. */
  readonly chunks?: ReadonlyArray<number>
  /** Nothing is answered before this. */
  readonly after?: Promise<unknown>
}

type More = Omit<Step, "text" | "uses">

/** Answers a text, whole or in pieces. */
export const say = (text: string | ReadonlyArray<string>, more: More = {}): Step => ({ ...more, text })

/** Asks for a tool, perhaps with a text before. */
export const uses = (name: string, input: Use["input"] = {}, more: Omit<Step, "uses"> = {}): Step => ({
  ...more,
  uses: [{ name, input }]
})

/** Asks for several tools at once. */
export const usesAll = (all: ReadonlyArray<Use>, more: Omit<Step, "uses"> = {}): Step => ({ ...more, uses: all })

const types: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  529: "overloaded_error"
}

/** Answers with an error status, in the provider's form. */
export const fails = (
  status: number,
  message = `the double answers ${status}`,
  more: { readonly headers?: Readonly<Record<string, string>>; readonly type?: string; readonly code?: string } = {}
): Step => ({
  status,
  ...(more.headers === undefined ? {} : { headers: more.headers }),
  error: {
    type: more.type ?? types[status] ?? "server_error",
    message,
    ...(more.code === undefined ? {} : { code: more.code })
  }
})

/** 429, with `Retry-After` in seconds or as a date where it is given. */
export const rateLimited = (retryAfter?: number | string): Step =>
  fails(429, "Rate limit reached", retryAfter === undefined ? {} : { headers: { "retry-after": `${retryAfter}` } })

/** 529, as Anthropic says that it has too much to do. */
export const overloaded: Step = fails(529, "Overloaded")

/** 503 of a proxy: a page of HTML. */
export const unavailable: Step = { status: 503, headers: { "content-type": "text/html" }, raw: "<h1>503</h1>" }

/** Begins an answer and ends it without its end marker: by a whole HTTP body, half a connection, or none. */
export const cut = (text: string, how: "ends" | "half_closes" | "resets" = "half_closes", more: More = {}): Step => ({
  ...more,
  text,
  instead: how
})

/** Closes the connection in place of an answer. */
export const drops: Step = { instead: "drops" }

/** Begins an answer and sends an event that is no JSON. */
export const malformed = (text = "", sends = 'data: {"type": \n\n'): Step => ({ text, instead: { sends } })

/** Begins an answer and sends an error as an event. */
export const errorEvent = (type: string, message: string, text = "", code?: string): Step => ({
  text,
  instead: { type, message, ...(code === undefined ? {} : { code }) }
})

/** Begins an answer and is silent from then on; without a text, silent from the start. */
export const silent = (text = ""): Step => ({ text, instead: "hangs" })

/** Refuses, perhaps after some text. */
export const refuses = (text = "", stop: "refusal" | "content_filter" = "refusal"): Step => ({
  text,
  stop,
  ...(stop === "refusal" ? { refusal: "I cannot help with that." } : {})
})

/** Answers as far as the tokens go. */
export const cutAtMaxTokens = (text: string): Step => ({ text, stop: "max_tokens" })

/** A whole answer with nothing in it. */
export const empty: Step = {}

/** What the double does with the calls: step by step, the last one for ever after; or by what is asked. */
export type Handler = (call: ModelCall, index: number) => Step

/** A double of the providers on loopback: Anthropic's Messages API and OpenAI's chat completions, by path. */
export interface ModelServer {
  /** `http://127.0.0.1:PORT`, the `base_url` for kind anthropic; for kind openai, too. */
  readonly url: string
  /** Replaces what happens from now on; nothing scripted is an answer of `ok`. */
  readonly script: (...steps: readonly [Handler] | ReadonlyArray<Step>) => void
  readonly calls: ReadonlyArray<ModelCall>
  /** How many connections were made to it, in all. */
  readonly connections: () => number
  /** How many are open. */
  readonly open: () => number
  /** Until so many calls came, counted from the first. */
  readonly called: (count: number) => Effect.Effect<void>
  /** Until so many streams were left by their clients before they ended. */
  readonly left: (count: number) => Effect.Effect<void>
}

const pieces = (text: Step["text"]): ReadonlyArray<string> =>
  text === undefined || text === "" ? [] : typeof text === "string" ? [text] : text

const toldOf = (step: Step, { model }: ModelCall, index: number): Told => ({
  model,
  text: pieces(step.text),
  uses: (step.uses ?? []).map(({ id, input, name }, at) => ({
    id: id ?? `use_${index + 1}_${at + 1}`,
    name,
    arguments: typeof input === "string" ? input : JSON.stringify(input)
  })),
  tokens: step.tokens === null ? undefined : (step.tokens ?? { input: 10, output: 5 }),
  stop: step.stop ?? "done",
  refusal: step.refusal
})

const inChunks = (
  events: ReadonlyArray<string>,
  sizes: ReadonlyArray<number> | undefined
): ReadonlyArray<Uint8Array> => {
  if (sizes === undefined || sizes.length === 0) return events.map((event) => Buffer.from(event))
  const bytes = Buffer.from(events.join(""))
  const chunks: Array<Uint8Array> = []
  for (let at = 0; at < bytes.length; ) {
    const size = Math.max(1, sizes[chunks.length % sizes.length] ?? 1)
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

const answer = async (step: Step, call: ModelCall, index: number, response: ServerResponse) => {
  await step.after
  const { error, instead, raw, status = 200 } = step
  if (error !== undefined || raw !== undefined || status !== 200) {
    response.writeHead(status, { "content-type": "application/json", ...step.headers })
    response.end(raw ?? (error === undefined ? "" : errorJson(call.wire, error)))
    return
  }
  const told = toldOf(step, call, index)
  if (instead === "drops") return void response.socket?.destroy()
  if (instead === "hangs" && told.text.length === 0) return
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", ...step.headers })
  const events = [...bodyOf(call.wire, told)]
  if (instead === undefined) events.push(...endOf(call.wire, told))
  else if (typeof instead === "object") {
    events.push("sends" in instead ? instead.sends : errorEventOf(call.wire, instead))
  }
  const chunks = inChunks(events, step.chunks)
  for (const chunk of chunks.slice(0, -1)) response.write(chunk)
  // What closes the connection must not overtake what was written.
  await new Promise<void>((written) => response.write(chunks.at(-1) ?? "", () => written()))
  if (instead === undefined || instead === "ends") response.end()
  else if (instead === "half_closes") response.socket?.end()
  else if (instead === "resets") setImmediate(() => response.socket?.resetAndDestroy())
}

const callOf = async (request: IncomingMessage, reused: boolean): Promise<ModelCall> => {
  const received: Array<Uint8Array> = []
  for await (const chunk of request) received.push(chunk)
  const text = Buffer.concat(received).toString("utf8")
  const body: Record<string, unknown> = JSON.parse(text)
  const path = request.url ?? ""
  const wire = path.endsWith("/chat/completions") ? "openai" : "anthropic"
  return { wire, path, headers: request.headers, model: String(body["model"]), body, text, reused }
}

/** A count that can be waited for. */
const makeCount = () => {
  let count = 0
  const waiting = new Set<() => void>()
  return {
    add: () => {
      count++
      for (const check of waiting) check()
    },
    reaches: (wanted: number) =>
      Effect.async<void>((resume) => {
        const check = () => {
          if (count >= wanted) resume(Effect.void)
        }
        waiting.add(check)
        check()
        return Effect.sync(() => waiting.delete(check))
      })
  }
}

/**
 * A server that speaks the wire formats of both kinds of providers, and does with each call what it was told to:
 * `server.script(say("hello"), uses("disk", { path: "/" }), say("sleep"))`. It closes with the scope.
 */
export const modelServer = Effect.acquireRelease(
  Effect.async<ModelServer & { readonly close: Effect.Effect<void> }>((resume) => {
    const calls: Array<ModelCall> = []
    const sockets = new Set<Socket>()
    const used = new WeakSet<Socket>()
    const called = makeCount()
    const left = makeCount()
    let handler: Handler = () => say("ok")
    let connections = 0

    const handle = async (request: IncomingMessage, response: ServerResponse) => {
      const reused = used.has(request.socket)
      used.add(request.socket)
      const call = await callOf(request, reused)
      calls.push(call)
      const step = handler(call, calls.length - 1)
      const isOurs = ["half_closes", "resets", "drops"].some((how) => how === step.instead)
      response.on("close", () => {
        if (!response.writableEnded && !isOurs) left.add()
      })
      called.add()
      await answer(step, call, calls.length - 1, response)
    }
    const server = createServer((request, response) => {
      handle(request, response).catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(500)
        response.end(String(error))
      })
    })
    server.keepAliveTimeout = 60_000
    server.on("connection", (socket: Socket) => {
      connections++
      sockets.add(socket)
      socket.on("error", () => undefined)
      socket.on("close", () => sockets.delete(socket))
    })
    server.on("error", (error) => resume(Effect.die(error)))

    const script: ModelServer["script"] = (...steps) => {
      const [first] = steps
      const from = calls.length
      handler =
        typeof first === "function"
          ? first
          : (_, index) => {
              const step = steps[Math.min(index - from, steps.length - 1)]
              return typeof step === "object" ? step : say("ok")
            }
    }
    const close = Effect.async<void>((done) => {
      server.close(() => done(Effect.void))
      for (const socket of sockets) socket.destroy()
    })
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      resume(
        Effect.succeed({
          url: `http://127.0.0.1:${port}`,
          script,
          calls,
          connections: () => connections,
          open: () => sockets.size,
          called: called.reaches,
          left: left.reaches,
          close
        })
      )
    })
  }),
  ({ close }) => close
).pipe(Effect.map((server): ModelServer => server))
