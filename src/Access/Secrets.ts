import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Where the bytes of new secrets come from; the system's generator unless a test says otherwise. */
export class SecretBytes extends Context.Reference<SecretBytes>()("symbiont/Access/SecretBytes", {
  defaultValue: () => Effect.sync((): Uint8Array => randomBytes(32))
}) {}

/** A new secret: `symbi_` and 32 random bytes as 43 characters of base64url. */
export const newSecret: Effect.Effect<string> = Effect.map(
  Effect.flatten(SecretBytes),
  (bytes) => `symbi_${Buffer.from(bytes).toString("base64url")}`
)

/** SHA-256. Secrets of keys have 256 random bits, so a slow hash would protect nothing more. */
export const digestOf = (secret: string): Buffer => createHash("sha256").update(secret).digest()

/** Whether two secrets are the same, in a time that does not tell how much of them is. */
export const sameSecret = (one: string, other: string): boolean => timingSafeEqual(digestOf(one), digestOf(other))
