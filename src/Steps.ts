import * as Effect from "effect/Effect"

/** Work in steps of a few microseconds each, after any of which it can be left for a while. */
export type Steps<A> = Generator<void, A, void>

/** Does the work without a pause. */
export const atOnce = <A>(steps: Steps<A>): A => {
  let step = steps.next()
  while (step.done !== true) step = steps.next()
  return step.value
}

/** Steps between two pauses: some 5 ms of work. */
const stepsInTurn = 1_000

// All that has arrived meanwhile is read before the work goes on; other fibers alone would not let it in.
const pause = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** Does the work a little at a time, and lets everything else have its turn in between. What is little is done at once. */
export const inTurns = <A>(steps: Steps<A>): Effect.Effect<A> =>
  Effect.suspend(() => {
    for (let done = 0; done < stepsInTurn; done++) {
      const step = steps.next()
      if (step.done === true) return Effect.succeed(step.value)
    }
    return Effect.zipRight(pause, inTurns(steps))
  })
