import { timingSafeEqual } from "node:crypto"
import * as Redacted from "effect/Redacted"
import type { KeyId } from "../Domain/Ids.ts"
import { allows, type Principal } from "../Domain/Key.ts"
import type { ConfiguredKey } from "../Settings.ts"
import type { StoredKey } from "./KeyStore.ts"
import { digestOf } from "./Secrets.ts"

/** A key that may be shown to the service, and who it stands for. */
export interface Known {
  readonly digest: Buffer
  readonly principal: Principal
  readonly expires_at: number | null
  /** Null for keys of the configuration. */
  readonly id: KeyId | null
  readonly last_used_at: number | null
  /** Written by a person and short, so that trying many could find it. */
  readonly guessable: boolean
}

/** Shorter secrets, in characters, may be words. */
const unguessableLength = 32

const ofStore = ({ hash, key }: StoredKey): Known => ({
  digest: Buffer.from(hash, "hex"),
  principal: { mode: "keyed", actor: key.id, name: key.name, scopes: key.scopes },
  expires_at: key.expires_at,
  id: key.id,
  last_used_at: key.last_used_at,
  guessable: false
})

const ofConfiguration = ({ name, scopes, secret }: ConfiguredKey, index: number): Known => ({
  digest: digestOf(Redacted.value(secret)),
  principal: { mode: "keyed", actor: `config:${name ?? index + 1}`, name, scopes },
  expires_at: null,
  id: null,
  last_used_at: null,
  guessable: Redacted.value(secret).length < unguessableLength
})

const isLive = ({ expires_at }: Pick<Known, "expires_at">, now: number): boolean =>
  expires_at === null || now < expires_at

/**
 * All keys, found by their secret. A secret leads to its key by the first 32 bits of its SHA-256, and the rest is
 * compared in constant time: this costs the same whatever the number of keys, and the little that the time of such a
 * look-up tells is of a hash, which leads nobody to the secret.
 */
export const makeKeyring = (configured: ReadonlyArray<ConfiguredKey>, stored: ReadonlyArray<StoredKey>) => {
  const all = [...configured.map(ofConfiguration), ...stored.map(ofStore)]
  const byPrefix = new Map<number, Array<Known>>()
  for (const known of all) {
    const prefix = known.digest.readUInt32BE(0)
    byPrefix.set(prefix, [...(byPrefix.get(prefix) ?? []), known])
  }
  return {
    /** No key at all; an expired one counts, so that a service does not open when its last key expires. */
    isEmpty: all.length === 0,
    /** The live key of that secret. */
    find: (secret: string, now: number): Known | null => {
      const digest = digestOf(secret)
      const found = byPrefix.get(digest.readUInt32BE(0))?.find((known) => timingSafeEqual(known.digest, digest))
      return found !== undefined && isLive(found, now) ? found : null
    },
    /** Whether some live key may manage keys. */
    hasAdmin: (now: number): boolean =>
      all.some((known) => isLive(known, now) && allows(known.principal.scopes, "admin"))
  }
}
