import type { IncomingMessage } from "node:http"
import * as Headers from "@effect/platform/Headers"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Effect from "effect/Effect"
import { InvalidRequest, TooLarge, UnsupportedMediaType } from "../Api.ts"

const mebibyte = 1_048_576
const maxBytes = mebibyte
/** Whole folders of files are applied at once. */
const maxApplyBytes = 64 * mebibyte
/** A sender that does not stop is read (and dropped) this far, so that it gets to see the answer. */
const maxDrainedBytes = 64 * mebibyte
const maxDepth = 100

const limitOf = ({ url }: HttpServerRequest.HttpServerRequest): number =>
  /^\/api\/v1\/apply\/?(\?|$)/i.test(url) ? maxApplyBytes : maxBytes

const tooLarge = (limit: number) =>
  new TooLarge({
    code: "BODY_TOO_LARGE",
    message: `the body is larger than ${limit / mebibyte} MiB (${limit} bytes)`,
    details: []
  })

const malformed = (message: string) => new InvalidRequest({ code: "MALFORMED_JSON", message, details: [] })

/** Reads at most `limit`. The rest of a longer body is drained: destroying the stream would reset the connection. */
const readBytes = (source: IncomingMessage, limit: number): Effect.Effect<Uint8Array, TooLarge> =>
  Effect.async((resume) => {
    const chunks: Array<Uint8Array> = []
    let size = 0
    const refuse = () => {
      chunks.length = 0
      resume(Effect.fail(tooLarge(limit)))
    }
    source.on("data", (chunk: Uint8Array) => {
      size += chunk.length
      if (size > limit + maxDrainedBytes) source.destroy()
      else if (size > limit) refuse()
      else chunks.push(chunk)
    })
    source.on("end", () => resume(Effect.succeed(Buffer.concat(chunks))))
    source.on("error", () => resume(Effect.interrupt))
    if (Number(source.headers["content-length"] ?? 0) > limit) refuse()
  })

const quote = 34
const backslash = 92
const openers: ReadonlySet<number> = new Set([91, 123])
const closers: ReadonlySet<number> = new Set([93, 125])

/** How deep arrays and objects nest; text of JSON that parses. A loop, as no pattern matches strings of any length. */
const depthOf = (json: string): number => {
  let depth = 0
  let deepest = 0
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
    if (code === quote) {
      do {
        if (json.charCodeAt(at) === backslash) at++
        at++
      } while (at < json.length && json.charCodeAt(at) !== quote)
    } else if (openers.has(code)) deepest = Math.max(deepest, ++depth)
    else if (closers.has(code)) depth--
  }
  return deepest
}

const parse = (bytes: Uint8Array): Effect.Effect<unknown, InvalidRequest> =>
  Effect.try({
    try: () => {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes)
      return text.trim() === "" ? [0, null] : [depthOf(text), JSON.parse(text)]
    },
    catch: (error) =>
      malformed(`the body is not valid JSON: ${(error instanceof Error ? error.message : String(error)).slice(0, 200)}`)
  }).pipe(
    Effect.filterOrFail(
      ([depth]) => Number(depth) <= maxDepth,
      () => malformed(`the body nests deeper than ${maxDepth} levels`)
    ),
    Effect.map(([, value]) => value)
  )

const isJson = (contentType: string | undefined): boolean => {
  const type = (contentType ?? "application/json").split(";")[0]?.trim().toLowerCase() ?? ""
  return type === "application/json" || type.endsWith("+json")
}

/** The JSON of a request, null for an empty body whatever its content type says. */
const readJson = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
  const bytes = yield* readBytes(NodeHttpServerRequest.toIncomingMessage(request), limitOf(request))
  const contentType = request.headers["content-type"]
  if (bytes.length > 0 && !isJson(contentType)) {
    return yield* new UnsupportedMediaType({
      code: "UNSUPPORTED_MEDIA_TYPE",
      message: `the body must be JSON: send Content-Type: application/json, not ${contentType?.slice(0, 100)}`,
      details: []
    })
  }
  return yield* parse(bytes)
})

/** The request with a body that is bounded and checked. A refusal travels as a defect: decoding the body cannot fail. */
const bounded = (request: HttpServerRequest.HttpServerRequest): HttpServerRequest.HttpServerRequest =>
  Object.defineProperty(
    request.modify({ headers: Headers.set(request.headers, "content-type", "application/json") }),
    "json",
    { value: Effect.orDie(readJson(request)) }
  )

const bodiless: ReadonlySet<string> = new Set(["GET", "HEAD", "DELETE", "OPTIONS"])

/** Bounds and checks the JSON bodies that the routes read. */
export const limitBody = <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E, R> =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
    bodiless.has(request.method)
      ? app
      : Effect.provideService(app, HttpServerRequest.HttpServerRequest, bounded(request))
  )
