import { constants } from "node:os"
import * as Effect from "effect/Effect"

const signals = ["SIGINT", "SIGTERM"] as const

/** Signals this close to the first, in ms, are the same one: npm passes on a Ctrl-C that the terminal also sends. */
const echoMillis = 500

/**
 * The first SIGINT or SIGTERM is the runtime's, which stops the service; a later one ends the process at once, as long
 * as the scope lives. It exits rather than die of the signal, as agents still at work are killed at exit.
 */
export const endAtSecondSignal = Effect.clockWith((clock) => {
  let first: number | undefined
  const hear = (signal: (typeof signals)[number]) => {
    const now = clock.unsafeCurrentTimeMillis()
    first ??= now
    if (now - first > echoMillis) process.exit(128 + constants.signals[signal])
  }
  const listen = Effect.sync(() => {
    for (const signal of signals) process.on(signal, hear)
  })
  const cease = Effect.sync(() => {
    for (const signal of signals) process.off(signal, hear)
  })
  return Effect.acquireRelease(listen, () => cease)
})
