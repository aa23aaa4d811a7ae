import type * as Schema from "effect/Schema"
import type * as Api from "../Api.ts"
import type * as Agents from "../Domain/Agent.ts"
import type * as Applies from "../Domain/Apply.ts"
import type * as Approvals from "../Domain/Approval.ts"
import type * as Audits from "../Domain/Audit.ts"
import type * as Backfills from "../Domain/Backfill.ts"
import type * as Budgets from "../Domain/Budget.ts"
import type * as Deliveries from "../Domain/Delivery.ts"
import type * as Healths from "../Domain/Health.ts"
import type * as Jobs from "../Domain/Job.ts"
import type * as Keys from "../Domain/Key.ts"
import type * as Runs from "../Domain/Run.ts"
import type * as Sessions from "../Domain/Session.ts"
import type * as Whys from "../Domain/Why.ts"
import type { AnyCase } from "./Casing.ts"

type RequiredKeys<A> = A extends unknown
  ? { [Key in keyof A]-?: {} extends Pick<A, Key> ? never : Key }[keyof A]
  : never

type Filled<I, Always> = {
  readonly [Key in keyof I as Key extends Always ? Key : never]-?: I[Key]
} & {
  readonly [Key in keyof I as Key extends Always ? never : Key]: I[Key]
}

/** An answer as JSON has it: snake_case, instants as ISO 8601 text; what has a default is always there. */
export type OnWire<A, I> =
  I extends ReadonlyArray<infer Item>
    ? ReadonlyArray<OnWire<A extends ReadonlyArray<infer AItem> ? AItem : never, Item>>
    : I extends object
      ? Filled<I, RequiredKeys<A>>
      : I

type Answer<S> = S extends Schema.Schema<infer A, infer I, infer _R> ? OnWire<A, I> : never

/** A job: its definition and its state. */
export interface Job extends Answer<typeof Jobs.Job> {}

/** A job as it was just stored, with what is doubtful about it. */
export interface JobWithWarnings extends Answer<typeof Jobs.JobWithWarnings> {}

/** What is left of a deleted job. */
export interface Deleted extends Answer<typeof Api.Deleted> {}

/** When a job is due next; with `count`, its next instants as well. */
export interface NextRun extends Answer<typeof Api.NextRun> {}

/** What a trigger would do. */
export interface Preview extends Answer<typeof Api.PreviewAnswer> {}

/** A run as lists show it. */
export interface RunSummary extends Answer<typeof Runs.RunSummary> {}

/** A run, whole. */
export interface Run extends Answer<typeof Runs.Run> {}

/** Where a run stands. */
export type RunStatus = Runs.RunStatus

/** Past slots, and the runs made of them. */
export interface Backfill extends Answer<typeof Backfills.Backfill> {}

/** Why a slot ran, did not, waits, failed or was not delivered. */
export interface Why extends Answer<typeof Whys.Why> {}

/** What a job's shared session holds. */
export interface SessionInfo extends Answer<typeof Sessions.SessionInfo> {}

/** How the scheduler is. */
export interface SchedulerHealth extends Answer<typeof Healths.SchedulerHealth> {}

/** A run that waits, or waited, for a person. */
export interface Approval extends Answer<typeof Approvals.Approval> {}

/** A run's output on its way to a channel. */
export interface Delivery extends Answer<typeof Deliveries.ListedDelivery> {}

/** How many deliveries are sent again. */
export interface Redelivered extends Answer<typeof Api.Redelivered> {}

/** An agent, by `kind`. */
export type AgentDefinition = Answer<typeof Agents.AgentDefinition>

/** The answer of an agent that was run by hand. */
export interface AgentAnswer extends Answer<typeof Agents.AgentAnswer> {}

/** How far a budget is spent. */
export interface BudgetLine extends Answer<typeof Budgets.BudgetLine> {}

/** An entry of the audit log. */
export interface AuditEvent extends Answer<typeof Audits.AuditEvent> {}

/** How far the log reached at an instant, signed. */
export interface AuditCheckpoint extends Answer<typeof Audits.AuditCheckpoint> {}

/** Whether the log is as it was written. */
export type AuditVerdict = Answer<typeof Audits.AuditVerdict>

/** An API key, without its secret. */
export interface ApiKey extends Answer<typeof Keys.ApiKey> {}

/** A key as it is created: the only answer that has its secret. */
export interface CreatedKey extends Answer<typeof Keys.CreatedKey> {}

/** What applying files did, or would do. */
export interface Applied extends Answer<typeof Applies.Applied> {}

/** The body of {@link "../Sdk.ts"}'s `schedule.create`. */
export type JobDefinition = AnyCase<typeof Jobs.JobDefinition.Encoded>

/** The changes of `schedule.update`; null clears a field. */
export type JobPatch = AnyCase<typeof Jobs.JobPatch.Encoded>
