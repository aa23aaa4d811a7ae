import { createHmac } from "node:crypto"
import * as Either from "effect/Either"

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

const parseKey = (text: string): Either.Either<Uint8Array, string> => {
  const prefix = "whsec_"
  if (!text.startsWith(prefix)) return Either.right(Buffer.from(text))
  const encoded = text.slice(prefix.length)
  return encoded !== "" && base64.test(encoded)
    ? Either.right(Buffer.from(encoded, "base64"))
    : Either.left(`what follows ${prefix} is no base64`)
}

/**
 * The keys of a webhook secret: `whsec_` and base64, or any other text as its own bytes; several, separated by spaces,
 * while one is replaced by another.
 */
export const signatureKeys = (secret: string): Either.Either<ReadonlyArray<Uint8Array>, string> => {
  const texts = secret.split(/\s+/).filter((text) => text !== "")
  return texts.length === 0 ? Either.left("it is empty") : Either.all(texts.map(parseKey))
}

/** A message as it is signed. */
export interface SignedMessage {
  readonly id: string
  /** Seconds since the epoch. */
  readonly timestamp: number
  readonly body: string
}

/** The signatures of a message, one of each key, as Standard Webhooks says (`v1`, HMAC-SHA256). */
export const signatureOf = ({ body, id, timestamp }: SignedMessage, keys: ReadonlyArray<Uint8Array>): string =>
  keys.map((key) => `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`).join(" ")
