import type { Approval } from "../Domain/Approval.ts"
import type { AuditDraft } from "../Domain/Audit.ts"
import type { JobId, RunId } from "../Domain/Ids.ts"
import type { JobStatus, StoredJob } from "../Domain/Job.ts"
import type { Run } from "../Domain/Run.ts"
import type { Settlement } from "./Attempts.ts"

/** A run row to insert: its slot or request, and where it starts in its life. */
export interface NewRun
  extends Pick<Run, "trigger" | "status" | "scheduled_for" | "start_at" | "input" | "reason">,
    Partial<Pick<Run, "missed_count" | "missed_from" | "missed_to" | "requested_by" | "saved">> {
  /** False for a run that waits for the job's permit (a queued one). Only pending runs hold one. */
  readonly holds_permit: boolean
}

/** How many runs of a job are live: holders of its permits, and those queued for one. */
export interface LiveRuns {
  /** Runs that hold a permit, backfills included. */
  readonly holding: number
  /** Backfills that hold a permit. */
  readonly backfilling: number
  /** Runs queued for a permit but for backfills, which give way to all others. */
  readonly queued: number
  /** Runs that hold a permit but for backfills, oldest first. */
  readonly holders: ReadonlyArray<RunId>
  /** Late slots that have their row already, earliest first: the clock was set back from beyond them. */
  readonly taken?: ReadonlySet<number>
}

/** A run that stands for a slot, as far as a backfill of the slot needs to know it. */
export type SlotRun = Pick<Run, "scheduled_for" | "status">

/** What a backfill adds: its runs, and what the audit log says. */
export interface BackfillPlan {
  readonly runs: ReadonlyArray<NewRun>
  readonly audit: ReadonlyArray<AuditDraft>
}

/** How the wait for an approval ends. */
export interface ApprovalEnd {
  readonly approval: Pick<Approval, "state" | "decided_at" | "decided_by" | "reason">
  /** How the run ends; null lets it go on: it takes a permit of its job, or queues for one. */
  readonly end: Pick<Settlement, "run" | "job"> | null
  readonly audit: ReadonlyArray<AuditDraft>
}

/** How a run ends that waits, and what becomes of its approval if it waits for one. */
export interface WaitingEnd extends Omit<ApprovalEnd, "approval" | "end"> {
  readonly approval: ApprovalEnd["approval"] | null
  readonly end: Pick<Settlement, "run" | "job">
}

/** Says how the wait of a run ends; null lets it wait on. `job` is null when its row is unreadable. */
export type EndApproval<End = ApprovalEnd | null> = (approval: Approval, run: Run, job: StoredJob | null) => End

/** What an approval is asked for, and by when. */
export interface NewApproval
  extends Pick<
    Approval,
    "approvers" | "submitted_by" | "expires_at" | "expires_by" | "approval_default" | "binding" | "over_budget"
  > {
  /** One run of a job waits at most, backfills apart: this ends the wait of those for older slots. */
  readonly supersede: EndApproval<ApprovalEnd>
}

/** A job as a change leaves it, with what the audit log says and rows of slots that the change passes over. */
export interface JobChange {
  readonly job: StoredJob
  readonly audit: ReadonlyArray<AuditDraft>
  readonly runs?: ReadonlyArray<NewRun> | undefined
  /** Asked about each run of the job that waits for approval. */
  readonly awaiting?: EndApproval | undefined
}

/** How a job goes: what the audit log says, and how the waits of its runs for approval end. */
export interface JobRemoval {
  readonly audit: AuditDraft
  readonly awaiting?: EndApproval | undefined
}

/** Which jobs a change of many reads: by name, by the file they came from, and by the folder directly above it. */
export interface JobsWanted {
  readonly names: ReadonlyArray<string>
  readonly files: ReadonlyArray<string>
  readonly folders: ReadonlyArray<string>
}

/** The jobs that are there, in no order; of those whose rows are damaged, by name, what is wrong. */
export interface JobsFound {
  readonly jobs: ReadonlyArray<StoredJob>
  readonly damaged: ReadonlyMap<string, string>
}

/** A change of many jobs. No job is in it twice, and none is renamed. */
export interface JobsPlan {
  readonly creates: ReadonlyArray<{ readonly job: StoredJob; readonly audit: ReadonlyArray<AuditDraft> }>
  readonly changes: ReadonlyArray<JobChange & { readonly before: StoredJob }>
  readonly removals: ReadonlyArray<JobRemoval & { readonly id: JobId }>
}

/** What becomes of a job's due slots: run rows, the job's cursor, runs that must make room. */
export interface SlotPlan {
  readonly runs: ReadonlyArray<NewRun>
  readonly next_run: number | null
  readonly status?: JobStatus
  readonly cancel: ReadonlyArray<RunId>
  readonly audit: ReadonlyArray<AuditDraft>
}

/** A row of missed slots, as far as it reaches beyond the present. */
export interface MissedAhead {
  readonly id: RunId
  readonly missed_from: number
  readonly missed_to: number
}

/** What becomes of a job whose past turned out to be its future: its cursor, and its rows of missed slots. */
export interface Replan extends Pick<StoredJob, "next_run" | "anchor" | "status"> {
  /** The part of each row that has passed; null withdraws the row. */
  readonly missed: ReadonlyArray<{
    readonly id: RunId
    readonly passed: { readonly missed_to: number; readonly missed_count: number } | null
  }>
}
