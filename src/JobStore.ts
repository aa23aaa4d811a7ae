import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type { Approval, ApprovalNotFound, ApprovalState } from "./Domain/Approval.ts"
import type { AuditDraft } from "./Domain/Audit.ts"
import type { BackfillRun } from "./Domain/Backfill.ts"
import type {
  Delivery,
  DeliveryChannel,
  DeliveryKind,
  DeliveryNotFound,
  DeliveryState,
  ListedDelivery
} from "./Domain/Delivery.ts"
import type { BootId, JobId, RunId } from "./Domain/Ids.ts"
import type { Job, JobNameTaken, JobNotFound, JobStatus, JobUnreadable, StoredJob } from "./Domain/Job.ts"
import type { Attempt, FencedOut, IdempotencyConflict, Run, RunNotFound, RunStatus, RunSummary } from "./Domain/Run.ts"
import type { Session, Turn } from "./Domain/Session.ts"

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

/**
 * The durable state of the scheduler, behind an interface that names no database. Every method is one transaction;
 * functions handed in are pure and run inside it. Database failures are defects, but for a full disk at the door of
 * the HTTP API.
 */
export class JobStore extends Context.Tag("symbiont/JobStore")<
  JobStore,
  {
    /** Adds jobs, all or none. */
    readonly insertJobs: (
      jobs: ReadonlyArray<{ readonly job: StoredJob; readonly audit: ReadonlyArray<AuditDraft> }>
    ) => Effect.Effect<void, JobNameTaken>
    /** Reads, changes and writes a job in one transaction; `change` raises the version. The same job back changes nothing. */
    readonly modifyJob: <E>(
      ref: string,
      change: (job: StoredJob, live: LiveRuns) => Either.Either<JobChange, E>
    ) => Effect.Effect<StoredJob, E | JobNotFound | JobNameTaken | JobUnreadable>
    /** Ends a job; its runs stay readable, live ones finish, but for backfills still queued: those are cancelled. */
    readonly deleteJob: (
      ref: string,
      now: number,
      removal: (job: Pick<Job, "id" | "name">, stored: StoredJob | null) => JobRemoval
    ) => Effect.Effect<JobId, JobNotFound>
    readonly findJob: (ref: string) => Effect.Effect<StoredJob, JobNotFound | JobUnreadable>
    readonly listJobs: (filter: JobFilter) => Effect.Effect<Page<StoredJob>>
    /** Reads jobs and changes them as `plan` says, in one transaction: all of it, or nothing. Gives the plan. */
    readonly changeJobs: <Plan extends JobsPlan, E>(
      wanted: JobsWanted,
      now: number,
      plan: (found: JobsFound) => Either.Either<Plan, E>
    ) => Effect.Effect<Plan, E | JobNameTaken>

    /** Ends approvals whose time is over, claims due slots and starts ready runs, in due order. */
    readonly look: (options: LookOptions) => Effect.Effect<Look>
    /** The next instant after `now` at which a look can find work: a slot, a jittered start, a retry, an approval's end. */
    readonly nextWake: (options: Pick<LookOptions, "now" | "permits" | "partitions">) => Effect.Effect<number | null>
    /** Adds a run outside the schedule. The same idempotency key with the same hash gives the same run. */
    readonly insertManualRun: <E>(
      ref: string,
      now: number,
      make: (job: StoredJob, live: LiveRuns) => Either.Either<NewRun, E>,
      idempotency?: { readonly key: string; readonly hash: string } | undefined
    ) => Effect.Effect<Run, E | JobNotFound | JobUnreadable | IdempotencyConflict>
    /**
     * Adds runs for past slots of a job, queued behind all its other runs. `ask` says which slots are meant; `plan` is
     * told their runs of trigger schedule, catch_up and backfill that succeeded or can still change, and the latest
     * slot of the job whose run upkeep deleted, UTC ms; null when it deleted none.
     */
    readonly insertBackfill: <Asked extends { readonly slots: ReadonlyArray<number> }, Plan extends BackfillPlan, E>(
      ref: string,
      now: number,
      ask: (job: StoredJob) => Either.Either<Asked, E>,
      plan: (job: StoredJob, asked: Asked, known: ReadonlyArray<SlotRun>, prunedTo: number | null) => Plan
    ) => Effect.Effect<
      { readonly job: StoredJob; readonly plan: Plan; readonly runs: ReadonlyArray<BackfillRun> },
      E | JobNotFound | JobUnreadable
    >
    /** Ends the current attempt of a run; refused for any but its owner. `job` is null when its row is unreadable. */
    readonly finish: (
      ref: AttemptRef,
      now: number,
      settle: (run: Run, job: StoredJob | null) => Settlement
    ) => Effect.Effect<Run, FencedOut>
    /** Keeps what the current attempt of a run has left so far; refused for any but the current one. */
    readonly progress: (
      ref: AttemptRef,
      so_far: Pick<Run, "context_bytes" | "iterations" | "iteration_count" | "session_id" | "tool_calls" | "usage">,
      session?: KeptSession | undefined
    ) => Effect.Effect<void, FencedOut>
    /** Cancels a run that waits, for its time or for an approval; a running one is for its actor to stop. */
    readonly cancelWaiting: (
      run_id: RunId,
      now: number,
      settle: (run: Run, job: StoredJob | null, approval: Approval | null) => WaitingEnd
    ) => Effect.Effect<Run, RunNotFound>
    /** Decides an approval in one transaction; `ref` is its id or its run's. Also of one that is pending no more. */
    readonly decideApproval: <E>(
      ref: string,
      now: number,
      decide: EndApproval<Either.Either<ApprovalEnd, E>>
    ) => Effect.Effect<{ readonly approval: Approval; readonly run: Run }, E | ApprovalNotFound>
    readonly findApproval: (ref: string) => Effect.Effect<Approval, ApprovalNotFound>
    readonly listApprovals: (filter: ApprovalFilter) => Effect.Effect<Page<Approval>>
    /**
     * Takes back what was only so by a clock that ran ahead, now that it was set back to `now` by `by` ms: waits are as
     * long as they were, and `replan` is asked about each job that was changed, or has slots recorded as missed, at an
     * instant still to come. Gives the number of jobs that it changed.
     */
    readonly clockSetBack: (
      now: number,
      by: number,
      replan: (job: StoredJob, ahead: ReadonlyArray<MissedAhead>) => Replan | null,
      audit: AuditDraft
    ) => Effect.Effect<number>
    /**
     * Adds this node, alive until `until`. On an engine that one process owns, all others are thereby known to be dead.
     * Gives when the last of them was seen; null when there was none.
     */
    readonly registerNode: (owner: BootId, now: number, until: number) => Effect.Effect<number | null>
    /** Says at `now` that this node lives until `until`: one row, whatever the number of its runs. */
    readonly renewLease: (owner: BootId, now: number, until: number) => Effect.Effect<void>
    /** Ends the attempts of nodes whose lease ran out; returns how many. At most one batch. */
    readonly recover: (
      now: number,
      owner: BootId,
      settle: (run: Run, job: StoredJob | null) => Settlement
    ) => Effect.Effect<number>

    readonly findRun: (id: string) => Effect.Effect<Run, RunNotFound>
    readonly listRuns: (jobRef: string, filter: RunFilter) => Effect.Effect<Page<RunSummary>, JobNotFound>
    /**
     * What the ledger has of a job for the `span` ms from `at` (UTC ms) on: runs, those of the schedule first, and the
     * row of missed slots that it lies in.
     */
    readonly runsAround: (job_id: JobId, at: number, span: number) => Effect.Effect<ReadonlyArray<RunSummary>>
    readonly findSession: (job_id: JobId) => Effect.Effect<Session | null>

    /** The destinations that deliveries wait for: those with one that is due, the longest waiting first, and when the next is. */
    readonly waitingDestinations: (now: number) => Effect.Effect<WaitingDestinations>
    /** A destination's deliveries that are due, oldest first, but for some; those whose job sends elsewhere now go there. */
    readonly dueDeliveries: (
      destination: string,
      now: number,
      limit: number,
      except: ReadonlyArray<string>
    ) => Effect.Effect<ReadonlyArray<DueDelivery>>
    /**
     * Records an attempt of a delivery that is as it was when it was read: one that was asked for anew meanwhile stays
     * due. Says whether it did.
     */
    readonly settleDelivery: (
      read: Pick<Delivery, "id" | "attempts" | "next_attempt_at">,
      change: Pick<Delivery, "state" | "next_attempt_at" | "delivered_at" | "error">,
      audit: ReadonlyArray<AuditDraft>,
      alert?: NewAlert | undefined
    ) => Effect.Effect<boolean>
    /**
     * Adds what the agent of a running attempt says to a channel. Refused for any attempt but the current one; false when
     * the run has said as much as it may.
     */
    readonly addNotice: (
      ref: AttemptRef,
      channel: DeliveryChannel,
      text: string,
      now: number
    ) => Effect.Effect<boolean, FencedOut>
    readonly listDeliveries: (filter: DeliveryFilter) => Effect.Effect<Page<ListedDelivery>>
    readonly findDelivery: (id: string) => Effect.Effect<ListedDelivery, DeliveryNotFound>
    /** Makes a delivery due now, whatever its state, with all its attempts before it. */
    readonly redeliver: (
      id: string,
      now: number,
      audit: (delivery: ListedDelivery) => AuditDraft
    ) => Effect.Effect<ListedDelivery, DeliveryNotFound>
    /** The same for all deliveries of a state; `audit` is told how many they are. Gives their number. */
    readonly redeliverAll: (
      which: Pick<DeliveryFilter, "channel" | "job_id"> & { readonly state: "failed" | "dead" },
      now: number,
      audit: (count: number) => AuditDraft
    ) => Effect.Effect<number>
    readonly deliveryCounts: Effect.Effect<DeliveryCounts>

    readonly counts: Effect.Effect<StoreCounts>
    /** Fails as a defect when the database does not answer. */
    readonly ping: Effect.Effect<void>
  }
>() {}
