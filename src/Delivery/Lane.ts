import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type { DueDelivery, JobStore } from "../JobStore.ts"
import type { ChannelLimits } from "./Limits.ts"

/** What is remembered of a destination from lane to lane. */
export interface Pace {
  /** The instant by {@link monotonic} before which nothing is to be started. */
  notBefore: number
  /** Attempts in a row that failed, but not for good. */
  failures: number
}

/** What came of an attempt. */
export interface Attempted {
  /** How long, in ms, the destination asks to be left alone; 0 where it does not. */
  readonly rest: number
  /** Whether it failed, but not for good. */
  readonly failed: boolean
}

/** Ms by a clock that nobody sets: a rest is as long as it was asked for. */
export const monotonic: Effect.Effect<number> = Effect.map(Clock.currentTimeNanos, (nanos) =>
  Number(nanos / 1_000_000n)
)

/** Failures in a row that say that a destination fails, where as many are under way at once. */
const failuresInRow = 5

/** How long a destination rests after an end that could not be stored, in ms. */
const unrecordedRest = 10_000

/** Whether a destination fails: then one attempt at a time tells when it is back. */
export const isFailing = ({ failures }: Pace, { concurrency }: ChannelLimits): boolean =>
  failures >= Math.min(failuresInRow, concurrency)

/** What a lane needs to know of its destination. */
export interface LaneOptions {
  readonly store: Pick<typeof JobStore.Service, "dueDeliveries">
  readonly destination: string
  readonly limits: ChannelLimits
  /** Makes one attempt. */
  readonly send: (due: DueDelivery) => Effect.Effect<Attempted>
  readonly pace: Pace
  /** Whether others wait for the place of this lane. */
  readonly crowded: () => boolean
  /** Offered to when there may be more to send, or sooner; the lane itself offers at each end. */
  readonly wake: Queue.Queue<void>
  /** Done when the outbox closes: a lane that waits for its destination then ends. */
  readonly closing: Deferred.Deferred<void>
}

/**
 * Sends what is due to one destination, oldest first, until nothing is, or others wait for its place; gives how many it
 * started. What another destination does, or how long it takes, is of no matter here.
 */
export const runLane = ({ closing, crowded, destination, limits, pace, send, store, wake }: LaneOptions) =>
  Effect.gen(function* () {
    const underWay = new Set<string>()
    let started = 0

    const start = (due: DueDelivery) => {
      const { id } = due.delivery
      underWay.add(id)
      started++
      return send(due).pipe(
        // What became of it could not be stored, so it is still due: not at once again.
        Effect.catchAllCause((cause) =>
          Cause.isInterruptedOnly(cause)
            ? Effect.interrupt
            : Effect.as(Effect.logError(`the end of delivery ${id} could not be recorded; it is sent again`, cause), {
                rest: unrecordedRest,
                failed: false
              })
        ),
        Effect.tap(({ failed, rest }) =>
          Effect.map(monotonic, (now) => {
            pace.failures = failed ? pace.failures + 1 : 0
            if (rest > 0) pace.notBefore = Math.max(pace.notBefore, now + rest)
          })
        ),
        Effect.ensuring(
          Effect.zipRight(
            Effect.sync(() => underWay.delete(id)),
            Queue.offer(wake, undefined)
          )
        ),
        Effect.forkScoped
      )
    }

    /** How many may start now; none when it is too soon, or enough are under way. */
    const free = (now: number): number => {
      if (pace.notBefore > now) return 0
      const places = (isFailing(pace, limits) ? 1 : limits.concurrency) - underWay.size
      return limits.spacing > 0 ? Math.min(1, places) : places
    }

    const changed = Effect.gen(function* () {
      const wait = pace.notBefore - (yield* monotonic)
      const events = [Queue.take(wake), ...(wait > 0 ? [Effect.sleep(wait)] : [])]
      // With nothing under way there is nothing to wait for but the destination.
      yield* Effect.raceAll(underWay.size > 0 ? events : [...events, Deferred.await(closing)])
    })

    while (true) {
      const now = yield* monotonic
      const places = free(now)
      if (places > 0) {
        if (started > 0 && crowded()) break
        // No more than can start, and read anew each time: each brings its run's output, and its job as it is now.
        const due = yield* store.dueDeliveries(destination, yield* Clock.currentTimeMillis, places, [...underWay])
        yield* Effect.forEach(due, start, { discard: true })
        if (due.length > 0 && limits.spacing > 0) pace.notBefore = now + limits.spacing
        if (due.length > 0) continue
        if (underWay.size === 0) break
      } else if (underWay.size === 0 && (yield* Deferred.isDone(closing))) break
      yield* changed
    }
    while (underWay.size > 0) yield* Queue.take(wake)
    return started
  }).pipe(Effect.scoped)
