import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type { AuditDraft } from "../Domain/Audit.ts"
import type { KeyId } from "../Domain/Ids.ts"
import type { ApiKey, KeyNameTaken, KeyNotFound } from "../Domain/Key.ts"

/** A key as it is kept: with the SHA-256 of its secret, in hex. */
export interface StoredKey {
  readonly key: ApiKey
  readonly hash: string
}

/** A key to store, and what the audit log says of it. */
export interface NewKey extends StoredKey {
  readonly audit: AuditDraft
}

/** The durable keys. Functions handed in are pure and run in the transaction; database failures are defects. */
export class KeyStore extends Context.Tag("symbiont/Access/KeyStore")<
  KeyStore,
  {
    /** Adds the key that `make` makes, told of all that are not revoked. */
    readonly create: <E>(
      now: number,
      make: (unrevoked: ReadonlyArray<ApiKey>) => Either.Either<NewKey, E>
    ) => Effect.Effect<ApiKey, E | KeyNameTaken>
    /** Revokes a key, found by id or name, if `check` lets it, told of the others that are not revoked. */
    readonly revoke: <E>(
      ref: string,
      now: number,
      check: (key: ApiKey, others: ReadonlyArray<ApiKey>) => Either.Either<AuditDraft, E>
    ) => Effect.Effect<ApiKey, E | KeyNotFound>
    /** All keys in the order of their creation, revoked ones too. */
    readonly list: Effect.Effect<ReadonlyArray<ApiKey>>
    /** The keys that are not revoked, expired ones too. */
    readonly unrevoked: Effect.Effect<ReadonlyArray<StoredKey>>
    /** Notes when a key was used last. */
    readonly used: (id: KeyId, at: number) => Effect.Effect<void>
  }
>() {}
