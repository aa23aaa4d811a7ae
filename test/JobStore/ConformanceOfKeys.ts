import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import { KeyStore, type NewKey } from "../../src/Access.ts"
import { KeyId } from "../../src/Domain/Ids.ts"
import type { ApiKey } from "../../src/Domain/Key.ts"
import { audited } from "../support/Audit.ts"
import { Database } from "./Conformance.ts"
import type { StoreTest } from "./ConformanceOfRuns.ts"
import { t0 } from "./fixtures.ts"

const keyId = (n: number) => KeyId.make(`key_${String(n).padStart(26, "0")}`)

const nthKey = (n: number, change: Partial<ApiKey> = {}): NewKey => {
  const key: ApiKey = {
    id: keyId(n),
    name: `key-${n}`,
    scopes: ["read", "operate"],
    created_at: t0,
    created_by: "test",
    last_used_at: null,
    expires_at: t0 + 1_000,
    revoked_at: null,
    ...change
  }
  return { key, hash: String(n).padStart(64, "0"), audit: { type: "KeyCreated", actor: "test", after: { id: key.id } } }
}

const create = (...keys: ReadonlyArray<NewKey>) =>
  Effect.flatMap(KeyStore, (store) => Effect.forEach(keys, (key) => store.create(t0, () => Either.right(key))))

const revoke = (ref: string, now = t0 + 5) =>
  Effect.flatMap(KeyStore, (store) => store.revoke(ref, now, () => Either.right({ type: "KeyRevoked", actor: "test" })))

const types = Effect.map(audited({ limit: 100 }), (events) => events.map(({ type }) => type))

/** Keys in every store. */
export const keysConform = (engine: string, test: StoreTest) => {
  describe(`a store on ${engine} keeps keys`, () => {
    test("as they were given, each with an event", () =>
      Effect.gen(function* () {
        const store = yield* KeyStore
        const first = nthKey(1)
        const second = nthKey(2, { expires_at: null, scopes: ["admin"] })
        assert.deepStrictEqual(yield* create(first, second), [first.key, second.key])
        assert.deepStrictEqual(yield* store.list, [first.key, second.key])
        assert.deepStrictEqual(
          yield* store.unrevoked,
          [first, second].map(({ hash, key }) => ({ hash, key }))
        )
        assert.deepStrictEqual(yield* types, ["KeyCreated", "KeyCreated"])
      }))

    test("and says of those that are there to who makes a key, or refuses to", () =>
      Effect.gen(function* () {
        const store = yield* KeyStore
        yield* create(nthKey(1), nthKey(2))
        yield* revoke("key-1")
        const seen = yield* Effect.flip(store.create(t0, (unrevoked) => Either.left(unrevoked.map(({ name }) => name))))
        assert.deepStrictEqual(seen, ["key-2"])
        assert.strictEqual((yield* store.list).length, 2)
        assert.strictEqual((yield* types).length, 3)
      }))

    test("each under a name of its own, which is free again when it is revoked", () =>
      Effect.gen(function* () {
        yield* create(nthKey(1))
        const taken = yield* Effect.flip(create(nthKey(2, { name: "key-1" })))
        assert.deepInclude(taken, { _tag: "KeyNameTaken", name: "key-1" })
        const revoked = yield* revoke(keyId(1))
        assert.deepStrictEqual(revoked, { ...nthKey(1).key, revoked_at: t0 + 5 })
        yield* create(nthKey(2, { name: "key-1" }))
        assert.strictEqual((yield* revoke("key-1")).id, keyId(2))
        assert.deepInclude(yield* Effect.flip(revoke("key-1")), { _tag: "KeyNotFound", key: "key-1" })
        assert.deepInclude(yield* Effect.flip(revoke(keyId(1))), { _tag: "KeyNotFound" })
      }))

    test("unless who is asked objects, told of the others", () =>
      Effect.gen(function* () {
        const store = yield* KeyStore
        yield* create(nthKey(1), nthKey(2), nthKey(3))
        yield* revoke("key-3")
        const told = yield* Effect.flip(
          store.revoke("key-2", t0, (key, others) => Either.left([key.name, ...others.map(({ name }) => name)]))
        )
        assert.deepStrictEqual(told, ["key-2", "key-1"])
        assert.strictEqual((yield* store.unrevoked).length, 2)
      }))

    test("one at a time, so that no two are both the first", () =>
      Effect.gen(function* () {
        const store = yield* KeyStore
        const ends = yield* Effect.forEach(
          Array.from({ length: 20 }, (_, n) => nthKey(n)),
          (key) =>
            Effect.either(store.create(t0, (others) => (others.length > 0 ? Either.left("late") : Either.right(key)))),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(ends.filter(Either.isRight).length, 1)
        assert.strictEqual((yield* store.list).length, 1)
      }))

    test("and when each was used last", () =>
      Effect.gen(function* () {
        const store = yield* KeyStore
        yield* create(nthKey(1), nthKey(2))
        yield* store.used(keyId(1), t0 + 60_000)
        yield* store.used(keyId(9), t0)
        assert.deepStrictEqual(
          (yield* store.list).map(({ last_used_at }) => last_used_at),
          [t0 + 60_000, null]
        )
      }))

    test("and overlooks none that is damaged, as the service could be open without it", () =>
      Effect.gen(function* () {
        const store = yield* KeyStore
        const database = yield* Database
        yield* create(nthKey(1))
        yield* database.execute(`UPDATE api_keys SET scopes = '["all"]'`)
        assert.isTrue(Exit.isFailure(yield* Effect.exit(store.unrevoked)))
      }))
  })
}
