import type { Approval, ApprovalState } from "../Domain/Approval.ts"
import type { Delivery, DeliveryChannel, DeliveryState } from "../Domain/Delivery.ts"
import type { JobId } from "../Domain/Ids.ts"
import type { JobStatus, StoredJob } from "../Domain/Job.ts"
import type { Run, RunStatus } from "../Domain/Run.ts"

/** A page of a keyset-paged list: the rows, and where the next page begins. */
export interface Page<A> {
  readonly items: ReadonlyArray<A>
  readonly next: string | null
}

/** Which jobs, in the order of their ids (the order of creation). */
export interface JobFilter {
  readonly status?: JobStatus | undefined
  readonly agent_id?: string | undefined
  readonly label?: string | undefined
  readonly limit: number
  readonly cursor?: string | undefined
}

/** Which runs of a job, newest first. */
export interface RunFilter {
  readonly status?: RunStatus | undefined
  readonly limit: number
  readonly cursor?: string | undefined
}

/** Which approvals, newest first. */
export interface ApprovalFilter {
  readonly state?: ApprovalState | undefined
  readonly limit: number
  readonly cursor?: string | undefined
}

/** Lasting totals and present counts. */
export interface StoreCounts {
  readonly active_jobs: number
  readonly paused_jobs: number
  readonly quarantined_jobs: number
  readonly running: number
  readonly runs_succeeded: number
  readonly runs_failed: number
  readonly execution_time_ms_sum: number
  readonly execution_time_count: number
}

/** Which deliveries, newest first. */
export interface DeliveryFilter {
  readonly state?: DeliveryState | undefined
  readonly channel?: DeliveryChannel | undefined
  readonly job_id?: JobId | undefined
  readonly limit: number
  readonly cursor?: string | undefined
}

/** Deliveries that are not made, by state, and since when the oldest waits, in UTC ms. */
export interface DeliveryCounts {
  readonly pending: number
  readonly failed: number
  readonly dead: number
  readonly oldest_pending: number | null
}

/** Where deliveries wait to go. */
export interface WaitingDestinations {
  readonly due: ReadonlyArray<string>
  /** UTC ms; null when nothing waits beyond what is due. */
  readonly next: number | null
}

/** The alert that a delivery could not be made. */
export interface NewAlert {
  readonly channel: DeliveryChannel
  /** In ms: no alert follows one about the same job and channel that is younger. */
  readonly quiet: number
}

/** A delivery to send, with what its channel needs. */
export interface DueDelivery {
  readonly delivery: Delivery
  /** The delivery that an alert is about. */
  readonly about: Delivery | null
  readonly run: Run
  readonly job: StoredJob
  /** The run's approval, if it needed one. */
  readonly approval: Approval | null
  /** What the agent said, for a delivery of kind `notify`. */
  readonly notice: string | null
}
