import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Answer, GuardedClient } from "../../Network/GuardedRequest.ts"
import { version } from "../../Version.ts"
import { withoutThese } from "../AnswerText.ts"
import { allowEntryOf } from "../Network.ts"
import { type Asked, badStatus, notOk, type Place, unanswered, unreadable } from "./Failures.ts"

const timeout = 15_000
// The answer to a message holds the message.
const maxBytes = 262_144

const userAgent = `symbiont-scheduler/${version}`

const optionalText = Schema.optionalWith(Schema.String, { exact: true })

const Said = Schema.parseJson(Schema.Struct({ ok: Schema.Boolean, error: optionalText, needed: optionalText }))
const saidBy = Schema.decodeUnknownEither(Said)

/** Where a message went: the channel's ID and the message's, when Slack says them. */
const Posted = Schema.parseJson(Schema.Struct({ channel: optionalText, ts: optionalText }))
const UploadPlace = Schema.parseJson(Schema.Struct({ upload_url: Schema.String, file_id: Schema.String }))

interface Sending {
  /** What is sent, for failures. */
  readonly what: string
  /** The key of the settings that the URL is from. */
  readonly key: string
  readonly url: string
  readonly contentType: string
  readonly body: string
  readonly secrets: ReadonlyArray<string>
  readonly bearer?: string
}

const noPlace: Place = { host: "an address that is none", entry: "its host" }

const request = Effect.fnUntraced(function* ({ send }: GuardedClient, sending: Sending) {
  const { bearer, body, contentType, key, secrets, url, what } = sending
  const blanked = withoutThese(secrets)
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const place = parsed === undefined ? noPlace : { host: parsed.host, entry: allowEntryOf(parsed) }
  const headers = {
    "content-type": contentType,
    "user-agent": userAgent,
    ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` })
  }
  const answer = yield* Effect.mapError(send({ method: "POST", url, headers, body, timeout, maxBytes }), (failed) =>
    unanswered(failed, place)
  )
  const asked: Asked = { what, key, blanked, now: yield* Clock.currentTimeMillis }
  return { answer, asked }
})

const isSuccess = ({ status }: Answer): boolean => status >= 200 && status < 300

/**
 * Slack's methods that are needed, called with a token; no failure repeats that, nor the other secrets. Sources: Slack's
 * reference of its Web API.
 */
export const makeApi = (client: GuardedClient, baseUrl: string, token: string, others: ReadonlyArray<string>) => {
  const base = baseUrl.replace(/\/+$/, "")

  const call = Effect.fnUntraced(function* (method: string, contentType: string, body: string) {
    const { answer, asked } = yield* request(client, {
      what: method,
      key: "slack_base_url",
      url: `${base}/${method}`,
      contentType: `${contentType}; charset=utf-8`,
      body,
      secrets: [token, ...others],
      bearer: token
    })
    const said = Either.getOrUndefined(saidBy(answer.body))
    if (said?.ok === false) return yield* notOk(answer, said, asked)
    if (!isSuccess(answer)) return yield* badStatus(answer, asked)
    return said === undefined ? yield* unreadable(method) : answer.body
  })

  const callWithJson = (method: string, body: object) => call(method, "application/json", JSON.stringify(body))

  /** Posts a message. That Slack took it is certain, so an answer that says no more is no failure. */
  const postMessage = (message: object) =>
    Effect.map(callWithJson("chat.postMessage", message), (body) =>
      Either.getOrElse(Schema.decodeUnknownEither(Posted)(body), (): typeof Posted.Type => ({}))
    )

  /** Hands a text over as a file that nobody sees before it is {@link shareFile shared}; gives its ID. */
  const uploadText = Effect.fnUntraced(function* (filename: string, text: string) {
    const length = String(Buffer.byteLength(text))
    const method = "files.getUploadURLExternal"
    const form = new URLSearchParams({ filename, length }).toString()
    const place = yield* Effect.mapError(
      Effect.flatMap(call(method, "application/x-www-form-urlencoded", form), Schema.decodeUnknown(UploadPlace)),
      (error) => (error._tag === "ParseError" ? unreadable(method) : error)
    )
    const { answer, asked } = yield* request(client, {
      what: "the upload",
      key: "slack_base_url",
      url: place.upload_url,
      contentType: "text/plain; charset=utf-8",
      body: text,
      // Whoever has the address may upload.
      secrets: [token, place.upload_url, ...others]
    })
    return isSuccess(answer) ? place.file_id : yield* badStatus(answer, asked)
  })

  /** Shows an uploaded file in the thread of a message. */
  const shareFile = (file: { readonly id: string; readonly title: string }, channel_id: string, thread_ts: string) =>
    Effect.asVoid(callWithJson("files.completeUploadExternal", { files: [file], channel_id, thread_ts }))

  return { postMessage, uploadText, shareFile }
}

/** Posts a text by an incoming webhook, whose address is a secret. */
export const postToHook = Effect.fnUntraced(function* (client: GuardedClient, url: string, text: string) {
  const path = URL.canParse(url) ? new URL(url).pathname : url
  const { answer, asked } = yield* request(client, {
    what: "the incoming webhook",
    key: "slack_webhook_url",
    url,
    contentType: "application/json; charset=utf-8",
    body: JSON.stringify({ text }),
    secrets: [url, path, ...path.split("/").filter((part) => part.length >= 12)]
  })
  if (!isSuccess(answer)) return yield* badStatus(answer, asked)
})
