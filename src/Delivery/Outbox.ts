import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import type { DeliveryRouter } from "../Delivery.ts"
import { DeliveryFailure } from "../Domain/Delivery.ts"
import { type DueDelivery, JobStore } from "../JobStore.ts"
import { recordDelivery } from "../Observability.ts"
import { baseUrlOf, Settings } from "../Settings.ts"
import { approvalNotice } from "./ApprovalNotice.ts"
import { OutboxSignal } from "./OutboxSignal.ts"

/** How often one delivery is tried before it is dead. */
export const maxAttempts = 4

const batch = 64
const concurrency = 8
const sendTimeout = "60 seconds"
const closeGrace = "10 seconds"
const longestSleep = 60_000
const notHandedOut = 1_000
const longestBackoff = 300_000
/** Receivers may ask for a longer wait than the backoff, up to this. */
const longestRetryAfter = 3_600_000

/** What a delivery says: the output, or the error of a run that failed, or a notice; `baseUrl` is where the API is. */
export const deliveryText = (due: DueDelivery, baseUrl: string | null): string => {
  const { delivery, job, run } = due
  if (delivery.kind === "approval" && due.approval !== null) return approvalNotice(due.approval, baseUrl)
  if (delivery.kind === "output")
    return (run.status === "succeeded" ? run.output : run.error_message) ?? run.output ?? ""
  if (delivery.kind === "approval") return `Run ${run.id} of job "${job.name}" waited for an approval.`
  return [
    `Job "${job.name}" was dead-lettered: it will not run again until it is reset.`,
    `Failures in a row: ${job.failure_count}`,
    `Last error: ${run.error_message ?? "none recorded"}`,
    `When the cause is fixed: symbi cron reset ${/^[\w.-]+$/.test(job.name) ? job.name : JSON.stringify(job.name)}`
  ].join("\n")
}

/** Wait before the next attempt, in ms: 2 s, 4 s, 8 s ... at most 5 min, give or take a fifth. */
const backoff = (failed: number, retryAfter: number | undefined) =>
  Effect.map(Random.nextRange(0.8, 1.2), (jitter) => {
    const wait = Math.min(longestBackoff, 2_000 * 2 ** (failed - 1)) * jitter
    return Math.ceil(Math.max(wait, Math.min(retryAfter ?? 0, longestRetryAfter)))
  })

const asFailure = (channel: string, cause: Cause.Cause<DeliveryFailure>): DeliveryFailure => {
  const failure = Cause.failureOrCause(cause)
  return failure._tag === "Left"
    ? failure.left
    : new DeliveryFailure({
        channel,
        permanent: false,
        message: `the channel broke: ${Cause.prettyErrors(failure.right)[0]?.message ?? "unknown defect"}`
      })
}

/**
 * Sends what the store says is due, until the scope closes; what is due then is still sent, for at most 10 s, and the
 * rest stays in the store for the next start.
 */
export const runOutbox = Effect.fnUntraced(function* (router: typeof DeliveryRouter.Service) {
  const store = yield* JobStore
  const signal = yield* OutboxSignal
  const closing = yield* Deferred.make<void>()
  const baseUrl = baseUrlOf(yield* Settings)

  const settleFailure = Effect.fnUntraced(function* ({ delivery, job }: DueDelivery, failure: DeliveryFailure) {
    const now = yield* Clock.currentTimeMillis
    const failed = delivery.attempts + 1
    const error = failure.message
    if (!failure.permanent && failed < maxAttempts) {
      const next_attempt_at = now + (yield* backoff(failed, failure.retry_after_ms))
      yield* store.settleDelivery(delivery.id, { state: "pending", next_attempt_at, delivered_at: null, error }, [])
      return
    }
    const state = failure.permanent ? "failed" : "dead"
    yield* store.settleDelivery(
      delivery.id,
      { state, next_attempt_at: null, delivered_at: null, error },
      state === "failed"
        ? []
        : [
            {
              type: "DeliveryDeadLettered",
              actor: "scheduler",
              time: now,
              job_id: job.id,
              job_name: job.name,
              run_id: delivery.run_id,
              reason: `${delivery.channel} failed ${failed} times: ${error}`,
              after: { delivery_id: delivery.id, channel: delivery.channel }
            }
          ]
    )
    yield* recordDelivery(delivery.channel, state)
    yield* Effect.logWarning(`delivery of run ${delivery.run_id} to ${delivery.channel} is ${state}: ${error}`)
  })

  const send = Effect.fn("Outbox.send")(function* (due: DueDelivery) {
    const { channel, id } = due.delivery
    const sent = yield* Effect.suspend(() => router.route(channel, due.job, due.run, deliveryText(due, baseUrl))).pipe(
      Effect.timeoutFail({
        duration: sendTimeout,
        onTimeout: () => new DeliveryFailure({ channel, permanent: false, message: `no answer within ${sendTimeout}` })
      }),
      Effect.exit
    )
    if (Exit.isSuccess(sent)) {
      const delivered_at = yield* Clock.currentTimeMillis
      yield* store.settleDelivery(id, { state: "delivered", next_attempt_at: null, delivered_at, error: null }, [])
      yield* recordDelivery(channel, "delivered")
    } else {
      yield* settleFailure(due, asFailure(channel, sent.cause))
    }
  })

  const wait = Effect.gen(function* () {
    const next = yield* store.nextDelivery
    const now = yield* Clock.currentTimeMillis
    // What is due but was not handed out (its job is set aside as damaged) must not make this spin.
    const millis = next === null ? longestSleep : next <= now ? notHandedOut : Math.min(longestSleep, next - now)
    yield* Effect.raceAll([Effect.sleep(millis), signal.awaited, Deferred.await(closing)])
  })

  const work = Effect.gen(function* () {
    while (true) {
      const due = yield* store.dueDeliveries(yield* Clock.currentTimeMillis, batch)
      yield* Effect.forEach(due, send, { concurrency, discard: true })
      if (due.length > 0) continue
      if (yield* Deferred.isDone(closing)) return
      yield* wait
    }
  })

  // The store can fail for a while (a full disk); nothing is lost, so the worker starts over.
  const supervised: Effect.Effect<void> = Effect.catchAllCause(work, (cause) =>
    Effect.gen(function* () {
      yield* Effect.logError("the outbox stumbled and starts over", cause)
      yield* Effect.race(Effect.sleep("1 second"), Deferred.await(closing))
      return yield* (yield* Deferred.isDone(closing)) ? Effect.void : supervised
    })
  )

  yield* Effect.acquireRelease(Effect.forkDaemon(Effect.interruptible(supervised)), (worker) =>
    Deferred.succeed(closing, undefined).pipe(
      Effect.zipRight(Fiber.await(worker).pipe(Effect.interruptible, Effect.timeoutOption(closeGrace))),
      Effect.zipRight(Fiber.interrupt(worker))
    )
  )
})
