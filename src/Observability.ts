import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricLabel from "effect/MetricLabel"
import type { Usage } from "./Domain/Agent.ts"
import type { DeliveryChannel, DeliveryState } from "./Domain/Delivery.ts"
import type { RunStatus } from "./Domain/Run.ts"

export { renderPrometheus } from "./Observability/Prometheus.ts"

/** Whether the record functions count (`[scheduler] enable_metrics`). */
export class MetricsEnabled extends Context.Reference<MetricsEnabled>()("symbiont/MetricsEnabled", {
  defaultValue: () => true
}) {}

/** How many job names get a series of their own; series are never dropped, so further names count as `other`. */
export const maxJobLabels = 1_000

/** The job names that have a series; one set for the process, like Effect's metric registry. */
export class JobLabels extends Context.Reference<JobLabels>()("symbiont/JobLabels", {
  defaultValue: (): Set<string> => new Set()
}) {}

const runs = Metric.counter("symbiont_cron_runs_total", {
  description: "Runs that ended, by job and final status.",
  incremental: true
})

const duration = Metric.histogram(
  "symbiont_cron_execution_duration_seconds",
  MetricBoundaries.fromIterable([0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600]),
  "Time from the start of a run to its end."
)

const inFlight = Metric.gauge("symbiont_cron_in_flight_jobs", { description: "Runs that are executing now." })

const deadLettered = Metric.counter("symbiont_cron_dead_letter_total", {
  description: "How often a job was dead-lettered.",
  incremental: true
})

const gateSaved = Metric.counter("symbiont_gate_saved_tokens_total", {
  description: "Tokens that runs would have spent, had their gates not found that there was nothing to do.",
  incremental: true
})

const looks = Metric.counter("symbiont_scheduler_looks_total", {
  description: "Looks of the dispatcher at the store.",
  incremental: true
})

const deliveries = Metric.counter("symbiont_delivery_total", {
  description: "Deliveries that ended, by channel and final state.",
  incremental: true
})

const pendingDeliveries = Metric.gauge("symbiont_delivery_pending", {
  description: "Deliveries that are due or wait for their next attempt."
})

const undelivered = Metric.gauge("symbiont_delivery_undelivered", {
  description: "Deliveries that were refused (failed) or ran out of attempts (dead), and were not sent again."
})

const oldestPending = Metric.gauge("symbiont_delivery_oldest_pending_seconds", {
  description: "Age of the oldest delivery that is pending; 0 when none is."
})

const labelled = <Type, In, Out>(metric: Metric.Metric<Type, In, Out>, labels: Readonly<Record<string, string>>) =>
  Metric.taggedWithLabels(
    metric,
    Object.entries(labels).map(([key, value]) => MetricLabel.make(key, value))
  )

const whenEnabled = (record: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.flatMap(MetricsEnabled, (enabled) => (enabled ? record : Effect.void))

const jobLabel = (job_name: string): Effect.Effect<string> =>
  Effect.map(JobLabels, (labels) => {
    if (labels.has(job_name)) return job_name
    if (labels.size >= maxJobLabels) return "other"
    labels.add(job_name)
    return job_name
  })

/** Counts a run that ended; its time is null when it never started. */
export const recordRun = (run: {
  readonly job_name: string
  readonly status: RunStatus
  readonly execution_time_ms: number | null
}): Effect.Effect<void> =>
  whenEnabled(
    Effect.flatMap(jobLabel(run.job_name), (job_name) => {
      const counted = Metric.increment(labelled(runs, { job_name, status: run.status }))
      return run.execution_time_ms === null
        ? counted
        : Effect.zipRight(counted, Metric.update(labelled(duration, { job_name }), run.execution_time_ms / 1_000))
    })
  )

/** Counts what a run saved whose agent was not woken: about what the last run of its job spent. */
export const recordSaved = ({ input_tokens, output_tokens }: Usage): Effect.Effect<void> =>
  whenEnabled(Metric.incrementBy(gateSaved, input_tokens + output_tokens))

/** Says how many runs are executing now. */
export const recordInFlight = (count: number): Effect.Effect<void> => whenEnabled(Metric.set(inFlight, count))

/** Counts a job that was dead-lettered. */
export const recordDeadLetter = (job: string): Effect.Effect<void> =>
  whenEnabled(Effect.flatMap(jobLabel(job), (job_name) => Metric.increment(labelled(deadLettered, { job_name }))))

/** Counts a look of the dispatcher. */
export const recordLook: Effect.Effect<void> = whenEnabled(Metric.increment(looks))

/** Counts a delivery that ended. Channels written in code count as `custom`. */
export const recordDelivery = (
  channel: DeliveryChannel,
  state: Exclude<DeliveryState, "pending">
): Effect.Effect<void> =>
  whenEnabled(
    Metric.increment(labelled(deliveries, { channel: channel.startsWith("custom:") ? "custom" : channel, state }))
  )

/** Says how many deliveries are not made, and how old the oldest pending one is at `now`; instants in UTC ms. */
export const recordBacklog = (
  counts: {
    readonly pending: number
    readonly failed: number
    readonly dead: number
    readonly oldest_pending: number | null
  },
  now: number
): Effect.Effect<void> => {
  const { dead, failed, oldest_pending, pending } = counts
  const age = oldest_pending === null ? 0 : Math.max(0, now - oldest_pending) / 1_000
  return whenEnabled(
    Effect.all(
      [
        Metric.set(pendingDeliveries, pending),
        Metric.set(labelled(undelivered, { state: "failed" }), failed),
        Metric.set(labelled(undelivered, { state: "dead" }), dead),
        Metric.set(oldestPending, age)
      ],
      { discard: true }
    )
  )
}
