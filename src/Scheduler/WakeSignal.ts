import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"

/** Wakes the dispatcher before its time: a job changed, a run ended, somebody asked for a run. */
export class WakeSignal extends Effect.Service<WakeSignal>()("symbiont/Scheduler/WakeSignal", {
  scoped: Effect.gen(function* () {
    const pending = yield* Effect.acquireRelease(Queue.dropping<void>(1), Queue.shutdown)
    let waiters: Array<Deferred.Deferred<void>> = []

    const notify = Effect.asVoid(Queue.offer(pending, undefined))

    /** Wakes the dispatcher and waits until it has looked. */
    const looked = Effect.gen(function* () {
      const waiter = yield* Deferred.make<void>()
      waiters.push(waiter)
      yield* notify
      yield* Deferred.await(waiter)
    })

    /** Takes those who wait for the look that begins now. */
    const takeWaiters = Effect.sync(() => {
      const taken = waiters
      waiters = []
      return taken
    })

    return { notify, looked, take: Queue.take(pending), takeWaiters } as const
  })
}) {}
