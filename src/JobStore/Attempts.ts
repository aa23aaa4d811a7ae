import type { Approval } from "../Domain/Approval.ts"
import type { AuditDraft } from "../Domain/Audit.ts"
import type { DeliveryChannel, DeliveryKind } from "../Domain/Delivery.ts"
import type { BootId, JobId, RunId } from "../Domain/Ids.ts"
import type { StoredJob } from "../Domain/Job.ts"
import type { Attempt, Run, RunStatus } from "../Domain/Run.ts"
import type { Session, Turn } from "../Domain/Session.ts"
import type { ApprovalEnd, EndApproval, LiveRuns, NewApproval, SlotPlan } from "./Plans.ts"

/** One look of a dispatcher at the store. Instants in UTC ms. */
export interface LookOptions {
  readonly now: number
  readonly owner: BootId
  /** Partitions this node works on; null for all. */
  readonly partitions: ReadonlyArray<number> | null
  /** How many runs may be started. */
  readonly permits: number
  /** How many due jobs may be claimed. */
  readonly batch: number
  readonly plan: (job: StoredJob, live: LiveRuns) => SlotPlan
  /** Asked about each approval whose time is over. */
  readonly expire: EndApproval<ApprovalEnd>
}

/** A run that was started by a look: its attempt is open under the caller's boot id. */
export interface StartedRun {
  readonly run: Run
  readonly job: StoredJob
  readonly attempt: Attempt
  /** The approval that let the run go on, if it needed one. */
  readonly approval: Approval | null
}

/** What a look did. */
export interface Look {
  readonly started: ReadonlyArray<StartedRun>
  readonly claimed: number
  /** Runs already live that a new slot replaces (`overlap: cancel_previous`). */
  readonly cancel: ReadonlyArray<{ readonly job_id: JobId; readonly run_id: RunId }>
  readonly quarantined: ReadonlyArray<{ readonly job_id: string; readonly detail: string }>
  /** Slots that ended as they were claimed (skipped or missed), and runs that nobody approved in time. */
  readonly ended: ReadonlyArray<{ readonly job_name: string; readonly status: RunStatus }>
}

/** A delivery to create with the end of a run. */
export interface NewDelivery {
  readonly channel: DeliveryChannel
  readonly kind: DeliveryKind
}

/** A shared session as a run left it, and what of it is new since it was stored last. */
export interface KeptSession extends Session {
  /** What its cap dropped, to be archived. */
  readonly dropped?: ReadonlyArray<Turn> | undefined
  /** What was said, to be archived where the session has ended meanwhile; all of it unless given. */
  readonly added?: ReadonlyArray<Turn> | undefined
}

/** Everything that the end of an attempt changes, written in one transaction. */
export interface Settlement {
  readonly attempt: Pick<Attempt, "outcome" | "failure" | "error_message">
  readonly run: Partial<
    Pick<
      Run,
      | "status"
      | "start_at"
      | "next_attempt_at"
      | "finished_at"
      | "execution_time_ms"
      | "output"
      | "error_message"
      | "reason"
      | "decision"
      | "evaluations"
      | "session_id"
      | "stop_reason"
      | "usage"
      | "context_bytes"
      | "saved"
      | "iterations"
      | "iteration_count"
      | "tool_calls"
    >
  >
  readonly job: Partial<
    Pick<
      StoredJob,
      | "status"
      | "paused_by"
      | "next_run"
      | "last_run"
      | "failure_count"
      | "last_summary"
      | "last_usage"
      | "gate_seen"
      | "all_clears"
      | "quiet_until"
    >
  >
  readonly session?: KeptSession | undefined
  readonly deliveries: ReadonlyArray<NewDelivery>
  readonly audit: ReadonlyArray<AuditDraft>
  /** What the run has reserved of budgets counts as spent: nobody knows what became of it. */
  readonly reservationSpent?: boolean | undefined
  /** Set for a run that is to wait for approval: its attempt is taken back, as no agent was called. */
  readonly approval?: NewApproval | undefined
}

/** The current attempt of a run, as its owner knows it. */
export interface AttemptRef {
  readonly run_id: RunId
  readonly attempt: number
  readonly owner: BootId
}
