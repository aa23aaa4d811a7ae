import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import type { DeliveryRouter } from "../Delivery.ts"
import { JobStore } from "../JobStore.ts"
import { Settings } from "../Settings.ts"
import { makeAttempt } from "./Attempt.ts"
import { runLane } from "./Lane.ts"
import { channelOf, limitsOf } from "./Limits.ts"
import { OutboxSignal } from "./OutboxSignal.ts"

/** Destinations served at once; further ones wait for one of these to have nothing due. */
const maxLanes = 128
const closeGrace = 10
const longestSleep = 60_000
/** How long a destination rests whose due deliveries were not handed out (a damaged job), or whose lane broke. */
const rest = 1_000

/**
 * Sends what the store says is due, one lane for each destination, until the scope closes; what is due then is still
 * sent, for as long as the shutdown time-out says but at most 10 s, and the rest stays in the store for the next start.
 */
export const runOutbox = Effect.fnUntraced(function* (router: typeof DeliveryRouter.Service) {
  const store = yield* JobStore
  const signal = yield* OutboxSignal
  const { scheduler } = yield* Settings
  const send = yield* makeAttempt(router)
  const closing = yield* Deferred.make<void>()
  const active = new Set<string>()
  const paces = new Map<string, { notBefore: number }>()

  const paceOf = (destination: string) => {
    const pace = paces.get(destination) ?? { notBefore: 0 }
    paces.set(destination, pace)
    return pace
  }

  const forgetPassed = (now: number) => {
    for (const [destination, { notBefore }] of paces) {
      if (notBefore <= now && !active.has(destination)) paces.delete(destination)
    }
  }

  const lane = Effect.fnUntraced(function* (destination: string) {
    const pace = paceOf(destination)
    const limits = limitsOf(scheduler.delivery, channelOf(destination))
    const started = yield* Effect.catchAllCause(
      runLane({ store, destination, limits, send, pace, closing }),
      // The store can fail for a while (a full disk); nothing is lost.
      (cause) =>
        Cause.isInterruptedOnly(cause)
          ? Effect.interrupt
          : Effect.as(Effect.logError(`deliveries to ${destination} stumbled and start over`, cause), 0)
    )
    if (started === 0) pace.notBefore = Math.max(pace.notBefore, (yield* Clock.currentTimeMillis) + rest)
  })

  // Gone from the active ones before the look that it asks for: what came too late for it is then seen.
  const startLane = (destination: string) => {
    active.add(destination)
    const ended = Effect.sync(() => active.delete(destination))
    return Effect.ensuring(lane(destination), Effect.zipRight(ended, signal.wake))
  }

  const work = Effect.gen(function* () {
    const lanes = yield* FiberSet.make()
    active.clear()
    while (true) {
      const now = yield* Clock.currentTimeMillis
      forgetPassed(now)
      const waiting = yield* store.waitingDestinations(now)
      const idle = waiting.due.filter((destination) => !active.has(destination))
      const ready = idle.filter((destination) => (paces.get(destination)?.notBefore ?? 0) <= now)
      for (const destination of ready.slice(0, maxLanes - active.size)) {
        yield* FiberSet.run(lanes, startLane(destination))
      }
      const closed = yield* Deferred.isDone(closing)
      if (closed && ready.length === 0 && active.size === 0) return
      const resting = idle.flatMap((destination) => paces.get(destination)?.notBefore ?? [])
      const next = [now + longestSleep, waiting.next ?? Number.POSITIVE_INFINITY, ...resting.filter((at) => at > now)]
      const wakeUps = [Effect.sleep(Math.max(1, Math.min(...next) - now)), signal.awaited]
      yield* Effect.raceAll(closed ? wakeUps : [...wakeUps, Deferred.await(closing)])
    }
  }).pipe(Effect.scoped)

  const supervised: Effect.Effect<void> = Effect.catchAllCause(work, (cause) =>
    Effect.gen(function* () {
      yield* Effect.logError("the outbox stumbled and starts over", cause)
      yield* Effect.race(Effect.sleep(rest), Deferred.await(closing))
      return yield* (yield* Deferred.isDone(closing)) ? Effect.void : supervised
    })
  )

  const grace = Math.min(closeGrace, Math.max(1, scheduler.shutdown_timeout_seconds)) * 1_000
  yield* Effect.acquireRelease(Effect.forkDaemon(Effect.interruptible(supervised)), (worker) =>
    Deferred.succeed(closing, undefined).pipe(
      Effect.zipRight(Fiber.await(worker).pipe(Effect.interruptible, Effect.timeoutOption(grace))),
      Effect.zipRight(Fiber.interrupt(worker))
    )
  )
})
