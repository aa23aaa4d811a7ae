import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"

/** A bell for one who waits: rung any number of times before it is heard, it is heard once. */
export interface Signal {
  /** Rings from outside of effects, too. */
  readonly raise: () => void
  /** Waits until it rings, unless it has since it was last heard. */
  readonly take: Effect.Effect<void>
}

/** A signal that has not been raised. */
export const makeSignal = (): Signal => {
  let raised = false
  let waiter: ((effect: Effect.Effect<void>) => void) | undefined
  return {
    raise: () => {
      raised = true
      waiter?.(Effect.void)
      waiter = undefined
    },
    // Heard only by who goes on with it: a wait that is interrupted as it rings leaves it raised.
    take: Effect.zipRight(
      Effect.async<void>((resume) => {
        if (raised) return resume(Effect.void)
        waiter = resume
        return Effect.sync(() => {
          if (waiter === resume) waiter = undefined
        })
      }),
      Effect.sync(() => {
        raised = false
      })
    )
  }
}

/** Wakes the dispatcher before its time: a job changed, a run ended, somebody asked for a run. */
export class WakeSignal extends Effect.Service<WakeSignal>()("symbiont/Scheduler/WakeSignal", {
  sync: () => {
    const signal = makeSignal()
    let waiters: Array<Deferred.Deferred<void>> = []
    let isAsked = false

    const notify = Effect.sync(() => {
      isAsked = true
      signal.raise()
    })

    /** Wakes the dispatcher and waits until it has looked. */
    const looked = Effect.gen(function* () {
      const waiter = yield* Deferred.make<void>()
      waiters.push(waiter)
      yield* notify
      yield* Deferred.await(waiter)
    })

    /** Takes what the look that begins now is for: those who wait for it, and whether somebody changed something. */
    const takeAsked = Effect.sync(() => {
      const taken = { waiters, isAsked }
      waiters = []
      isAsked = false
      return taken
    })

    return {
      notify,
      /** A run ended: its place is free. */
      ended: signal.raise,
      looked,
      take: signal.take,
      takeAsked
    } as const
  }
}) {}
