import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Actor, AuditDraft } from "../Domain/Audit.ts"
import type { DeliveryChannel, ListedDelivery } from "../Domain/Delivery.ts"
import { JobId } from "../Domain/Ids.ts"
import { type DeliveryFilter, JobStore } from "../JobStore.ts"
import { OutboxSignal } from "./OutboxSignal.ts"

/** Which deliveries to look at; `job` is a job's id or its name. */
export interface DeliveriesWanted extends Omit<DeliveryFilter, "job_id"> {
  readonly job?: string | undefined
}

/** Which deliveries to send anew, all at once. */
export interface DeliveriesLost {
  readonly state: "failed" | "dead"
  readonly channel?: DeliveryChannel | undefined
  readonly job?: string | undefined
}

const isJobId = Schema.is(JobId)

const requeued = (delivery: ListedDelivery, actor: Actor): AuditDraft => ({
  type: "DeliveryRequeued",
  actor,
  job_id: delivery.job_id,
  job_name: delivery.job_name,
  run_id: delivery.run_id,
  reason: `delivery ${delivery.id} to ${delivery.destination} was ${delivery.state}; it is sent again`,
  before: { state: delivery.state, attempts: delivery.attempts },
  after: { delivery_id: delivery.id, channel: delivery.channel, state: "pending" }
})

const requeuedMany = (lost: DeliveriesLost, job_id: JobId | undefined, count: number, actor: Actor): AuditDraft => ({
  type: "DeliveryRequeued",
  actor,
  ...(job_id === undefined ? {} : { job_id }),
  reason: `all ${lost.state} deliveries are sent again (${count})`,
  before: { state: lost.state },
  after: { count, channel: lost.channel ?? null, job: lost.job ?? null, state: "pending" }
})

/** What people do with deliveries: look at them, and have them sent anew under their own ids. */
export class DeliveryDesk extends Effect.Service<DeliveryDesk>()("symbiont/DeliveryDesk", {
  effect: Effect.gen(function* () {
    const store = yield* JobStore
    const signal = yield* OutboxSignal

    // What a deleted job sent is found by its id alone.
    const jobIdOf = Effect.fnUntraced(function* (ref: string | undefined) {
      return ref === undefined || isJobId(ref) ? ref : (yield* store.findJob(ref)).id
    })

    const list = Effect.fn("DeliveryDesk.list")(function* ({ job, ...filter }: DeliveriesWanted) {
      return yield* store.listDeliveries({ ...filter, job_id: yield* jobIdOf(job) })
    })

    /** Durable when it returns. Whatever became of the delivery before, it is due now, with all its attempts. */
    const redeliver = Effect.fn("DeliveryDesk.redeliver")(function* (id: string, actor: Actor) {
      const now = yield* Clock.currentTimeMillis
      const delivery = yield* store.redeliver(id, now, (before) => requeued(before, actor))
      yield* signal.wakeNow
      return delivery
    })

    /** The same for all that failed, or died; gives how many they are. */
    const redeliverAll = Effect.fn("DeliveryDesk.redeliverAll")(function* (lost: DeliveriesLost, actor: Actor) {
      const now = yield* Clock.currentTimeMillis
      const job_id = yield* jobIdOf(lost.job)
      const { channel, state } = lost
      const count = yield* store.redeliverAll({ state, channel, job_id }, now, (found) =>
        requeuedMany(lost, job_id, found, actor)
      )
      if (count > 0) yield* signal.wakeNow
      return count
    })

    return { find: store.findDelivery, list, redeliver, redeliverAll } as const
  })
}) {}
