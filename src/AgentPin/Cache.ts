import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Refusal } from "./Refusal.ts"

/** A document that is loaded when it is asked for and kept for a while. */
export interface CachedDocument<A> {
  readonly get: Effect.Effect<A, Refusal>
  /** As `get`; a kept one that is `lacking` is loaded anew, unless that was tried a moment ago. */
  readonly getUnless: (lacking: (value: A) => boolean) => Effect.Effect<A, Refusal>
}

/** Between two loads that something lacking asked for, in ms. */
const coolDown = 30_000

/**
 * Keeps what `load` gives for `ttl` ms. Those who ask at the same time share one load, also where it fails; a failure is
 * not kept.
 */
export const cachedDocument = <A>(load: Effect.Effect<A, Refusal>, ttl: number): Effect.Effect<CachedDocument<A>> =>
  Effect.map(Effect.makeSemaphore(1), (lock) => {
    let kept: { readonly value: A; readonly at: number } | undefined
    let last: { readonly result: Either.Either<A, Refusal>; readonly at: number } | undefined

    // Whoever waited while another loaded takes what that gave.
    const reload = Effect.suspend(() => {
      const seen = last
      return lock.withPermits(1)(
        Effect.gen(function* () {
          if (last !== undefined && last !== seen) return yield* last.result
          const result = yield* Effect.either(load)
          const at = yield* Clock.currentTimeMillis
          last = { result, at }
          if (Either.isRight(result)) kept = { value: result.right, at }
          return yield* result
        })
      )
    })

    const age = (at: number, now: number) => (now < at ? Number.POSITIVE_INFINITY : now - at)

    const get = Effect.flatMap(Clock.currentTimeMillis, (now) =>
      kept !== undefined && age(kept.at, now) < ttl ? Effect.succeed(kept.value) : reload
    )

    const getUnless = Effect.fnUntraced(function* (lacking: (value: A) => boolean) {
      const value = yield* get
      const now = yield* Clock.currentTimeMillis
      if (!lacking(value) || (last !== undefined && age(last.at, now) < coolDown)) return value
      return yield* Effect.orElseSucceed(reload, () => value)
    })

    return { get, getUnless }
  })
