import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"

/** A wall clock that a test sets at will: ms to add to it, negative to set it back. */
export interface WallClock {
  readonly jump: (millis: number) => Effect.Effect<void>
}

/**
 * Runs a body whose wall clock can be set. Sleeps and the monotonic clock stay with the test clock, as they stay with
 * the machine's own when somebody sets its time.
 */
export const withWallClock = <A, E, R>(body: (wall: WallClock) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(TestClock.testClock(), (testClock) => {
    let ahead = 0
    const wall: Clock.Clock = Object.create(testClock, {
      unsafeCurrentTimeMillis: { value: () => testClock.unsafeCurrentTimeMillis() + ahead },
      unsafeCurrentTimeNanos: { value: () => testClock.unsafeCurrentTimeNanos() },
      currentTimeMillis: { value: Effect.map(testClock.currentTimeMillis, (millis) => millis + ahead) }
    })
    const jump = (millis: number) =>
      Effect.sync(() => {
        ahead += millis
      })
    return Effect.withClock(body({ jump }), wall)
  })
