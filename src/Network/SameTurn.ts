import * as Effect from "effect/Effect"

/**
 * Lets what one turn of the event loop brought go on together: work that follows several answers then shares its
 * transaction, where one after the other would have one each.
 */
export const makeSameTurn = Effect.sync(() => {
  let waiting: Array<() => void> = []
  return Effect.async<void>((resume) => {
    waiting.push(() => resume(Effect.void))
    if (waiting.length > 1) return
    setImmediate(() => {
      const all = waiting
      waiting = []
      for (const go of all) go()
    })
  })
})
