import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import * as Effect from "effect/Effect"

/** A message that Slack took. */
export interface SlackMessage {
  readonly channel: string
  readonly text: string
  readonly metadata: unknown
}

/** A file that was shown in a thread. */
export interface SlackFile {
  readonly title: string
  readonly text: string
  readonly channel: string
  readonly thread_ts: string
}

/** What Slack answers in place of what it would; `body` is JSON for methods, text for webhooks. */
export interface SlackAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object | string
  /** Breaks the connection instead. */
  readonly breaks?: boolean
}

const channelIds: Readonly<Record<string, string>> = { "ops-alerts": "C0000000001", security: "C0000000002" }

const idOf = (channel: string): string | undefined =>
  /^[CGDU][A-Z0-9]{8,}$/.test(channel) ? channel : channelIds[channel.replace(/^#/, "")]

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const parsed = (text: string): Record<string, unknown> | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

const isMetadata = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  "event_type" in value &&
  typeof value.event_type === "string" &&
  /^\w+$/.test(value.event_type) &&
  "event_payload" in value &&
  typeof value.event_payload === "object"

const isText = (value: unknown): value is string => typeof value === "string" && value !== ""

/**
 * A server on the loopback that is as strict as Slack's reference of the Web API and of incoming webhooks says, and
 * keeps what it took. `next` scripts the next answers to a method (`hook`, `upload`, or the method's name).
 */
export const slackDouble = (token: string) =>
  Effect.gen(function* () {
    const messages: Array<SlackMessage> = []
    const hooked: Array<string> = []
    const files: Array<SlackFile> = []
    const calls: Array<string> = []
    const uploads = new Map<string, { readonly length: number; text?: string }>()
    const scripted = new Map<string, Array<SlackAnswer>>()
    let base = ""

    const methods: Readonly<Record<string, (body: string, type: string) => object>> = {
      "chat.postMessage": (body, type) => {
        if (!/^application\/json; charset=utf-8$/.test(type)) return { ok: false, error: "invalid_post_type" }
        const message = parsed(body)
        if (message === undefined) return { ok: false, error: "invalid_json" }
        const { channel, metadata, text, unfurl_links } = message
        const id = isText(channel) ? idOf(channel) : undefined
        if (id === undefined) return { ok: false, error: "channel_not_found" }
        if (!isText(text)) return { ok: false, error: "no_text" }
        if (text.length > 40_000) return { ok: false, error: "msg_too_long" }
        if (metadata !== undefined && !isMetadata(metadata)) return { ok: false, error: "invalid_metadata_format" }
        if (unfurl_links !== undefined && typeof unfurl_links !== "boolean")
          return { ok: false, error: "invalid_arguments" }
        messages.push({ channel: id, text, metadata })
        const ts = `1524523204.00000${messages.length}`
        return { ok: true, channel: id, ts, message: { type: "message", text, ts } }
      },
      "files.getUploadURLExternal": (body, type) => {
        if (!type.startsWith("application/x-www-form-urlencoded")) return { ok: false, error: "invalid_post_type" }
        const form = new URLSearchParams(body)
        const length = Number(form.get("length"))
        if (!isText(form.get("filename")) || !(length > 0)) return { ok: false, error: "invalid_arguments" }
        const id = `F${String(uploads.size + 1).padStart(10, "0")}`
        uploads.set(id, { length })
        return { ok: true, file_id: id, upload_url: `${base}/upload/${id}` }
      },
      "files.completeUploadExternal": (body, type) => {
        if (!type.startsWith("application/json")) return { ok: false, error: "invalid_post_type" }
        const { channel_id, files: shared, thread_ts } = parsed(body) ?? {}
        // Unlike chat.postMessage, this takes no names.
        if (!isText(channel_id) || !/^[CGD][A-Z0-9]{8,}$/.test(channel_id))
          return { ok: false, error: "invalid_channel" }
        const first: unknown = Array.isArray(shared) ? shared[0] : undefined
        if (typeof first !== "object" || first === null || !("id" in first) || !isText(first.id))
          return { ok: false, error: "invalid_arguments" }
        const text = uploads.get(first.id)?.text
        if (text === undefined) return { ok: false, error: "file_not_found" }
        const title = "title" in first && isText(first.title) ? first.title : ""
        files.push({ title, text, channel: channel_id, thread_ts: isText(thread_ts) ? thread_ts : "" })
        return { ok: true, files: [{ id: first.id, title }] }
      }
    }

    const give = (response: ServerResponse, { body = "", breaks, headers = {}, status = 200 }: SlackAnswer) => {
      if (breaks === true) return void response.socket?.resetAndDestroy()
      const isJson = typeof body !== "string"
      response.writeHead(status, { "content-type": isJson ? "application/json" : "text/html", ...headers })
      response.end(isJson ? JSON.stringify(body) : body)
    }

    const asWebhook = (body: string): SlackAnswer => {
      const payload = parsed(body)
      if (payload === undefined) return { status: 400, body: "invalid_payload" }
      if (!isText(payload["text"])) return { status: 400, body: "no_text" }
      hooked.push(payload["text"])
      return { body: "ok" }
    }

    const asUpload = (id: string, body: Buffer): SlackAnswer => {
      const upload = uploads.get(id)
      if (upload === undefined || upload.length !== body.length) return { status: 400, body: "wrong length" }
      uploads.set(id, { ...upload, text: body.toString("utf8") })
      return { body: `OK - ${body.length}` }
    }

    const answer = async (request: IncomingMessage): Promise<SlackAnswer> => {
      const body = await bodyOf(request)
      const [, area = "", name = ""] = /^\/(api|services|upload)\/(.+)$/.exec(request.url ?? "") ?? []
      const what = area === "api" ? name : area === "services" ? "hook" : "upload"
      calls.push(what)
      const script = scripted.get(what)?.shift()
      if (script !== undefined) return script
      if (request.method !== "POST") return { status: 405, body: "" }
      if (area === "services") return asWebhook(body.toString("utf8"))
      if (area === "upload") return asUpload(name, body)
      const method = methods[name]
      if (method === undefined) return { body: { ok: false, error: "unknown_method" } }
      const { authorization } = request.headers
      if (authorization === undefined) return { body: { ok: false, error: "not_authed" } }
      if (authorization !== `Bearer ${token}`) return { body: { ok: false, error: "invalid_auth" } }
      return { body: method(body.toString("utf8"), request.headers["content-type"] ?? "") }
    }

    const server = createServer((request, response) => {
      answer(request).then(
        (given) => give(response, given),
        () => response.destroy()
      )
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.async<void>((resume) => {
          server.closeAllConnections()
          server.close(() => resume(Effect.void))
        })
    )
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    base = `http://127.0.0.1:${port}`
    return {
      apiUrl: `${base}/api`,
      hookUrl: `${base}/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX`,
      messages,
      hooked,
      files,
      calls,
      next: (what: string, ...answers: ReadonlyArray<SlackAnswer>) => void scripted.set(what, [...answers])
    }
  })
