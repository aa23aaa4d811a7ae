import * as Either from "effect/Either"
import type { ClaimedIdentity } from "../Domain/AgentPin.ts"
import { type Checked, cut, quote, refuse } from "./Refusal.ts"

/** Most characters of a credential; the largest that issuers make are a quarter of it. */
export const maxTokenLength = 8_192

/** A credential taken apart. Nothing in it is verified yet. */
export interface Token {
  readonly kid: string
  readonly payload: Readonly<Record<string, unknown>>
  /** What the signature is over. */
  readonly signed: string
  readonly signature: Uint8Array
}

type JsonObject = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const compact = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/

// Buffer also takes what no encoder writes; only the one canonical spelling of the bytes encodes to itself.
const decodeSegment = (text: string): Uint8Array | undefined => {
  const bytes = Buffer.from(text, "base64url")
  return bytes.toString("base64url") === text ? bytes : undefined
}

const jsonObject = (bytes: Uint8Array | undefined): JsonObject | undefined =>
  Either.getOrUndefined(
    Either.try((): JsonObject | undefined => {
      const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes))
      return isObject(value) ? value : undefined
    })
  )

const malformed = (what: string) => refuse("CREDENTIAL_MALFORMED", what)

// The header is closed: whatever else it could say (jwk, jku, x5c, crit, b64) would choose the key or the algorithm.
const checkHeader = (header: JsonObject): Checked<string> => {
  const { alg } = header
  if (alg !== "ES256") {
    const named = typeof alg === "string" ? quote(alg) : "missing or no text"
    return refuse("ALGORITHM_REJECTED", `the header's alg is ${named}; only "ES256" is accepted`)
  }
  if (header["typ"] !== "agentpin-credential+jwt") {
    return refuse("ALGORITHM_REJECTED", 'the header\'s typ is not "agentpin-credential+jwt"')
  }
  const extra = Object.keys(header).find((name) => !["alg", "typ", "kid"].includes(name))
  if (extra !== undefined) {
    return refuse("ALGORITHM_REJECTED", `the header has a member ${quote(extra)} besides alg, typ and kid`)
  }
  const kid = header["kid"]
  return typeof kid === "string" && kid !== ""
    ? Either.right(kid)
    : refuse("KEY_NOT_FOUND", "the header names no key: kid is missing or no text")
}

/** Takes a compact JWS apart, strictly: shape, size, canonical base64url, JSON objects, the three header members. */
export const parseToken = (token: string): Checked<Token> => {
  if (token === "") return refuse("CREDENTIAL_MISSING", "the credential is empty")
  if (token.length > maxTokenLength) return malformed(`the credential is longer than ${maxTokenLength} characters`)
  const [, head = "", body = "", tail = ""] = compact.exec(token) ?? []
  if (head === "") return malformed("the credential is not three base64url parts joined by dots")
  const signature = decodeSegment(tail)
  const header = jsonObject(decodeSegment(head))
  const payload = jsonObject(decodeSegment(body))
  if (header === undefined) return malformed("the header is no base64url of a JSON object")
  if (signature === undefined) return malformed("the signature is no canonical base64url")
  return Either.flatMap(checkHeader(header), (kid) =>
    payload === undefined
      ? malformed("the payload is no base64url of a JSON object")
      : Either.right({ kid, payload, signed: `${head}.${body}`, signature })
  )
}

const nothing: ClaimedIdentity = { iss: null, sub: null, kid: null, jti: null }

/** What a text that should be a credential claims, as far as it can be read. */
export const claimedBy = (token: string): ClaimedIdentity => {
  const [head, body] = token.length > maxTokenLength ? [] : token.split(".")
  if (head === undefined || body === undefined) return nothing
  const header = jsonObject(decodeSegment(head)) ?? {}
  const payload = jsonObject(decodeSegment(body)) ?? {}
  const text = (value: unknown) => (typeof value === "string" ? cut(value) : null)
  return { iss: text(payload["iss"]), sub: text(payload["sub"]), kid: text(header["kid"]), jti: text(payload["jti"]) }
}
