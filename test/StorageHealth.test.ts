import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { refusalIn, refusalOf, StorageHealth } from "../src/StorageHealth.ts"

const coded = (code: string, cause?: unknown) => Object.assign(new Error(code, { cause }), { code })

describe("a refusal of the disk", () => {
  it("is found below what wraps it", () => {
    assert.strictEqual(refusalOf(coded("SQLITE_FULL")), "full")
    assert.strictEqual(refusalOf(new Error("outer", { cause: coded("ENOSPC") })), "full")
    assert.strictEqual(refusalOf(coded("SQLITE_READONLY_DBMOVED")), "read_only")
    assert.strictEqual(refusalOf(coded("EROFS")), "read_only")
    assert.strictEqual(refusalOf(coded("SQLITE_IOERR_FSYNC")), "failing")
    assert.isUndefined(refusalOf(coded("SQLITE_CONSTRAINT_UNIQUE")))
    assert.isUndefined(refusalOf("SQLITE_FULL"))
    assert.strictEqual(refusalIn(Cause.parallel(Cause.die(new Error("x")), Cause.fail(coded("EIO")))), "failing")
    assert.isUndefined(refusalIn(Cause.interrupt(Fiber.id(Fiber.void))))
  })

  it.effect("is waited out by those who write", () =>
    Effect.gen(function* () {
      const { accepted, refused, trouble, writable } = yield* StorageHealth
      assert.isNull(yield* trouble)
      yield* writable
      yield* refused(Cause.die(new Error("something else")))
      assert.isNull(yield* trouble)
      yield* refused(Cause.die(coded("SQLITE_FULL")))
      assert.deepStrictEqual(yield* trouble, { refusal: "full", since: 0 })
      const written = yield* Deferred.make<void>()
      yield* Effect.fork(Effect.zipRight(writable, Deferred.succeed(written, undefined)))
      yield* Effect.yieldNow()
      assert.isTrue(Option.isNone(yield* Deferred.poll(written)))
      yield* accepted
      yield* Deferred.await(written)
      assert.isNull(yield* trouble)
    }).pipe(Effect.provide(StorageHealth.layer))
  )
})
