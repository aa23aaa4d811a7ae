import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type { DueDelivery, JobStore } from "../JobStore.ts"
import type { ChannelLimits } from "./Limits.ts"

/** How long a destination rests after an end that could not be stored, in ms. */
const unrecordedRest = 10_000

/** What a lane needs to know of its destination. */
export interface LaneOptions {
  readonly store: Pick<typeof JobStore.Service, "dueDeliveries">
  readonly destination: string
  readonly limits: ChannelLimits
  /** Makes one attempt; gives how long, in ms, the destination asks to be left alone. */
  readonly send: (due: DueDelivery) => Effect.Effect<number>
  /** The instant, in UTC ms, before which nothing is to be started; kept from lane to lane. */
  readonly pace: { notBefore: number }
  /** Done when the outbox closes: a lane that waits for its destination then ends. */
  readonly closing: Deferred.Deferred<void>
}

/**
 * Sends what is due to one destination, oldest first, until nothing is; gives how many it started. What another
 * destination does, or how long it takes, is of no matter here.
 */
export const runLane = ({ closing, destination, limits, pace, send, store }: LaneOptions) =>
  Effect.gen(function* () {
    const underWay = new Set<string>()
    const ended = yield* Queue.dropping<void>(1)
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
            : Effect.as(
                Effect.logError(`the end of delivery ${id} could not be recorded; it is sent again`, cause),
                unrecordedRest
              )
        ),
        Effect.tap((rest) =>
          rest === 0
            ? Effect.void
            : Effect.map(Clock.currentTimeMillis, (now) => {
                pace.notBefore = Math.max(pace.notBefore, now + rest)
              })
        ),
        Effect.ensuring(
          Effect.zipRight(
            Effect.sync(() => underWay.delete(id)),
            Queue.offer(ended, undefined)
          )
        ),
        Effect.forkScoped
      )
    }

    /** Waits until the destination may be called again; false when the outbox closes first. */
    const paced = Effect.gen(function* () {
      const wait = pace.notBefore - (yield* Clock.currentTimeMillis)
      if (wait <= 0) return true
      return yield* Effect.race(Effect.as(Effect.sleep(wait), true), Effect.as(Deferred.await(closing), false))
    })

    while (true) {
      if (underWay.size >= limits.concurrency) {
        yield* Queue.take(ended)
        continue
      }
      if (!(yield* paced)) break
      const now = yield* Clock.currentTimeMillis
      // No more than can start soon: each brings its run's output.
      const due = yield* store.dueDeliveries(destination, now, limits.concurrency, [...underWay])
      if (due.length === 0 && underWay.size === 0) break
      if (due.length === 0) yield* Queue.take(ended)
      for (const one of due) {
        while (underWay.size >= limits.concurrency) yield* Queue.take(ended)
        if (!(yield* paced)) break
        yield* start(one)
        if (limits.spacing > 0) pace.notBefore = (yield* Clock.currentTimeMillis) + limits.spacing
      }
    }
    while (underWay.size > 0) yield* Queue.take(ended)
    return started
  }).pipe(Effect.scoped)
