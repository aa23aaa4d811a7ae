import type { IncomingMessage } from "node:http"
import * as Headers from "@effect/platform/Headers"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Effect from "effect/Effect"
import { InvalidRequest, TooLarge, UnsupportedMediaType } from "../Api.ts"

const maxBytes = 1_048_576
/** A sender that does not stop is read (and dropped) this far, so that it gets to see the answer. */
const maxDrainedBytes = 64 * maxBytes
const maxDepth = 100

const tooLarge = () =>
  new TooLarge({ code: "BODY_TOO_LARGE", message: "the body is larger than 1 MiB (1048576 bytes)", details: [] })

const malformed = (message: string) => new InvalidRequest({ code: "MALFORMED_JSON", message, details: [] })

/** Reads at most 1 MiB. The rest of a longer body is drained: destroying the stream would reset the connection. */
const readBytes = (source: IncomingMessage): Effect.Effect<Uint8Array, TooLarge> =>
  Effect.async((resume) => {
    const chunks: Array<Uint8Array> = []
    let size = 0
    const refuse = () => {
      chunks.length = 0
      resume(Effect.fail(tooLarge()))
    }
    source.on("data", (chunk: Uint8Array) => {
      size += chunk.length
      if (size > maxDrainedBytes) source.destroy()
      else if (size > maxBytes) refuse()
      else chunks.push(chunk)
    })
    source.on("end", () => resume(Effect.succeed(Buffer.concat(chunks))))
    source.on("error", () => resume(Effect.interrupt))
    if (Number(source.headers["content-length"] ?? 0) > maxBytes) refuse()
  })

/** How deep arrays and objects nest; text of JSON that parses. */
const depthOf = (json: string): number => {
  let depth = 0
  let deepest = 0
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (token === "[" || token === "{") deepest = Math.max(deepest, ++depth)
    else if (token === "]" || token === "}") depth--
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
  const bytes = yield* readBytes(NodeHttpServerRequest.toIncomingMessage(request))
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
  Object.create(request, {
    headers: { value: Headers.set(request.headers, "content-type", "application/json") },
    json: { value: Effect.orDie(readJson(request)) }
  })

/** Bounds and checks the JSON bodies that the routes read. */
export const limitBody = <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E, R> =>
  Effect.updateService(app, HttpServerRequest.HttpServerRequest, bounded)
