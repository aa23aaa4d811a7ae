import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { AuditDraft } from "../Domain/Audit.ts"
import { durationMillis } from "../Domain/Duration.ts"
import { Ids } from "../Domain/Ids.ts"
import {
  type ApiKey,
  allows,
  type CreatedKey,
  KeyInvalid,
  KeyNameTaken,
  type KeyRequest,
  KeyUnknown,
  LastAdminKey,
  type Principal,
  RateLimited,
  Scope
} from "../Domain/Key.ts"
import { Settings } from "../Settings.ts"
import { makeBuckets } from "./Buckets.ts"
import { makeKeyring } from "./Keyring.ts"
import { KeyStore, type NewKey } from "./KeyStore.ts"
import { makeLastUse } from "./LastUse.ts"
import { digestOf, newSecret } from "./Secrets.ts"

/** Wrong keys from one address: ten at once, and ten a minute after that. */
const guesses = { burst: 10, perSecond: 10 / 60, capacity: 10_000 }

const maxKeysLimited = 100_000

/** What of a key the audit log tells. */
const told = ({ expires_at, id, name, scopes }: ApiKey) => ({
  id,
  name,
  scopes,
  expires_at: expires_at === null ? null : new Date(expires_at).toISOString()
})

const invalid = (path: string, message: string) => new KeyInvalid({ issues: [{ path, message }] })

const expiryOf = ({ expires_at, expires_in }: KeyRequest, now: number): Either.Either<number | null, KeyInvalid> => {
  if (expires_in !== undefined && expires_at !== undefined) {
    return Either.left(invalid("expires_in", "give either expires_in or expires_at"))
  }
  if (expires_at !== undefined && expires_at <= now) return Either.left(invalid("expires_at", "must be in the future"))
  return Either.right(expires_in === undefined ? (expires_at ?? null) : now + durationMillis(expires_in))
}

/** Whether some of these keys can still manage keys. */
const hasLiveAdmin = (keys: ReadonlyArray<ApiKey>, now: number): boolean =>
  keys.some((key) => allows(key.scopes, "admin") && (key.expires_at === null || now < key.expires_at))

/** See `Access`. */
export const make = Effect.gen(function* () {
  const store = yield* KeyStore
  const ids = yield* Ids
  const { server } = yield* Settings
  const noteUse = yield* makeLastUse
  const configured = server.api_keys

  // Keys change only here, as one process owns the database; each change reads them again, one after the other.
  const changing = yield* Effect.makeSemaphore(1)
  const load = Effect.map(store.unrevoked, (stored) => makeKeyring(configured, stored))
  let keyring = yield* load
  const change = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    effect.pipe(
      Effect.zipLeft(
        Effect.map(load, (next) => {
          keyring = next
        })
      ),
      Effect.uninterruptible,
      changing.withPermits(1)
    )

  const requests =
    server.rate_limit === 0
      ? undefined
      : makeBuckets({ burst: 2 * server.rate_limit, perSecond: server.rate_limit, capacity: maxKeysLimited })
  const failures = makeBuckets(guesses)

  const limited = (retry_after: number, what: string) =>
    new RateLimited({ retry_after, message: `${what}; try again in ${retry_after} s` })

  const authenticate = (secret: string) =>
    Effect.map(Clock.currentTimeMillis, (now) => keyring.find(secret, now)?.principal ?? null)

  const admit = (secret: string, address: string, now: number): Either.Either<Principal, KeyUnknown | RateLimited> => {
    const known = keyring.find(secret, now)
    // Refusing every key of an address would shut out all others behind the same proxy; no guess finds a long one.
    if (known === null || (known.guessable && failures.isEmpty(address, now))) {
      const wait = failures.take(address, now)
      return Either.left(wait === 0 ? new KeyUnknown() : limited(wait, `too many wrong API keys from ${address}`))
    }
    const wait = requests?.take(known.principal.actor, now) ?? 0
    if (wait > 0) {
      const rate = `${server.rate_limit} requests per second ([server] rate_limit)`
      return Either.left(limited(wait, `this API key made more than ${rate}`))
    }
    if (known.id !== null) noteUse(known.id, known.last_used_at, now)
    return Either.right(known.principal)
  }

  const openFor = (client: "api" | "cli"): Principal => ({
    mode: "open",
    actor: client,
    name: null,
    scopes: Scope.literals
  })

  const create = Effect.fn("Access.create")(function* (request: KeyRequest, by: Principal) {
    const now = yield* Clock.currentTimeMillis
    const expires_at = yield* expiryOf(request, now)
    if (configured.some(({ name }) => name === request.name)) return yield* new KeyNameTaken({ name: request.name })
    const secret = yield* newSecret
    const id = yield* ids.key
    const [first, ...others] = Scope.literals.filter((scope) => request.scopes.includes(scope))
    const key: ApiKey = {
      id,
      name: request.name,
      scopes: first === undefined ? request.scopes : [first, ...others],
      created_at: now,
      created_by: by.actor,
      last_used_at: null,
      expires_at,
      revoked_at: null
    }
    const stored = yield* change(
      store.create(now, (unrevoked): Either.Either<NewKey, KeyInvalid | KeyUnknown> => {
        const isFirst = configured.length === 0 && unrevoked.length === 0
        // Let in without a key, and overtaken by the first key.
        if (by.mode === "open" && !isFirst) return Either.left(new KeyUnknown())
        if (isFirst && !allows(key.scopes, "admin")) {
          return Either.left(
            invalid("scopes", "the first key must have the scope admin: with it the service asks everyone for a key")
          )
        }
        if (isFirst && expires_at !== null) {
          return Either.left(invalid("expires_in", "the first key must not expire: nobody could make another then"))
        }
        return Either.right({
          key,
          hash: digestOf(secret).toString("hex"),
          audit: { type: "KeyCreated", actor: by.actor, after: told(key) }
        })
      })
    )
    return { ...stored, secret } satisfies CreatedKey
  })

  const revoke = Effect.fn("Access.revoke")(function* (ref: string, by: Principal) {
    const now = yield* Clock.currentTimeMillis
    const configuredAdmin = configured.some(({ scopes }) => allows(scopes, "admin"))
    return yield* change(
      store.revoke(
        ref,
        now,
        (key, others): Either.Either<AuditDraft, LastAdminKey> =>
          allows(key.scopes, "admin") && !configuredAdmin && !hasLiveAdmin(others, now)
            ? Either.left(new LastAdminKey({ name: key.name }))
            : Either.right({ type: "KeyRevoked", actor: by.actor, before: told(key) })
      )
    )
  })

  return {
    /** Who a secret stands for; null for none. Counts nothing and limits nothing. */
    authenticate,
    /** Who a request with that secret from that address is by, at UTC ms, within the limits of the key and the address. */
    admit,
    /** No key is configured or stored: everyone on this machine is let in. */
    isOpen: () => keyring.isEmpty,
    /** Who is let in where the service is open, under the name that the client says. */
    openFor,
    /** Whether some live key may manage keys. */
    hasAdmin: Effect.map(Clock.currentTimeMillis, (now) => keyring.hasAdmin(now)),
    /** Makes a key. The first one ends the open mode at once, and must be able to make others. */
    create,
    /** Ends a key at once. */
    revoke,
    /** The stored keys in the order of their creation; without `all`, those that are not revoked. */
    list: (all: boolean) =>
      Effect.map(store.list, (keys) => (all ? keys : keys.filter(({ revoked_at }) => revoked_at === null)))
  } as const
})
