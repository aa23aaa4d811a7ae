import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"

/** What the outbox is told from outside: that there may be something to send, and that the service is ending. */
export class OutboxSignal extends Effect.Service<OutboxSignal>()("symbiont/OutboxSignal", {
  effect: Effect.gen(function* () {
    const queue = yield* Queue.dropping<void>(1)
    const impatient = yield* Ref.make(false)
    const spent = yield* Ref.make(0)
    const wake = Effect.asVoid(Queue.offer(queue, undefined))
    return {
      /** Makes the outbox look now, or once more if it is looking. */
      wake,
      /** The same for somebody who does not want to wait until a destination has rested. */
      wakeNow: Effect.zipRight(Ref.set(impatient, true), wake),
      /** Waits for a wake since the last one taken. */
      awaited: Queue.take(queue),
      /** Whether somebody was impatient since this was last asked. */
      takeImpatience: Ref.getAndSet(impatient, false),
      /** Says how much of the shutdown time-out the runs in flight took, in ms. */
      spend: (millis: number) => Ref.set(spent, millis),
      spent: Ref.get(spent)
    } as const
  })
}) {}
