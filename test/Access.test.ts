import { createHash } from "node:crypto"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as FastCheck from "fast-check"
import { Access, KeyStore, SecretBytes, sameSecret } from "../src/Access.ts"
import { DurationText } from "../src/Domain/Duration.ts"
import { Ids } from "../src/Domain/Ids.ts"
import { allows, type Principal, Scope } from "../src/Domain/Key.ts"
import { storeInMemory, type TestSettings, testSettings } from "../src/testing.ts"
import { audited } from "./support/Audit.ts"

const access = (server: TestSettings["server"] = {}) =>
  Access.Default.pipe(
    Layer.provideMerge(storeInMemory),
    Layer.provideMerge(Ids.Default),
    Layer.provideMerge(testSettings({ server })),
    Layer.provide(NodeContext.layer),
    Layer.orDie
  )

const admin: Principal = { mode: "keyed", actor: "config:ops", name: "ops", scopes: ["admin"] }
const openDoor: Principal = { mode: "open", actor: "cli", name: null, scopes: Scope.literals }
const here = "127.0.0.1"
const strong = "x".repeat(43)

/** Admits at the time of the test. */
const admit = (secret: string, address: string) =>
  Effect.flatMap(Access, (access) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => access.admit(secret, address, now))
  )
const minutes = (n: number) => n * 60_000

/** Lets the fiber that writes behind the requests do its work. */
const written = (look: Effect.Effect<boolean>) =>
  Effect.repeat(Effect.zipRight(Effect.yieldNow(), look), { until: (is) => is })

describe("scopes", () => {
  it("admin is for all, operate and approve are for read, and for nothing else", () => {
    const table = Scope.literals.map((scope) => Scope.literals.filter((wanted) => allows([scope], wanted)))
    assert.deepStrictEqual(table, [["read"], ["read", "operate"], ["read", "approve"], [...Scope.literals]])
    assert.isFalse(allows([], "read"))
  })
})

describe("sameSecret", () => {
  it("is equality, for texts of any length", () => {
    const text = FastCheck.oneof(FastCheck.string(), FastCheck.fullUnicodeString())
    FastCheck.assert(FastCheck.property(text, text, (a, b) => sameSecret(a, b) === (a === b) && sameSecret(a, a)))
  })
})

describe("Access without keys", () => {
  it.effect("is open to this machine until the first key, which must be for admin", () =>
    Effect.gen(function* () {
      const { create, hasAdmin, isOpen, openFor } = yield* Access
      assert.deepStrictEqual([isOpen(), yield* hasAdmin], [true, false])
      assert.deepStrictEqual(openFor("cli"), openDoor)
      const refused = yield* Effect.flip(create({ name: "ci", scopes: ["operate", "read"] }, openDoor))
      assert.include(refused.message, "the first key must have the scope admin")
      assert.isTrue(isOpen())

      const key = yield* create({ name: "ops", scopes: ["admin"] }, openDoor)
      assert.deepStrictEqual([isOpen(), yield* hasAdmin], [false, true])
      assert.match(key.secret, /^symbi_[A-Za-z0-9_-]{43}$/)
      assert.deepStrictEqual(yield* admit(key.secret, here), {
        mode: "keyed",
        actor: key.id,
        name: "ops",
        scopes: ["admin"]
      })
      const late = yield* Effect.flip(create({ name: "late", scopes: ["admin"] }, openDoor))
      assert.strictEqual(late._tag, "KeyUnknown")
    }).pipe(Effect.provide(access()))
  )

  it.effect("lets one of many first keys in, however they race", () =>
    Effect.gen(function* () {
      const { create, list } = yield* Access
      const made = yield* Effect.forEach(
        Array.from({ length: 20 }, (_, n) => n),
        (n) => Effect.either(create({ name: `k${n}`, scopes: ["admin"] }, openDoor)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(made.filter(({ _tag }) => _tag === "Right").length, 1)
      assert.strictEqual((yield* list(true)).length, 1)
    }).pipe(Effect.provide(access()))
  )
})

describe("Access with keys", () => {
  it.effect("keeps and tells no secret: its SHA-256 in the store, nothing of it in the audit log", () =>
    Effect.gen(function* () {
      const { create, list, revoke } = yield* Access
      const keys = yield* KeyStore
      const { secret, ...key } = yield* create({ name: "ops", scopes: ["read", "admin", "read"] }, openDoor)
      assert.strictEqual(secret, `symbi_${Buffer.alloc(32, 7).toString("base64url")}`)
      assert.deepStrictEqual(key.scopes, ["read", "admin"])
      const hash = createHash("sha256").update(secret).digest("hex")
      assert.deepStrictEqual(yield* keys.unrevoked, [{ key, hash }])
      yield* revoke("ops", admin).pipe(Effect.flip)
      const audit = yield* audited({ limit: 10 })
      assert.deepStrictEqual(
        audit.map(({ actor, after, type }) => ({ actor, after, type })),
        [
          {
            type: "KeyCreated",
            actor: "cli",
            after: { id: key.id, name: "ops", scopes: ["read", "admin"], expires_at: null }
          }
        ]
      )
      for (const text of [JSON.stringify(audit), JSON.stringify(yield* list(true))]) {
        assert.notInclude(text, secret)
        assert.notInclude(text, hash)
      }
    }).pipe(
      Effect.provide(access()),
      Effect.provideService(
        SecretBytes,
        Effect.sync(() => new Uint8Array(32).fill(7))
      )
    )
  )

  it.effect("ends a key when it is revoked or expires, and does not open when the last one does", () =>
    Effect.gen(function* () {
      const { authenticate, create, hasAdmin, isOpen, list, revoke } = yield* Access
      const short = { name: "ops", scopes: ["admin"], expires_in: DurationText.make("2h") } as const
      assert.include((yield* Effect.flip(create(short, openDoor))).message, "the first key must not expire")
      yield* create({ name: "root", scopes: ["admin"] }, openDoor)
      const ops = yield* create(short, admin)
      yield* revoke("root", admin)
      const by = yield* Effect.map(authenticate(ops.secret), (found) => found ?? openDoor)
      const ci = yield* create({ name: "ci", scopes: ["operate"], expires_at: minutes(60) }, by)
      assert.strictEqual(ci.created_by, ops.id)
      assert.deepStrictEqual((yield* authenticate(ci.secret))?.scopes, ["operate"])

      yield* TestClock.adjust(minutes(60) - 1)
      assert.isNotNull(yield* authenticate(ci.secret))
      yield* TestClock.adjust(1)
      assert.isNull(yield* authenticate(ci.secret))

      const revoked = yield* revoke("ci", by)
      assert.strictEqual(revoked.revoked_at, minutes(60))
      assert.deepStrictEqual(
        (yield* list(false)).map(({ name }) => name),
        ["ops"]
      )
      assert.strictEqual((yield* list(true)).length, 3)
      assert.strictEqual((yield* Effect.flip(revoke("ci", by)))._tag, "KeyNotFound")

      yield* TestClock.adjust(minutes(60))
      assert.isNull(yield* authenticate(ops.secret))
      assert.deepStrictEqual([isOpen(), yield* hasAdmin], [false, false])
      assert.strictEqual((yield* Effect.flip(create({ name: "new", scopes: ["admin"] }, openDoor)))._tag, "KeyUnknown")
    }).pipe(Effect.provide(access()))
  )

  it.effect("keeps the last key that can manage keys, unless the configuration has one", () =>
    Effect.gen(function* () {
      const { create, revoke } = yield* Access
      const first = yield* create({ name: "first", scopes: ["admin"] }, openDoor)
      const expired = yield* create({ name: "second", scopes: ["admin"], expires_at: minutes(1) }, admin)
      yield* TestClock.adjust(minutes(2))
      const kept = yield* Effect.flip(revoke(first.id, admin))
      assert.deepInclude(kept, { _tag: "LastAdminKey", name: "first" })
      assert.include(kept.message, "create another one first")
      yield* revoke(expired.id, admin)
      yield* create({ name: "third", scopes: ["admin"] }, admin)
      yield* revoke("first", admin)
    }).pipe(
      Effect.provide(access()),
      Effect.zipRight(
        Effect.gen(function* () {
          const { create, isOpen, revoke } = yield* Access
          yield* create({ name: "only", scopes: ["admin"] }, admin)
          yield* revoke("only", admin)
          assert.isFalse(isOpen())
        }).pipe(Effect.provide(access({ api_keys: [strong] })))
      )
    )
  )

  it.effect("keeps one of two keys that revoke each other at once", () =>
    Effect.gen(function* () {
      const { create, hasAdmin, revoke } = yield* Access
      yield* create({ name: "a", scopes: ["admin"] }, openDoor)
      yield* create({ name: "b", scopes: ["admin"] }, admin)
      const ends = yield* Effect.forEach(["a", "b"], (name) => Effect.either(revoke(name, admin)), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(ends.map(({ _tag }) => _tag).toSorted(), ["Left", "Right"])
      assert.isTrue(yield* hasAdmin)
    }).pipe(Effect.provide(access()))
  )

  it.effect("never opens again and is never without an admin, whatever is created and revoked", () =>
    Effect.promise(() => {
      const name = FastCheck.constantFrom("a", "b", "c")
      const creation = FastCheck.record({
        name,
        scopes: FastCheck.array(FastCheck.constantFrom(...Scope.literals), { minLength: 1, maxLength: 3 })
      })
      const steps = FastCheck.array(FastCheck.oneof(creation, FastCheck.record({ revoke: name })), { maxLength: 30 })
      const holds = FastCheck.asyncProperty(steps, (steps) =>
        Effect.gen(function* () {
          const { create, hasAdmin, isOpen, list, revoke } = yield* Access
          let done = 0
          for (const step of steps) {
            const by = isOpen() ? openDoor : admin
            const end = yield* Effect.either<unknown, { readonly _tag: string }, never>(
              "revoke" in step
                ? revoke(step.revoke, by)
                : create({ name: step.name, scopes: step.scopes as [Scope, ...Array<Scope>] }, by)
            )
            if (end._tag === "Right") done++
            assert.strictEqual(isOpen(), done === 0)
            assert.strictEqual(yield* hasAdmin, done > 0)
          }
          assert.strictEqual((yield* audited({ limit: 1_000 })).length, done, "each change has its event")
          const names = (yield* list(false)).map((key) => key.name)
          assert.strictEqual(new Set(names).size, names.length)
        }).pipe(Effect.provide(access()), Effect.runPromise)
      )
      return FastCheck.assert(holds, { numRuns: 60 })
    })
  )

  it.effect("refuses names that are taken, here or in the configuration, and ends that make no sense", () =>
    Effect.gen(function* () {
      const { create } = yield* Access
      yield* create({ name: "ci", scopes: ["read"] }, admin)
      for (const name of ["ci", "ops"]) {
        const taken = yield* Effect.flip(create({ name, scopes: ["read"] }, admin))
        assert.deepInclude(taken, { _tag: "KeyNameTaken", name })
      }
      const past = yield* Effect.flip(create({ name: "p", scopes: ["read"], expires_at: 0 }, admin))
      assert.strictEqual(past.message, "expires_at: must be in the future")
      const both = { name: "b", scopes: ["read"], expires_at: minutes(9), expires_in: DurationText.make("1h") } as const
      assert.include((yield* Effect.flip(create(both, admin))).message, "either expires_in or expires_at")
    }).pipe(Effect.provide(access({ api_keys: [`ops:${strong}`] })))
  )

  it.effect("knows the keys of the configuration by name or by place", () =>
    Effect.gen(function* () {
      const { authenticate, hasAdmin } = yield* Access
      assert.deepStrictEqual(yield* authenticate(strong), {
        mode: "keyed",
        actor: "config:1",
        name: null,
        scopes: Scope.literals
      })
      assert.deepInclude(yield* authenticate("b".repeat(40)), {
        actor: "config:ci",
        name: "ci",
        scopes: ["read", "approve"]
      })
      assert.isNull(yield* authenticate("b".repeat(39)))
      assert.isNull(yield* authenticate(""))
      assert.isTrue(yield* hasAdmin)
    }).pipe(Effect.provide(access({ api_keys: [strong, `ci:${"b".repeat(40)}:read+approve`] })))
  )

  it.effect("finds each of many keys by its secret and by nothing else", () =>
    Effect.gen(function* () {
      const { authenticate, create } = yield* Access
      const made = yield* Effect.forEach(
        Array.from({ length: 50 }, (_, n) => n),
        (n) => create({ name: `k${n}`, scopes: ["read"] }, admin)
      )
      for (const { id, secret } of made) {
        assert.strictEqual((yield* authenticate(secret))?.actor, id)
        assert.isNull(yield* authenticate(secret.slice(0, -1)))
        assert.isNull(yield* authenticate(`${secret} `))
        assert.isNull(yield* authenticate(id))
      }
    }).pipe(Effect.provide(access({ api_keys: [strong] })))
  )

  it.effect("notes when a key was used, once a minute at most", () =>
    Effect.gen(function* () {
      const { create } = yield* Access
      const keys = yield* KeyStore
      const { secret } = yield* create({ name: "ci", scopes: ["read"] }, admin)
      const lastUse = Effect.map(keys.list, ([key]) => key?.last_used_at)
      const isUsed = (at: number) => written(Effect.map(lastUse, (last) => last === at))
      assert.isNull(yield* lastUse)
      yield* TestClock.adjust(5_000)
      yield* admit(secret, here)
      yield* isUsed(5_000)
      yield* TestClock.adjust(59_999)
      yield* admit(secret, here)
      yield* TestClock.adjust(1)
      yield* admit(secret, here)
      yield* isUsed(65_000)
    }).pipe(Effect.provide(access({ api_keys: [strong] })))
  )
})

describe("the limits of Access", () => {
  it.effect("let each key make twice its rate at once and then its rate, by the clock", () =>
    Effect.gen(function* () {
      const other = "o".repeat(40)
      yield* Effect.repeatN(admit(strong, here), 19)
      const limited = yield* Effect.flip(admit(strong, here))
      assert.deepInclude(limited, { _tag: "RateLimited", retry_after: 1 })
      assert.include(limited.message, "more than 10 requests per second ([server] rate_limit); try again in 1 s")
      yield* admit(other, here)
      yield* TestClock.adjust(100)
      yield* admit(strong, here)
      assert.strictEqual((yield* Effect.flip(admit(strong, here)))._tag, "RateLimited")
    }).pipe(Effect.provide(access({ api_keys: [strong, "o".repeat(40)], rate_limit: 10 })))
  )

  it.effect("are none with a rate of 0", () =>
    Effect.gen(function* () {
      yield* Effect.repeatN(admit(strong, here), 5_000)
    }).pipe(Effect.provide(access({ api_keys: [strong], rate_limit: 0 })))
  )

  it.effect("take ten wrong keys a minute from an address; a long key is let in all the same, a short one is not", () =>
    Effect.gen(function* () {
      const wrong = (address: string) => Effect.map(Effect.flip(admit("guess", address)), (error) => error._tag)
      yield* admit("short", here)
      for (let n = 0; n < 10; n++) assert.strictEqual(yield* wrong(here), "KeyUnknown")
      assert.strictEqual(yield* wrong(here), "RateLimited")
      assert.deepInclude(yield* Effect.flip(admit("short", here)), { _tag: "RateLimited", retry_after: 6 })
      assert.strictEqual((yield* admit(strong, here)).actor, "config:1")
      assert.strictEqual(yield* wrong("192.0.2.1"), "KeyUnknown")
      assert.strictEqual((yield* admit("short", "192.0.2.1")).actor, "config:2")
      yield* TestClock.adjust(6_000)
      assert.strictEqual((yield* admit("short", here)).actor, "config:2")
      assert.strictEqual(yield* wrong(here), "KeyUnknown")
      assert.strictEqual(yield* wrong(here), "RateLimited")
    }).pipe(Effect.provide(access({ api_keys: [strong, "short"] })))
  )
})
