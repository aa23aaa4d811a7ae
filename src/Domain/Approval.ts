import * as Schema from "effect/Schema"
import { AgentId } from "./Agent.ts"
import { Actor } from "./Audit.ts"
import { ApprovalId, JobId, RunId } from "./Ids.ts"
import { Instant } from "./Instant.ts"
import { ApprovalDefault } from "./Policy.ts"
import { RunTrigger } from "./Run.ts"

/** `voided`: there is nothing to decide any more, as the run was cancelled or superseded, or its job changed. */
export const ApprovalState = Schema.Literal("pending", "approved", "denied", "expired", "voided")
export type ApprovalState = typeof ApprovalState.Type

/** A run that waits, or waited, for a person to let it go on. A run has one at most. */
export const Approval = Schema.Struct({
  id: ApprovalId,
  state: ApprovalState,
  run_id: RunId,
  job_id: JobId,
  job_name: Schema.String,
  agent_id: AgentId,
  trigger: RunTrigger,
  scheduled_for: Instant,
  /** What the agent will be given. */
  input: Schema.NullOr(Schema.String),
  /** Names or ids of the keys that may decide; none means any with the scope `approve`. */
  approvers: Schema.Array(Schema.String),
  /** Who asked for the run, or gave the job its definition. */
  submitted_by: Actor,
  requested_at: Instant,
  expires_at: Instant,
  /** What ends the wait at `expires_at`. */
  expires_by: Schema.Literal("approval_timeout", "allowed_hours"),
  approval_default: ApprovalDefault,
  decided_at: Schema.NullOr(Instant),
  decided_by: Schema.NullOr(Actor),
  reason: Schema.NullOr(Schema.String),
  /** SHA-256 (hex) of the job's definition and the run's input: what exactly is approved. */
  binding: Schema.String,
  /** The cap that the run would go beyond; null where its policy asks for a person. */
  over_budget: Schema.NullOr(Schema.String)
}).annotations({ identifier: "Approval" })
export type Approval = typeof Approval.Type

/** No approval of that id, and no run of that id that has one. */
export class ApprovalNotFound extends Schema.TaggedError<ApprovalNotFound>()("ApprovalNotFound", {
  approval: Schema.String
}) {
  override get message() {
    return `no approval with the id "${this.approval}"; \`symbi approvals list\` shows those that wait`
  }
}

/** The approval is no longer pending: decided, expired or voided. */
export class ApprovalClosed extends Schema.TaggedError<ApprovalClosed>()("ApprovalClosed", {
  approval: ApprovalId,
  state: ApprovalState,
  reason: Schema.NullOr(Schema.String)
}) {
  override get message() {
    return `approval ${this.approval} is ${this.state} already${this.reason === null ? "" : `: ${this.reason}`}`
  }
}

/** Whoever asks may not decide this approval. */
export class NotAnApprover extends Schema.TaggedError<NotAnApprover>()("NotAnApprover", {
  approval: ApprovalId,
  message: Schema.String
}) {}
