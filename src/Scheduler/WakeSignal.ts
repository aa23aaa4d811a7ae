import * as Effect from "effect/Effect"
import { Deadlines } from "./Deadlines.ts"
import { makeSignal } from "./Signal.ts"

/** Wakes the dispatcher before its time: a job changed, a run ended, somebody asked for a run. */
export class WakeSignal extends Effect.Service<WakeSignal>()("symbiont/Scheduler/WakeSignal", {
  effect: Effect.gen(function* () {
    const deadlines = yield* Deadlines
    const signal = makeSignal()
    let waiters: Array<() => void> = []
    let isAsked = false

    const ask = () => {
      isAsked = true
      signal.raise()
    }

    /** Wakes the dispatcher and waits until it has looked, but no longer than so many ms. */
    const looked = (millis: number): Effect.Effect<void> =>
      Effect.clockWith((clock) =>
        Effect.async<void>((resume) => {
          const go = () => {
            endTime()
            resume(Effect.void)
          }
          const endTime = deadlines.begin(clock, millis, go)
          waiters.push(go)
          ask()
          return Effect.sync(endTime)
        })
      )

    /** Takes what the look that begins now is for: those who wait for it, and whether somebody changed something. */
    const takeAsked = Effect.sync(() => {
      const taken = { waiters, isAsked }
      waiters = []
      isAsked = false
      return taken
    })

    return {
      notify: Effect.sync(ask),
      /** A run ended: its place is free. */
      ended: signal.raise,
      looked,
      take: signal.take,
      takeAsked
    } as const
  }),
  dependencies: [Deadlines.Default]
}) {}
