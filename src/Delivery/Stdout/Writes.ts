import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/** How many writes are remembered that ended unseen; the oldest is forgotten first, and then written again. */
const maxUnseen = 1_000

type Written = Deferred.Deferred<void, string>

/**
 * Writes one text at a time, and each once per id. Who waits for its turn may give up, and nothing was written; a write
 * under way goes on, and whoever comes next with its id gets its end.
 */
export const makeWrites = Effect.fnUntraced(function* (write: (text: string) => Effect.Effect<void, string>) {
  const scope = yield* Effect.scope
  const turn = yield* Effect.makeSemaphore(1)
  /** The write under way, and those that ended well with nobody there to see it. */
  const handedOver = new Map<string, Written>()

  const remember = (id: string, written: Written): void => {
    handedOver.set(id, written)
    for (const oldest of handedOver.keys()) {
      if (handedOver.size <= maxUnseen) break
      handedOver.delete(oldest)
    }
  }

  const forget = (id: string, written: Written): void => {
    if (handedOver.get(id) === written) handedOver.delete(id)
  }

  const endOf = (id: string, written: Written) =>
    Effect.onExit(Deferred.await(written), (exit) =>
      // One that gives up leaves the end to the next attempt.
      Effect.sync(() => (Exit.isInterrupted(exit) ? undefined : forget(id, written)))
    )

  const handOver = (id: string, text: string) =>
    Effect.gen(function* () {
      const written = yield* Deferred.make<void, string>()
      remember(id, written)
      yield* Effect.interruptible(write(text)).pipe(
        Effect.onExit((exit) => {
          if (Exit.isFailure(exit)) forget(id, written)
          return Effect.zipRight(turn.release(1), Deferred.done(written, exit))
        }),
        Effect.forkIn(scope)
      )
      return written
    })

  const once = (id: string, text: string): Effect.Effect<void, string> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const known = handedOver.get(id)
        if (known !== undefined) return yield* restore(endOf(id, known))
        yield* restore(turn.take(1))
        const meanwhile = handedOver.get(id)
        if (meanwhile !== undefined) yield* turn.release(1)
        return yield* restore(endOf(id, meanwhile ?? (yield* handOver(id, text))))
      })
    )

  return { once }
})
