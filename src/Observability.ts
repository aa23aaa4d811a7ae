import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Usage } from "./Domain/Agent.ts"
import type { ApprovalState } from "./Domain/Approval.ts"
import type { DeliveryChannel, DeliveryState } from "./Domain/Delivery.ts"
import type { Reason, RunStatus } from "./Domain/Run.ts"
import { Metrics } from "./Observability/Metrics.ts"

export { type Family, gauge, type Labels, plainly, type Sample } from "./Observability/Families.ts"
export { Metrics, makeMetrics, maxJobLabels } from "./Observability/Metrics.ts"
export { watchProcess } from "./Observability/Process.ts"
export { contentType as metricsContentType, renderPrometheus } from "./Observability/Prometheus.ts"

/** Whether the record functions count (`[scheduler] enable_metrics`). */
export class MetricsEnabled extends Context.Reference<MetricsEnabled>()("symbiont/MetricsEnabled", {
  defaultValue: () => true
}) {}

const recording = (record: (metrics: Metrics["Type"]) => void): Effect.Effect<void> =>
  Effect.flatMap(MetricsEnabled, (enabled) => (enabled ? Effect.map(Metrics, record) : Effect.void))

/** A run that ended, as far as it is counted; its time is null when it never started. */
export interface EndedRun {
  readonly job_name: string
  readonly status: RunStatus
  readonly execution_time_ms: number | null
  readonly reason: Reason | null
  /** What a run saved whose agent was not woken: about what the last run of its job spent. */
  readonly saved: Usage | null
}

/** Counts a run that ended. The store does, once the end is durable: no end is counted twice, and none is missed. */
export const recordRun = (run: EndedRun): Effect.Effect<void> =>
  recording(({ denials, jobs, saved }) => {
    const series = jobs.of(run.job_name)
    series.runs.set(run.status, (series.runs.get(run.status) ?? 0) + 1)
    if (run.execution_time_ms !== null) {
      series.isTimed = true
      series.duration.observe(run.execution_time_ms / 1_000)
    }
    if (run.status === "denied") denials.of(run.reason?.code ?? "policy").value++
    if (run.saved !== null) saved.add(run.saved.input_tokens + run.saved.output_tokens)
  })

/** Counts how late scheduled runs started, in ms after they were to. */
export const recordStarts = (late: ReadonlyArray<number>): Effect.Effect<void> =>
  recording(({ lateness }) => {
    for (const millis of late) lateness.observe(Math.max(0, millis) / 1_000)
  })

/** Counts what an agent spent. */
export const recordSpent = (agent_id: string, usage: Usage): Effect.Effect<void> =>
  recording(({ agents }) => {
    const spent = agents.of(agent_id)
    spent.input += usage.input_tokens
    spent.output += usage.output_tokens
    spent.cost_usd += usage.cost_usd ?? 0
  })

/** Gives what says how many runs are executing now. */
export const inFlightGauge: Effect.Effect<(count: number) => void> = Effect.map(
  Effect.zip(MetricsEnabled, Metrics),
  ([enabled, { setInFlight }]) => (enabled ? setInFlight : () => undefined)
)

/** Counts a job that was dead-lettered. */
export const recordDeadLetter = (job_name: string): Effect.Effect<void> =>
  recording(({ jobs }) => {
    jobs.of(job_name).deadLettered++
  })

/** Counts an approval that ended. */
export const recordApproval = (state: ApprovalState): Effect.Effect<void> =>
  recording(({ approvals }) => approvals.add(1, state))

/** Counts a look of the dispatcher. */
export const recordLook: Effect.Effect<void> = recording(({ looks }) => looks.add(1))

/** Counts a transaction of the store's writer, and the writes that share it. */
export const recordCommit = (count: number): Effect.Effect<void> =>
  recording(({ commits, writes }) => {
    commits.add(1)
    writes.add(count)
  })

/** Counts a delivery that ended. Channels written in code count as `custom`. */
export const recordDelivery = (
  channel: DeliveryChannel,
  state: Exclude<DeliveryState, "pending">
): Effect.Effect<void> =>
  recording(({ deliveries }) => deliveries.add(1, channel.startsWith("custom:") ? "custom" : channel, state))

/** Counts a request that was answered. `route` is a template such as `/api/v1/schedule/:job_id`. */
export const countRequest = (
  { requestTime, requests }: Metrics["Type"],
  request: { readonly method: string; readonly route: string; readonly status: number; readonly seconds: number }
): void => {
  requests.add(1, request.method, request.route, String(request.status))
  requestTime.observe(request.seconds, request.method, request.route)
}
