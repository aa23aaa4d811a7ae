import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { CryptoKey } from "jose"
import type { DiscoveryDocument, PublicKey } from "../Domain/AgentPin.ts"
import { rawSignature } from "./Der.ts"
import { type Checked, quote, Refusal, refuse } from "./Refusal.ts"

// Only the verification of a credential needs it, and it would cost every other command its start-up.
const jose = Effect.promise(() => import("jose"))

/** A P-256 public key that can verify, and its RFC 7638 thumbprint. */
export interface VerifyingKey {
  readonly key: CryptoKey
  readonly thumbprint: string
}

const isCoordinate = (text: string | undefined): text is string =>
  text !== undefined &&
  /^[A-Za-z0-9_-]{43}$/.test(text) &&
  Buffer.from(text, "base64url").toString("base64url") === text

const verifies = ({ alg = "ES256", key_ops = ["verify"], use = "sig" }: PublicKey): boolean =>
  alg === "ES256" && use === "sig" && key_ops.includes("verify")

/** The key of a document under a kid, if it is a public P-256 key for signatures that has not expired at `now` (UTC ms). */
export const usableKey = ({ entity, public_keys }: DiscoveryDocument, kid: string, now: number): Checked<PublicKey> => {
  const key = public_keys.find((one) => one.kid === kid)
  if (key === undefined) return refuse("KEY_NOT_FOUND", `${entity} publishes no key ${quote(kid)}`)
  if (key.kty !== "EC" || key.crv !== "P-256" || !verifies(key) || key.d !== undefined) {
    return refuse("KEY_NOT_FOUND", `key ${quote(kid)} of ${entity} is no public P-256 key for signatures`)
  }
  if (key.exp !== undefined && key.exp <= now)
    return refuse("KEY_EXPIRED", `key ${quote(kid)} of ${entity} has expired`)
  return Either.right(key)
}

/** Imports a key; coordinates that are no point of the curve are refused. */
export const importKey = Effect.fnUntraced(function* ({ kid, x, y }: PublicKey) {
  const { calculateJwkThumbprint, importJWK } = yield* jose
  const unusable = new Refusal({ code: "KEY_NOT_FOUND", detail: `key ${quote(kid)} is no point of P-256` })
  if (!isCoordinate(x) || !isCoordinate(y)) return yield* unusable
  const jwk = { kty: "EC", crv: "P-256", x, y }
  const key = yield* Effect.tryPromise({ try: () => importJWK(jwk, "ES256"), catch: () => unusable })
  if (key instanceof Uint8Array) return yield* unusable
  const thumbprint = yield* Effect.tryPromise({ try: () => calculateJwkThumbprint(jwk), catch: () => unusable })
  return { key, thumbprint } satisfies VerifyingKey
})

/** Whether the signature over the first two parts of a compact JWS is by the key, raw or DER. */
export const checkSignature = Effect.fnUntraced(function* (
  { signature, signed }: { readonly signature: Uint8Array; readonly signed: string },
  { key }: VerifyingKey
) {
  const { compactVerify } = yield* jose
  const invalid = new Refusal({ code: "SIGNATURE_INVALID", detail: "the signature is not by the key that it names" })
  const raw = rawSignature(signature)
  if (raw === undefined) return yield* invalid
  const token = `${signed}.${Buffer.from(raw).toString("base64url")}`
  yield* Effect.tryPromise({ try: () => compactVerify(token, key, { algorithms: ["ES256"] }), catch: () => invalid })
})

/** Whether a signature, raw or DER, over some bytes is by the key. */
export const verifyBytes = (
  bytes: Uint8Array,
  signature: Uint8Array,
  { key }: VerifyingKey
): Effect.Effect<boolean> => {
  const raw = rawSignature(signature)
  if (raw === undefined) return Effect.succeed(false)
  return Effect.tryPromise(() =>
    crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, new Uint8Array(raw), new Uint8Array(bytes))
  ).pipe(Effect.orElseSucceed(() => false))
}
