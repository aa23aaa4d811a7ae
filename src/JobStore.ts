import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type { Approval, ApprovalNotFound } from "./Domain/Approval.ts"
import type { AuditDraft } from "./Domain/Audit.ts"
import type { BackfillRun } from "./Domain/Backfill.ts"
import type { Delivery, DeliveryChannel, DeliveryNotFound, ListedDelivery } from "./Domain/Delivery.ts"
import type { BootId, JobId, RunId } from "./Domain/Ids.ts"
import type { Job, JobNameTaken, JobNotFound, JobUnreadable, StoredJob } from "./Domain/Job.ts"
import type { FencedOut, IdempotencyConflict, Run, RunNotFound, RunSummary } from "./Domain/Run.ts"
import type { Session } from "./Domain/Session.ts"
import type { AttemptRef, KeptSession, Look, LookOptions, Settlement } from "./JobStore/Attempts.ts"
import type {
  ApprovalFilter,
  DeliveryCounts,
  DeliveryFilter,
  DueDelivery,
  JobFilter,
  NewAlert,
  Page,
  RunFilter,
  StoreCounts,
  WaitingDestinations
} from "./JobStore/Pages.ts"
import type {
  ApprovalEnd,
  BackfillPlan,
  EndApproval,
  JobChange,
  JobRemoval,
  JobsFound,
  JobsPlan,
  JobsWanted,
  LiveRuns,
  MissedAhead,
  NewRun,
  Replan,
  SlotRun,
  WaitingEnd
} from "./JobStore/Plans.ts"

export type * from "./JobStore/Attempts.ts"
export type * from "./JobStore/Pages.ts"
export type * from "./JobStore/Plans.ts"

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
