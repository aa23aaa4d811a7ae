import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import { JobStore } from "../JobStore.ts"

/** A clock that no one can set: ms since some point, never going back. Apart from `Clock`, so that tests can part them. */
export class MonotonicClock extends Context.Reference<MonotonicClock>()("symbiont/MonotonicClock", {
  defaultValue: () => ({ millis: Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos / 1_000_000n)) })
}) {}

/** A difference beyond this is a jump, in ms. */
const tolerance = 30_000

/** Notices when the wall clock was set, or the machine slept: compares it with the monotonic clock at every look. */
export class ClockWatch extends Effect.Service<ClockWatch>()("symbiont/Scheduler/ClockWatch", {
  effect: Effect.gen(function* () {
    const store = yield* JobStore
    const monotonic = yield* MonotonicClock
    const offset = yield* Ref.make<number | null>(null)

    /** Records a jump of the wall clock since the last check; due slots follow the misfire policy as ever. */
    const check = Effect.gen(function* () {
      const wall = yield* Clock.currentTimeMillis
      const now = wall - (yield* monotonic.millis)
      const before = yield* Ref.getAndSet(offset, now)
      const jump = before === null ? 0 : now - before
      if (Math.abs(jump) <= tolerance) return
      const reason = `the clock jumped by ${(jump / 1_000).toFixed(1)} s`
      yield* Effect.logWarning(reason)
      yield* store.appendAudit([{ type: "ClockJumped", actor: "scheduler", reason }], wall)
    })

    return { check } as const
  })
}) {}
