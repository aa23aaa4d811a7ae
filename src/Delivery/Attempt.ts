import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import type { DeliveryRouter } from "../Delivery.ts"
import type { AuditDraft } from "../Domain/Audit.ts"
import { firstOf } from "../Domain/Bounded.ts"
import { type DeliveryChannel, DeliveryFailure } from "../Domain/Delivery.ts"
import { passing } from "../Failpoints.ts"
import { type DueDelivery, JobStore, type NewAlert } from "../JobStore.ts"
import { recordDelivery } from "../Observability.ts"
import { baseUrlOf, Settings } from "../Settings.ts"
import { refusalIn, refusalOf, StorageHealth } from "../StorageHealth.ts"
import { RunTraces } from "../Telemetry.ts"
import { CurrentDelivery } from "./CurrentDelivery.ts"
import type { Attempted } from "./Lane.ts"
import { backoffOf, limitsOf, longestRetryAfter } from "./Limits.ts"
import { deliveryTexts } from "./Texts.ts"

/** No alert follows one about the same job and channel within this many ms. */
const alertQuiet = 600_000

const lastResort = "log_file"

const maxError = 1_000

/** Between two tries to store what became of an attempt, where the disk refused it, in ms. */
const recordAgain = 1_000

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

/** What an entry of the log is about. */
const factsOf = ({ delivery, job }: DueDelivery) => ({
  delivery_id: delivery.id,
  job_name: job.name,
  run_id: delivery.run_id,
  channel: delivery.channel
})

const givenUp = (
  { delivery, job }: DueDelivery,
  state: "failed" | "dead",
  reason: string,
  time: number
): AuditDraft => ({
  type: "DeliveryDeadLettered",
  actor: "scheduler",
  time,
  job_id: job.id,
  job_name: job.name,
  run_id: delivery.run_id,
  reason,
  after: { delivery_id: delivery.id, channel: delivery.channel, state }
})

/**
 * One attempt of a delivery: it is sent, and what became of it is stored.
 */
export const makeAttempt = (router: typeof DeliveryRouter.Service) =>
  Effect.gen(function* () {
    const store = yield* JobStore
    const configuration = yield* Settings
    const storage = yield* StorageHealth
    const traces = yield* RunTraces
    const baseUrl = baseUrlOf(configuration)
    const settings = configuration.scheduler.delivery

    // On a disk that takes no writes: what was sent is not sent again only because that could not be stored.
    const settle = (...settled: Parameters<typeof store.settleDelivery>): ReturnType<typeof store.settleDelivery> =>
      Effect.catchAllCause(store.settleDelivery(...settled), (cause) =>
        refusalIn(cause) === undefined
          ? Effect.failCause(cause)
          : Effect.sleep(recordAgain).pipe(
              Effect.zipRight(storage.writable),
              Effect.zipRight(Effect.suspend(() => settle(...settled)))
            )
      )

    // No channel is told of its own failures; what even the fallback cannot say ends in the job's log file.
    const alertOf = ({ delivery }: DueDelivery): NewAlert | undefined => {
      const { fallback } = settings
      if (fallback === "none") return undefined
      const isAlert = delivery.kind === "undelivered"
      const channel = isAlert || fallback === delivery.channel ? lastResort : fallback
      return channel === delivery.channel ? undefined : { channel, quiet: isAlert ? 0 : alertQuiet }
    }

    const failed = Effect.fnUntraced(function* (due: DueDelivery, failure: DeliveryFailure) {
      const { delivery } = due
      const { channel } = delivery
      const now = yield* Clock.currentTimeMillis
      const attempts = delivery.attempts + 1
      const error = firstOf(failure.message, maxError)
      const retryAfter = Math.min(failure.retry_after_ms ?? 0, longestRetryAfter)
      const hasTries = attempts < limitsOf(settings, channel).attempts
      if (!failure.permanent && (hasTries || refusalOf(failure) !== undefined)) {
        const jitter = yield* Random.nextRange(0.8, 1.2)
        const next_attempt_at = now + Math.ceil(Math.max(backoffOf(settings, attempts) * jitter, retryAfter))
        yield* settle(delivery, { state: "pending", next_attempt_at, delivered_at: null, error }, [])
        yield* Effect.logDebug("delivery failed; it is tried again", { ...factsOf(due), attempt: attempts, error })
        return { rest: retryAfter, failed: true }
      }
      const state = failure.permanent ? "failed" : "dead"
      const times = attempts === 1 ? "once" : `${attempts} times`
      const what = state === "failed" ? "refused it" : `failed ${times}`
      const settled = yield* settle(
        delivery,
        { state, next_attempt_at: null, delivered_at: null, error },
        [givenUp(due, state, `${channel} ${what}: ${error}`, now)],
        alertOf(due)
      )
      if (!settled) return { rest: retryAfter, failed: !failure.permanent }
      yield* recordDelivery(channel, state)
      yield* Effect.logWarning(
        `delivery ${delivery.id} of run ${delivery.run_id} to ${channel} is ${state}: ${error}`
      ).pipe(Effect.annotateLogs(factsOf(due)))
      return { rest: retryAfter, failed: !failure.permanent }
    })

    const route = (due: DueDelivery, channel: DeliveryChannel) =>
      Effect.suspend(() => {
        const { subject, text } = deliveryTexts(due, baseUrl, configuration.scheduler.timezone)
        const { id, kind } = due.delivery
        return router
          .route(channel, due.job, due.run, text)
          .pipe(Effect.provideService(CurrentDelivery, { id, kind, subject }))
      })

    const send = Effect.fn("Outbox.send")(function* (due: DueDelivery): Effect.fn.Return<Attempted> {
      const { channel } = due.delivery
      const { timeout } = limitsOf(settings, channel)
      yield* storage.writable
      yield* passing("delivery.before")
      const sent = yield* route(due, channel).pipe(
        Effect.timeoutFail({
          duration: timeout,
          onTimeout: () =>
            new DeliveryFailure({ channel, permanent: false, message: `no answer within ${timeout / 1_000} seconds` })
        }),
        Effect.exit
      )
      if (Exit.isFailure(sent)) return yield* failed(due, asFailure(channel, sent.cause))
      const delivered_at = yield* Clock.currentTimeMillis
      const settled = yield* settle(
        due.delivery,
        { state: "delivered", next_attempt_at: null, delivered_at, error: null },
        []
      )
      if (settled) {
        yield* recordDelivery(channel, "delivered")
        yield* Effect.logDebug("delivered", { ...factsOf(due), attempt: due.delivery.attempts + 1 })
      }
      return { rest: 0, failed: false }
    })

    return (due: DueDelivery) => {
      const { attempts, channel, id, run_id } = due.delivery
      return traces.delivery({ id, run_id, channel, attempt: attempts + 1 })(send(due))
    }
  })
