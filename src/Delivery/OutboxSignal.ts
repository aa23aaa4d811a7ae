import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"

/** How the scheduler tells the outbox that there may be deliveries to send. */
export class OutboxSignal extends Effect.Service<OutboxSignal>()("symbiont/OutboxSignal", {
  effect: Effect.map(Queue.dropping<void>(1), (queue) => ({
    /** Makes the outbox look now, or once more if it is looking. */
    wake: Effect.asVoid(Queue.offer(queue, undefined)),
    /** Waits for a wake since the last one taken. */
    awaited: Queue.take(queue)
  }))
}) {}
