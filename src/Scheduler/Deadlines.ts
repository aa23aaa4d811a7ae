import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { MonotonicClock } from "./ClockWatch.ts"
import { makeSignal } from "./Signal.ts"

/** What is to be stopped at an instant (ms of the monotonic clock) unless it is done before. */
interface Deadline {
  readonly at: number
  readonly expire: () => void
}

/** Node takes no longer timers than 2^31-1 ms. */
const longestSleep = 86_400_000

/**
 * The time limits of all runs, kept by one fiber. Those of the same length expire in the order in which they began, so
 * that one queue for each length finds the next without a timer for each run.
 */
export class Deadlines extends Effect.Service<Deadlines>()("symbiont/Scheduler/Deadlines", {
  scoped: Effect.gen(function* () {
    const monotonic = yield* MonotonicClock
    const earlier = makeSignal()
    const queues = new Map<number, Set<Deadline>>()
    let awakeAt = Number.POSITIVE_INFINITY

    const remove = (millis: number, deadline: Deadline) => {
      const queue = queues.get(millis)
      queue?.delete(deadline)
      if (queue?.size === 0) queues.delete(millis)
    }

    /** Expires what is due; gives the next deadline. */
    const expireDue = (now: number): number => {
      let next = Number.POSITIVE_INFINITY
      for (const [millis, queue] of queues) {
        for (const deadline of queue) {
          if (deadline.at > now) {
            next = Math.min(next, deadline.at)
            break
          }
          remove(millis, deadline)
          deadline.expire()
        }
      }
      return next
    }

    const watch = Effect.clockWith((clock) => {
      const now = monotonic.millis(clock)
      awakeAt = expireDue(now)
      return awakeAt === Number.POSITIVE_INFINITY
        ? earlier.take
        : Effect.raceFirst(Effect.sleep(Math.min(awakeAt - now, longestSleep)), earlier.take)
    })
    yield* Effect.forkScoped(Effect.forever(watch))

    /** Calls `expire` after so many ms, unless what it gives is called before. */
    const begin = (clock: Clock.Clock, millis: number, expire: () => void): (() => void) => {
      const deadline: Deadline = { at: monotonic.millis(clock) + millis, expire }
      const queue = queues.get(millis)
      if (queue === undefined) queues.set(millis, new Set([deadline]))
      else queue.add(deadline)
      if (deadline.at < awakeAt) earlier.raise()
      return () => remove(millis, deadline)
    }

    return { begin } as const
  })
}) {}
