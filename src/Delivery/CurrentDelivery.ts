import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { DeliveryChannel, DeliveryKind } from "../Domain/Delivery.ts"
import type { Run } from "../Domain/Run.ts"

/** What a channel is told of the delivery besides job, run and output. */
export interface DeliveryNotes {
  /** The same over all attempts of one delivery. */
  readonly id: string
  readonly kind: DeliveryKind
  /** One line. */
  readonly subject: string
}

/** The delivery that the outbox is making; null where a router is called directly. */
export class CurrentDelivery extends Context.Reference<CurrentDelivery>()("symbiont/CurrentDelivery", {
  defaultValue: (): DeliveryNotes | null => null
}) {}

/** What heads a text where texts follow each other: how the run ended and when, or what the notice is and that it is now. */
export const headingOf = (
  notes: DeliveryNotes,
  run: Run
): Effect.Effect<{ readonly time: number; readonly what: string }> =>
  Effect.map(Clock.currentTimeMillis, (now) =>
    notes.kind === "output"
      ? { time: run.finished_at ?? now, what: run.status }
      : { time: now, what: notes.kind === "notify" ? `notice from ${run.agent_id}` : notes.kind.replace("_", " ") }
  )

/** The notes of the delivery under way; without an outbox, those of the run's own delivery to the channel. */
export const deliveryNotes = (channel: DeliveryChannel, run: Run): Effect.Effect<DeliveryNotes> =>
  Effect.map(CurrentDelivery, (current) => {
    if (current !== null) return current
    const id = run.deliveries.find((one) => one.channel === channel && one.kind === "output")?.id
    return { id: id ?? `${run.id}/${channel}`, kind: "output", subject: `${run.job_name}: ${run.status}` }
  })
