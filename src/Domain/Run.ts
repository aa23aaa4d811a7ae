import * as Schema from "effect/Schema"
import { AgentId, FailureKind, Usage } from "./Agent.ts"
import { Actor } from "./Audit.ts"
import { Delivery } from "./Delivery.ts"
import { ApprovalId, JobId, RunId, SessionId } from "./Ids.ts"
import { Instant } from "./Instant.ts"
import { PolicyDecision, PolicyEvaluation } from "./Policy.ts"

/** What made a run: its slot, a slot missed earlier, a person, or a person filling in the past. */
export const RunTrigger = Schema.Literal("schedule", "catch_up", "manual", "backfill")
export type RunTrigger = typeof RunTrigger.Type

/** Where a run stands; all but `pending`, `awaiting_approval` and `running` are final. */
export const RunStatus = Schema.Literal(
  "pending",
  "awaiting_approval",
  "running",
  "succeeded",
  "failed",
  "timed_out",
  "denied",
  "skipped",
  "missed",
  "cancelled",
  "interrupted"
)
export type RunStatus = typeof RunStatus.Type

const openStatuses: ReadonlySet<RunStatus> = new Set(["pending", "awaiting_approval", "running"])

/** Whether a run of this status can still change. */
export const isTerminal = (status: RunStatus): boolean => !openStatuses.has(status)

/** Why a run was skipped, missed, denied, cancelled or interrupted: a code for programs, a text for people. */
export const Reason = Schema.Struct({ code: Schema.String, text: Schema.String }).annotations({ identifier: "Reason" })
export type Reason = typeof Reason.Type

/** How one attempt ended; null while it runs. */
export const AttemptOutcome = Schema.Literal(
  "succeeded",
  "failed",
  "timed_out",
  "denied",
  "skipped",
  "cancelled",
  "interrupted"
)
export type AttemptOutcome = typeof AttemptOutcome.Type

/** One execution of a run. Its number is the fencing token: only the current attempt may finish the run. */
export const Attempt = Schema.Struct({
  number: Schema.Int,
  started_at: Instant,
  finished_at: Schema.NullOr(Instant),
  outcome: Schema.NullOr(AttemptOutcome),
  failure: Schema.NullOr(FailureKind),
  error_message: Schema.NullOr(Schema.String)
}).annotations({ identifier: "Attempt" })
export type Attempt = typeof Attempt.Type

/** One turn of a heartbeat's loop. */
export const Iteration = Schema.Struct({
  /** The attempt that it is part of, and which of its iterations it is, from 1; absent from older runs. */
  attempt: Schema.optionalWith(Schema.Int, { exact: true }),
  number: Schema.optionalWith(Schema.Int, { exact: true }),
  phase: Schema.Literal("assess", "act", "sleep"),
  summary: Schema.String,
  duration_ms: Schema.Number,
  /** What the agent was given, in bytes: input, summary and the conversation so far. */
  context_bytes: Schema.optionalWith(Schema.Int, { exact: true }),
  usage: Schema.optionalWith(Usage, { exact: true }),
  /** Why it came to no answer; the summary is then of what there was of one. */
  error: Schema.optionalWith(Schema.String, { exact: true })
}).annotations({ identifier: "Iteration" })
export type Iteration = typeof Iteration.Type

/** One use of a tool by a language model. `error` says why it was refused, or failed. */
export const ToolCall = Schema.Struct({
  name: Schema.String,
  /** The JSON that the model gave, its first 2,000 characters. */
  arguments: Schema.String,
  result_bytes: Schema.Int,
  duration_ms: Schema.Number,
  error: Schema.optionalWith(Schema.String, { exact: true })
}).annotations({ identifier: "ToolCall" })
export type ToolCall = typeof ToolCall.Type

const summaryFields = {
  id: RunId,
  job_id: JobId,
  job_name: Schema.String,
  agent_id: AgentId,
  trigger: RunTrigger,
  status: RunStatus,
  /** The slot; for a manual run the instant it was asked for. */
  scheduled_for: Instant,
  /** When a pending run may start: its slot plus jitter, or the next attempt. */
  start_at: Schema.NullOr(Instant),
  next_attempt_at: Schema.NullOr(Instant),
  started_at: Schema.NullOr(Instant),
  finished_at: Schema.NullOr(Instant),
  execution_time_ms: Schema.NullOr(Schema.Int),
  attempts: Schema.Array(Attempt),
  input: Schema.NullOr(Schema.String),
  error_message: Schema.NullOr(Schema.String),
  reason: Schema.NullOr(Reason),
  decision: Schema.NullOr(PolicyDecision),
  /** Who asked for a run by hand or a backfill; null for the schedule. */
  requested_by: Schema.NullOr(Actor),
  approval_id: Schema.NullOr(ApprovalId),
  session_id: Schema.NullOr(SessionId),
  stop_reason: Schema.NullOr(Schema.String),
  /** What all attempts spent. */
  usage: Schema.NullOr(Usage),
  /** How many iterations a heartbeat had, over all attempts; null for none, and in older runs. */
  iteration_count: Schema.NullOr(Schema.Int),
  /** What the agent was given at most, in bytes; null when it was not woken. */
  context_bytes: Schema.NullOr(Schema.Int),
  /** What a run of the job that was not woken last spent: about so much was saved. */
  saved: Schema.NullOr(Usage),
  deliveries: Schema.Array(Delivery),
  missed_count: Schema.NullOr(Schema.Int),
  missed_from: Schema.NullOr(Instant),
  missed_to: Schema.NullOr(Instant)
}

/** A run as lists show it. */
export const RunSummary = Schema.Struct(summaryFields).annotations({ identifier: "RunSummary" })
export type RunSummary = typeof RunSummary.Type

/** A run, whole. */
export const Run = Schema.Struct({
  ...summaryFields,
  output: Schema.NullOr(Schema.String),
  /** The latest questions to the policy gate, oldest first. */
  evaluations: Schema.Array(PolicyEvaluation),
  /** The first 50 and the last 450 at most, 1 MiB together; their numbers show where some are left out. */
  iterations: Schema.Array(Iteration),
  tool_calls: Schema.Array(ToolCall)
}).annotations({ identifier: "Run" })
export type Run = typeof Run.Type

/** No run of that id. */
export class RunNotFound extends Schema.TaggedError<RunNotFound>()("RunNotFound", { run: Schema.String }) {
  override get message() {
    return `no run with the id "${this.run}"`
  }
}

/** The run has ended already. */
export class RunEnded extends Schema.TaggedError<RunEnded>()("RunEnded", { run: RunId, status: RunStatus }) {
  override get message() {
    return `run ${this.run} has ended already (${this.status})`
  }
}

/** The job is at its `max_concurrent`. */
export class ConcurrencyLimitReached extends Schema.TaggedError<ConcurrencyLimitReached>()("ConcurrencyLimitReached", {
  job: Schema.String,
  max_concurrent: Schema.Int
}) {
  override get message() {
    return `job "${this.job}" is at its max_concurrent of ${this.max_concurrent}; wait, or ask with queue=true`
  }
}

/** The idempotency key was used before with another request. */
export class IdempotencyConflict extends Schema.TaggedError<IdempotencyConflict>()("IdempotencyConflict", {
  key: Schema.String
}) {
  override get message() {
    return `the Idempotency-Key "${this.key}" was used in the last 24 hours with another request; use a new key`
  }
}

/** Another owner took the run over, or it has ended: this attempt may not write to it any more. */
export class FencedOut extends Schema.TaggedError<FencedOut>()("FencedOut", { run: RunId, attempt: Schema.Int }) {
  override get message() {
    return `attempt ${this.attempt} of run ${this.run} is no longer the current one`
  }
}
