import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import { AuditLog } from "../AuditLog.ts"
import { formatDuration } from "../Domain/Duration.ts"
import { formatInstant } from "../Domain/Instant.ts"
import { JobStore } from "../JobStore.ts"
import { Settings } from "../Settings.ts"
import { replanSetBack } from "./SetBack.ts"

/** A clock that no one can set: ms since some point, never going back. Apart from `Clock`, so that tests can part them. */
export class MonotonicClock extends Context.Reference<MonotonicClock>()("symbiont/MonotonicClock", {
  defaultValue: () => ({ millis: (clock: Clock.Clock) => Number(clock.unsafeCurrentTimeNanos() / 1_000_000n) })
}) {}

/** A difference beyond this is a jump, in ms. */
const tolerance = 30_000

/**
 * Notices when the wall clock was set or the machine slept, by comparing it with the monotonic clock at every look.
 * Slots that a jump ahead passes over follow the misfire policy; a jump back takes back what had not come yet.
 */
export class ClockWatch extends Effect.Service<ClockWatch>()("symbiont/Scheduler/ClockWatch", {
  effect: Effect.gen(function* () {
    const store = yield* JobStore
    const log = yield* AuditLog
    const { scheduler } = yield* Settings
    const monotonic = yield* MonotonicClock
    const offset = yield* Ref.make<number | null>(null)

    const jumped = Effect.fnUntraced(function* (jump: number, now: number) {
      const by = formatDuration(Math.round(Math.abs(jump) / 1_000) * 1_000)
      const moved = `from ${formatInstant(now - jump)} to ${formatInstant(now)}`
      const reason =
        jump > 0 ? `the clock jumped ahead by ${by}, ${moved}` : `the clock was set back by ${by}, ${moved}`
      yield* Effect.logWarning(reason)
      const event = { type: "ClockJumped", actor: "scheduler", reason, time: now } as const
      if (jump > 0) return yield* log.append([event], now)
      const replanned = yield* store.clockSetBack(now, -jump, replanSetBack(scheduler.timezone, now), event)
      if (replanned > 0) yield* Effect.logInfo(`${replanned} jobs planned by the clock as it was are planned anew`)
    })

    /** Notices a jump since the last check. */
    const check = Effect.fn("ClockWatch.check")(function* (now: number) {
      const apart = now - monotonic.millis(yield* Effect.clock)
      const before = yield* Ref.getAndSet(offset, apart)
      const jump = before === null ? 0 : apart - before
      if (Math.abs(jump) > tolerance) yield* jumped(jump, now)
    })

    /** Notices that the clock was set back while no service ran: the last one was seen later than now. */
    const checkStart = Effect.fn("ClockWatch.checkStart")(function* (lastSeen: number, now: number) {
      if (lastSeen - now > tolerance) yield* jumped(now - lastSeen, now)
    })

    return { check, checkStart } as const
  })
}) {}
