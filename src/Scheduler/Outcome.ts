import { type AgentFailure, type FailureKind, maxErrorLength, mayHaveSpent, type Usage } from "../Domain/Agent.ts"
import type { Actor, AuditDraft, AuditType } from "../Domain/Audit.ts"
import { bounded } from "../Domain/Bounded.ts"
import { shortInstant } from "../Domain/Instant.ts"
import { deliveriesAtEnd, deliversOn, isOneShot, type Job, type StoredJob, sessionModeOf } from "../Domain/Job.ts"
import type { Policy, PolicyDecision, PolicyEvaluation } from "../Domain/Policy.ts"
import type { Attempt, AttemptOutcome, Reason, Run, RunStatus, ToolCall } from "../Domain/Run.ts"
import { maxSummaryLength } from "../Domain/Session.ts"
import type { KeptSession, NewDelivery, Settlement } from "../JobStore.ts"
import type { Settings } from "../Settings.ts"
import { approvalFor } from "./ApprovalRules.ts"
import { type Iterations, iterationsOf } from "./Iterations.ts"
import { endsJob, jobAfter, oneShotFailed } from "./JobAfter.ts"
import { quietUntil } from "./Quiet.ts"
import { retryDelay } from "./Retry.ts"

/** What an attempt leaves behind, however it ended. */
export interface AttemptRecord {
  /** What the policy gate decided on it, and on what grounds. */
  readonly evaluation: PolicyEvaluation | null
  readonly session_id: Run["session_id"]
  readonly iterations: Iterations
  readonly tool_calls: ReadonlyArray<ToolCall>
  readonly usage: Usage | null
  readonly context_bytes: number | null
  /** What the gate gave, once the agent is woken by it. */
  readonly gate_seen: string | null
  /** Whether it came to a cap at which its job is paused. */
  readonly pauses: boolean
  /** How long it took by a clock that nobody can set, in ms; null when nobody was there to measure. */
  readonly execution_time_ms: number | null
}

/** The same while the attempt goes on: only its own fibers write to it. */
export type OpenRecord = { -readonly [Field in keyof AttemptRecord]: AttemptRecord[Field] }

/** How an attempt ended. */
export type AttemptEnd =
  | {
      readonly _tag: "Succeeded"
      readonly output: string
      /** Null leaves the job's summary as it was. */
      readonly summary: string | null | undefined
      readonly stop_reason: string | null
      readonly session: KeptSession | undefined
    }
  | { readonly _tag: "Failed"; readonly failure: AgentFailure }
  | { readonly _tag: "TimedOut"; readonly max_runtime: string }
  | {
      readonly _tag: "Denied"
      readonly reason: Reason
      readonly audit?: Pick<AuditDraft, "type" | "after"> | undefined
      /** The job is not to come due again until somebody resumes it. */
      readonly pauses?: boolean | undefined
    }
  /** The agent was not woken, as there was nothing to do. */
  | { readonly _tag: "Skipped"; readonly reason: Reason }
  /** Stopped at the gate, to wait for a person; the policies are those that hold for the job. */
  | {
      readonly _tag: "AwaitingApproval"
      readonly approvers: ReadonlyArray<string>
      readonly policies: ReadonlyArray<Policy>
      /** The cap that a person is asked to let it go beyond. */
      readonly over_budget: string | null
    }
  | { readonly _tag: "Cancelled"; readonly reason: Reason; readonly actor: Actor }
  | { readonly _tag: "Interrupted"; readonly reason: Reason }

/** What an attempt has left before it begins: what the attempts of its run before it left. */
export const recordOf = (
  run: Pick<Run, "session_id" | "iterations" | "iteration_count" | "tool_calls" | "usage" | "context_bytes">
): OpenRecord => ({
  evaluation: null,
  session_id: run.session_id,
  iterations: iterationsOf(run),
  tool_calls: run.tool_calls,
  usage: run.usage,
  context_bytes: run.context_bytes,
  gate_seen: null,
  pauses: false,
  execution_time_ms: null
})

/** What a run's end says of the sleep of its heartbeat: an all-clear can lengthen it, anything else ends that. */
const sleepAfter = (
  end: AttemptEnd,
  record: AttemptRecord,
  run: Run,
  job: StoredJob,
  settings: Settings["Type"]["scheduler"]
): Pick<Settlement["job"], "all_clears" | "quiet_until"> => {
  const backoff = job.heartbeat?.enabled === true ? job.heartbeat.backoff : undefined
  const allClear =
    end._tag === "Succeeded" &&
    end.stop_reason === "sleep" &&
    record.iterations.kept().iterations.filter(({ error }) => error === undefined).length === 1 &&
    record.tool_calls.length === 0 &&
    run.trigger !== "manual" &&
    countOf(run.attempts, "failed", "timed_out") === 0
  if (backoff === undefined || !allClear) {
    return job.all_clears === 0 && job.quiet_until === null ? {} : { all_clears: 0, quiet_until: null }
  }
  const all_clears = job.all_clears + 1
  return { all_clears, quiet_until: quietUntil(backoff, all_clears, job, run.scheduled_for, settings.timezone) }
}

/** How many questions to the policy gate are kept with a run. */
const keptEvaluations = 20

/** Interruptions after which a run is given up. */
const maxInterruptions = 5

/** A disk that takes the store's writes and refuses files must not use up all interruptions at once; in ms. */
const waitAfter = ({ code }: Reason): number => (code === "storage" ? 30_000 : 0)

/** Failures that another attempt would meet again. */
const finalFailures: ReadonlySet<FailureKind> = new Set(["permanent", "policy", "budget"])

/** Most of an agent's output that is kept, in bytes; its own marks of a cut are shorter. */
const maxOutputBytes = 1_048_576 + 1_024

/** An output as it is kept: what is beyond the limit is cut, and the cut marked. */
export const cutOutput = (output: string): string => {
  if (output.length * 3 <= maxOutputBytes || Buffer.byteLength(output) <= maxOutputBytes) return output
  // A character that the cut goes through is left out.
  const kept = new TextDecoder("utf-8", { ignoreBOM: true }).decode(Buffer.from(output).subarray(0, maxOutputBytes), {
    stream: true
  })
  return `${kept}\n[output cut at ${maxOutputBytes} bytes]`
}

const countOf = (attempts: ReadonlyArray<Attempt>, ...outcomes: ReadonlyArray<AttemptOutcome>): number =>
  attempts.filter((attempt) => attempt.outcome !== null && outcomes.includes(attempt.outcome)).length

/** What a person let run once is not run again unless the job says so. */
const onInterrupt = (job: Job, run: Run): "retry" | "fail" =>
  job.on_interrupt ?? (job.policy?.require_approval === true || run.approval_id !== null ? "fail" : "retry")

const attemptsAllowed = (job: Job, settings: Settings["Type"]["scheduler"]): number =>
  job.retry?.attempts ?? (isOneShot(job) ? (job.max_retries ?? settings.default_max_retries) : 1)

/** What every end of an attempt leaves in its run's row. */
const recordedOf = (record: AttemptRecord, run: Run) => {
  const { evaluation } = record
  const { iteration_count, iterations } = record.iterations.kept()
  const decision: PolicyDecision | null = evaluation?.decision ?? run.decision
  return {
    session_id: record.session_id,
    iterations,
    iteration_count,
    tool_calls: record.tool_calls,
    usage: record.usage,
    context_bytes: record.context_bytes,
    decision,
    evaluations: evaluation === null ? run.evaluations : [...run.evaluations, evaluation].slice(-keptEvaluations)
  }
}

/**
 * The rules of a run's end: what the run, its attempt and its job become, what is delivered and audited. Pure, so that
 * it can run inside the finish transaction on the rows as they are then.
 */
export const settle = (
  end: AttemptEnd,
  record: AttemptRecord,
  run: Run,
  job: StoredJob,
  settings: Settings["Type"]["scheduler"],
  now: number
): Settlement => {
  const { evaluation, gate_seen } = record
  const recorded = recordedOf(record, run)
  const { decision } = recorded
  // A run that a person asked for is that person's doing.
  const audit = (
    type: AuditType,
    reason: string | null,
    actor: Actor = run.requested_by ?? "scheduler"
  ): AuditDraft => {
    const about = { type, actor, job_id: job.id, job_name: job.name, run_id: run.id, reason }
    return evaluation === null ? about : Object.assign(about, { after: { decision } })
  }
  const ended = (
    status: RunStatus,
    error_message: string | null,
    reason: Reason | null,
    output: string | null = null,
    stop_reason: string | null = null
  ): Settlement["run"] => ({
    session_id: recorded.session_id,
    iterations: recorded.iterations,
    iteration_count: recorded.iteration_count,
    tool_calls: recorded.tool_calls,
    usage: recorded.usage,
    context_bytes: recorded.context_bytes,
    decision: recorded.decision,
    evaluations: recorded.evaluations,
    status,
    error_message,
    reason,
    finished_at: now,
    execution_time_ms: record.execution_time_ms,
    next_attempt_at: null,
    output,
    stop_reason
  })
  const outputs = (status: RunStatus): ReadonlyArray<NewDelivery> => deliveriesAtEnd(job, status)
  const notices = (kind: "dead_letter" | "approval"): ReadonlyArray<NewDelivery> =>
    deliversOn(job, kind) ? job.delivery.map((channel) => ({ channel, kind })) : []
  const keepsSummary = sessionModeOf(job) === "ephemeral_with_summary"
  const woken = record.usage === null ? {} : { last_usage: record.usage }
  const lastRun = { last_run: run.scheduled_for, ...woken }
  // A backfill changes nothing of its job, and a one-shot's slot ends it.
  const canPause = job.status === "active" && run.trigger !== "backfill" && !endsJob(run, job)
  const pausing = (isAsked: boolean) =>
    isAsked && canPause ? ({ status: "paused", paused_by: "budget" } as const) : {}
  const paused = (isAsked: boolean, why: string): ReadonlyArray<AuditDraft> =>
    isAsked && canPause ? [audit("CronJobPaused", why, "scheduler")] : []
  const awake = sleepAfter(end, record, run, job, settings)

  const failed = (
    kind: FailureKind,
    status: "failed" | "timed_out",
    message: string,
    options: {
      readonly retryAfter?: number | undefined
      readonly output?: string | undefined
      readonly pauses?: boolean | undefined
    } = {}
  ): Settlement => {
    const error_message = bounded(message, maxErrorLength)
    const attempt = { outcome: status, failure: kind, error_message } as const
    const failures = countOf(run.attempts, "failed", "timed_out") + 1
    if (!finalFailures.has(kind) && failures < attemptsAllowed(job, settings)) {
      const next_attempt_at = now + retryDelay(job.retry ?? {}, failures, options.retryAfter)
      return {
        attempt,
        run: { ...recorded, execution_time_ms: null, status: "pending", error_message, next_attempt_at },
        job: {},
        deliveries: [],
        audit: []
      }
    }
    const failure_count = job.failure_count + 1
    const tooMany = failure_count >= (job.max_retries ?? settings.default_max_retries)
    const counts = run.trigger !== "backfill" && (job.status === "active" || job.status === "paused")
    const dies = endsJob(run, job) || (tooMany && counts)
    return {
      attempt,
      run: ended(status, error_message, null, options.output === undefined ? null : cutOutput(options.output)),
      job: jobAfter(run, {
        ...lastRun,
        ...awake,
        failure_count,
        ...(keepsSummary
          ? { last_summary: bounded(`The previous run failed: ${error_message}`, maxSummaryLength) }
          : {}),
        ...pausing(options.pauses === true),
        ...(dies ? { status: "dead_letter", next_run: null, paused_by: null } : {})
      }),
      deliveries: dies ? [...outputs(status), ...notices("dead_letter")] : outputs(status),
      audit: [
        audit("CronJobFailed", error_message),
        ...paused(options.pauses === true && !dies, error_message),
        ...(dies ? [audit("CronJobDeadLettered", `${failure_count} consecutive failures`, "scheduler")] : [])
      ]
    }
  }

  switch (end._tag) {
    case "Succeeded": {
      const change: { -readonly [Field in keyof Settlement["job"]]: Settlement["job"][Field] } = {
        last_run: run.scheduled_for,
        failure_count: 0
      }
      if (record.usage !== null) change.last_usage = record.usage
      if (gate_seen !== null) change.gate_seen = gate_seen
      if (keepsSummary && end.summary !== null) {
        change.last_summary = bounded(end.summary ?? end.output, maxSummaryLength)
      }
      if (endsJob(run, job)) change.status = "completed"
      return {
        attempt: { outcome: "succeeded", failure: null, error_message: null },
        run: ended("succeeded", null, null, end.output, end.stop_reason),
        job: jobAfter(run, Object.assign(change, awake)),
        session: end.session,
        deliveries: outputs("succeeded"),
        audit: [audit("CronJobExecuted", null)],
        // Told by nobody: an agent that says nothing of what it spent.
        reservationSpent: true
      }
    }
    case "Failed":
      return {
        ...failed(end.failure.kind, "failed", end.failure.message, {
          retryAfter: end.failure.retry_after_ms,
          output: end.failure.output,
          pauses: record.pauses
        }),
        reservationSpent: mayHaveSpent(end.failure)
      }
    case "TimedOut":
      return {
        ...failed("timeout", "timed_out", `stopped after its max_runtime of ${end.max_runtime}`),
        reservationSpent: true
      }
    case "Skipped":
      return {
        attempt: { outcome: "skipped", failure: null, error_message: null },
        run: { ...ended("skipped", null, end.reason), saved: job.last_usage },
        job: jobAfter(run, oneShotFailed(run, job)),
        deliveries: outputs("skipped"),
        audit: []
      }
    case "Denied":
      return {
        attempt: {
          outcome: "denied",
          failure: end.reason.code === "budget" ? "budget" : "policy",
          error_message: end.reason.text
        },
        run: ended("denied", null, end.reason),
        job: jobAfter(run, { ...lastRun, ...awake, ...pausing(end.pauses === true), ...oneShotFailed(run, job) }),
        deliveries: outputs("denied"),
        audit: [
          { ...audit("CronJobDenied", `${end.reason.code}: ${end.reason.text}`), ...end.audit },
          ...paused(end.pauses === true, end.reason.text)
        ]
      }
    case "AwaitingApproval": {
      const approval = approvalFor(run, job, end.approvers, end.policies, end.over_budget, now)
      const otherwise = approval.approval_default === "deny" ? "it is denied" : "it runs"
      const why = end.over_budget === null ? "" : `${end.over_budget}; `
      const text = `${why}waits for approval until ${shortInstant(approval.expires_at)}; without a decision ${otherwise}`
      return {
        attempt: { outcome: null, failure: null, error_message: null },
        run: {
          ...recorded,
          execution_time_ms: null,
          status: "awaiting_approval",
          reason: { code: "approval", text },
          next_attempt_at: null
        },
        job: {},
        deliveries: notices("approval"),
        audit: [audit("ApprovalRequested", text)],
        approval
      }
    }
    case "Cancelled":
      return {
        attempt: { outcome: "cancelled", failure: null, error_message: end.reason.text },
        run: ended("cancelled", null, end.reason),
        job: jobAfter(run, { ...lastRun, ...awake, ...oneShotFailed(run, job) }),
        deliveries: [],
        audit: [audit("RunCancelled", end.reason.text, end.actor)],
        reservationSpent: true
      }
    case "Interrupted": {
      const attempt = { outcome: "interrupted", failure: null, error_message: end.reason.text } as const
      const interruptions = countOf(run.attempts, "interrupted") + 1
      if (onInterrupt(job, run) === "retry" && interruptions < maxInterruptions) {
        return {
          attempt,
          run: {
            ...recorded,
            execution_time_ms: null,
            status: "pending",
            next_attempt_at: now + waitAfter(end.reason)
          },
          job: {},
          deliveries: [],
          audit: [audit("RunInterrupted", `${end.reason.text}; a new attempt follows`, "scheduler")],
          reservationSpent: true
        }
      }
      return {
        attempt,
        run: ended("interrupted", end.reason.text, end.reason),
        job: jobAfter(run, { ...lastRun, ...awake, ...oneShotFailed(run, job) }),
        deliveries: outputs("interrupted"),
        audit: [audit("RunInterrupted", end.reason.text, "scheduler")],
        reservationSpent: true
      }
    }
  }
}
