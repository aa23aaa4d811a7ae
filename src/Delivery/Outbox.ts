import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Queue from "effect/Queue"
import type { DeliveryRouter } from "../Delivery.ts"
import { JobStore } from "../JobStore.ts"
import { Settings } from "../Settings.ts"
import { makeAttempt } from "./Attempt.ts"
import { isFailing, monotonic, type Pace, runLane } from "./Lane.ts"
import { channelOf, limitsOf } from "./Limits.ts"
import { OutboxSignal } from "./OutboxSignal.ts"

/** Webhook and Slack destinations served at once, and of those how many that fail; further ones take turns. */
const maxLanes = 128
const maxFailing = 32
/** Destinations of which something is remembered though nothing is due. */
const maxRemembered = 10_000
/** The least time, in ms, for what is due when the service ends. */
const leastGrace = 1_000
const longestSleep = 60_000
/** How long a destination rests whose due deliveries were not handed out (a damaged job), or whose lane broke. */
const rest = 1_000

/** Whether there can be any number of destinations of this kind: jobs name them. */
const isOneOfMany = (destination: string): boolean => ["webhook", "slack"].includes(channelOf(destination))

/**
 * Sends what the store says is due, one lane for each destination, until the scope closes; what is due then is still
 * sent, within what is left of the shutdown time-out, and the rest stays in the store for the next start.
 */
export const runOutbox = Effect.fnUntraced(function* (router: typeof DeliveryRouter.Service) {
  const store = yield* JobStore
  const signal = yield* OutboxSignal
  const { scheduler } = yield* Settings
  const send = yield* makeAttempt(router)
  const closing = yield* Deferred.make<void>()
  const active = new Map<string, Queue.Queue<void>>()
  const paces = new Map<string, Pace>()
  const crowded = { failing: false, others: false }

  const paceOf = (destination: string) => {
    const pace = paces.get(destination) ?? { notBefore: 0, failures: 0 }
    paces.set(destination, pace)
    return pace
  }

  const limitsTo = (destination: string) => limitsOf(scheduler.delivery, channelOf(destination))

  const failing = (destination: string): boolean => {
    const pace = paces.get(destination)
    return pace !== undefined && isFailing(pace, limitsTo(destination))
  }

  const forgetPassed = (now: number) => {
    for (const [destination, { failures, notBefore }] of paces) {
      const idle = notBefore <= now && !active.has(destination)
      if (idle && (failures === 0 || paces.size > maxRemembered)) paces.delete(destination)
    }
  }

  /** Of those that are ready, the ones that have a place: a dead receiver takes none from one that answers. */
  const placed = (ready: ReadonlyArray<string>): ReadonlyArray<string> => {
    const many = [...active.keys()].filter(isOneOfMany)
    const room = { failing: maxFailing - many.filter(failing).length, others: maxLanes - many.length }
    crowded.failing = false
    crowded.others = false
    return ready.filter((destination) => {
      if (!isOneOfMany(destination)) return true
      const kind = failing(destination) ? "failing" : "others"
      if (room[kind]-- > 0) return true
      crowded[kind] = true
      return false
    })
  }

  const lane = Effect.fnUntraced(function* (destination: string, wake: Queue.Queue<void>) {
    const pace = paceOf(destination)
    const limits = limitsTo(destination)
    const started = yield* Effect.catchAllCause(
      runLane({
        store,
        destination,
        limits,
        send,
        pace,
        wake,
        closing,
        crowded: () => isOneOfMany(destination) && crowded[failing(destination) ? "failing" : "others"]
      }),
      // The store can fail for a while (a full disk); nothing is lost.
      (cause) =>
        Cause.isInterruptedOnly(cause)
          ? Effect.interrupt
          : Effect.as(Effect.logError(`deliveries to ${destination} stumbled and start over`, cause), 0)
    )
    if (started === 0) pace.notBefore = Math.max(pace.notBefore, (yield* monotonic) + rest)
  })

  // Gone from the active ones before the look that it asks for: what came too late for it is then seen.
  const startLane = Effect.fnUntraced(function* (destination: string) {
    const wake = yield* Queue.dropping<void>(1)
    active.set(destination, wake)
    const ended = Effect.sync(() => active.delete(destination))
    return Effect.ensuring(lane(destination, wake), Effect.zipRight(ended, signal.wake))
  })

  /** What is due to a destination with a lane is for that one to see. */
  const wakeLanes = (due: ReadonlyArray<string>) =>
    Effect.forEach(
      due.flatMap((destination) => active.get(destination) ?? []),
      (wake) => Queue.offer(wake, undefined),
      { discard: true }
    )

  const work = Effect.gen(function* () {
    const lanes = yield* FiberSet.make()
    active.clear()
    while (true) {
      const now = yield* Clock.currentTimeMillis
      const instant = yield* monotonic
      if (yield* signal.takeImpatience) for (const pace of paces.values()) pace.notBefore = 0
      forgetPassed(instant)
      const waiting = yield* store.waitingDestinations(now)
      yield* wakeLanes(waiting.due)
      const idle = waiting.due.filter((destination) => !active.has(destination))
      const ready = idle.filter((destination) => (paces.get(destination)?.notBefore ?? 0) <= instant)
      for (const destination of placed(ready)) {
        yield* FiberSet.run(lanes, yield* startLane(destination))
      }
      const closed = yield* Deferred.isDone(closing)
      if (closed && ready.length === 0 && active.size === 0) return
      const rests = idle.map((destination) => (paces.get(destination)?.notBefore ?? 0) - instant)
      const next = (waiting.next ?? Number.POSITIVE_INFINITY) - now
      const wait = Math.min(longestSleep, next, ...rests.filter((millis) => millis > 0))
      const wakeUps = [Effect.sleep(Math.max(1, wait)), signal.awaited]
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

  const timeout = scheduler.shutdown_timeout_seconds * 1_000
  yield* Effect.acquireRelease(
    Effect.forkDaemon(Effect.interruptible(Effect.annotateLogs(supervised, "component", "delivery"))),
    (worker) =>
      Effect.gen(function* () {
        const grace = Math.max(leastGrace, timeout - (yield* signal.spent))
        yield* Deferred.succeed(closing, undefined)
        yield* Effect.timeoutOption(Effect.interruptible(Fiber.await(worker)), grace)
        yield* Fiber.interrupt(worker)
      })
  )
})
