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
