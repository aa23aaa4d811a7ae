import { isUtf8 } from "node:buffer"
import type { IncomingMessage } from "node:http"
import { InvalidRequest, TooLarge, UnsupportedMediaType } from "../Api.ts"

const mebibyte = 1_048_576
const maxBytes = mebibyte
/** Whole folders of files are applied at once. */
const maxApplyBytes = 64 * mebibyte
/** A sender that does not stop is read (and dropped) this far, so that it gets to see the answer. */
const maxDrainedBytes = 64 * mebibyte
const maxDepth = 100

const limitOf = (url: string): number => (/^\/api\/v1\/apply\/?(\?|$)/i.test(url) ? maxApplyBytes : maxBytes)

const tooLarge = (limit: number) =>
  new TooLarge({
    code: "BODY_TOO_LARGE",
    message: `the body is larger than ${limit / mebibyte} MiB (${limit} bytes)`,
    details: []
  })

const malformed = (message: string) => new InvalidRequest({ code: "MALFORMED_JSON", message, details: [] })

const quote = 34
const backslash = 92
const openBracket = 91
const closeBracket = 93
const openBrace = 123
const closeBrace = 125

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
    } else if (code === openBrace || code === openBracket) deepest = Math.max(deepest, ++depth)
    else if (code === closeBrace || code === closeBracket) depth--
  }
  return deepest
}

const mark = Buffer.from([0xef, 0xbb, 0xbf])

const parse = (bytes: Buffer): Json | InvalidRequest => {
  if (!isUtf8(bytes)) return malformed("the body is not valid JSON: it is not UTF-8")
  const text = bytes.toString("utf8", bytes.subarray(0, mark.length).equals(mark) ? mark.length : 0)
  if (text.trim() === "") return { value: null }
  try {
    const value: unknown = JSON.parse(text)
    const isDeep = text.length > 2 * maxDepth && depthOf(text) > maxDepth
    return isDeep ? malformed(`the body nests deeper than ${maxDepth} levels`) : { value }
  } catch (error) {
    return malformed(
      `the body is not valid JSON: ${(error instanceof Error ? error.message : String(error)).slice(0, 200)}`
    )
  }
}

const isJson = (contentType: string): boolean => {
  if (contentType === "application/json") return true
  const type = contentType.split(";")[0]?.trim().toLowerCase() ?? ""
  return type === "application/json" || type.endsWith("+json")
}

/** The value of a body, null for an empty one. */
interface Json {
  readonly value: unknown
}

/** What is wrong with a body. */
export type BodyRefusal = InvalidRequest | TooLarge | UnsupportedMediaType

const jsonOf = (bytes: Buffer, contentType = "application/json"): Json | InvalidRequest | UnsupportedMediaType =>
  bytes.length === 0 || isJson(contentType)
    ? parse(bytes)
    : new UnsupportedMediaType({
        code: "UNSUPPORTED_MEDIA_TYPE",
        message: `the body must be JSON: send Content-Type: application/json, not ${contentType.slice(0, 100)}`,
        details: []
      })

/**
 * Reads the JSON of a request, null for an empty body whatever its content type says, and no more than its route takes.
 * The rest of a longer body is drained: destroying the stream would reset the connection. `gone` is called where the
 * sender goes away before its end.
 */
export const readJson = (
  source: IncomingMessage,
  url: string,
  then: (json: Json | BodyRefusal) => void,
  gone: () => void
): void => {
  const limit = limitOf(url)
  const chunks: Array<Buffer> = []
  let size = 0
  let refused = false
  const refuse = () => {
    chunks.length = 0
    if (refused) return
    refused = true
    then(tooLarge(limit))
  }
  source.on("data", (chunk: Buffer) => {
    size += chunk.length
    if (size > limit + maxDrainedBytes) source.destroy()
    else if (size > limit) refuse()
    else if (!refused) chunks.push(chunk)
  })
  source.on("end", () => {
    if (refused) return
    const [only] = chunks
    then(
      jsonOf(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks), source.headers["content-type"])
    )
  })
  source.on("error", () => undefined)
  source.on("close", () => {
    if (!refused && !source.readableEnded) gone()
  })
  if (Number(source.headers["content-length"] ?? 0) > limit) refuse()
}
