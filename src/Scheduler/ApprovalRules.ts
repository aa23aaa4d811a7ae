import * as Either from "effect/Either"
import { type Approval, ApprovalClosed, NotAnApprover } from "../Domain/Approval.ts"
import type { Actor, AuditDraft, AuditType } from "../Domain/Audit.ts"
import { shortInstant } from "../Domain/Instant.ts"
import type { StoredJob } from "../Domain/Job.ts"
import type { Policy } from "../Domain/Policy.ts"
import type { Reason, Run } from "../Domain/Run.ts"
import type { ApprovalEnd, EndApproval, NewApproval } from "../JobStore.ts"
import { bindingOf } from "./ApprovalBinding.ts"
import { expiryUnder } from "./ApprovalExpiry.ts"
import { endWaiting } from "./JobAfter.ts"

/** Who decides: the actor of the audit log, and the name of the key that was shown, if one was. */
export interface Decider {
  readonly actor: Actor
  readonly name: string | null
}

const scheduler: Actor = "scheduler"

const audited = (
  type: AuditType,
  approval: Approval,
  actor: Actor,
  reason: string | null,
  now: number
): AuditDraft => ({
  type,
  actor,
  time: now,
  job_id: approval.job_id,
  job_name: approval.job_name,
  run_id: approval.run_id,
  reason,
  after: { approval_id: approval.id }
})

const closed = (
  state: Approval["state"],
  decided_by: Actor,
  reason: string | null,
  now: number
): ApprovalEnd["approval"] => ({ state, decided_at: now, decided_by, reason })

/** There is nothing to decide any more: the run ends without a decision. */
const voided = (
  approval: Approval,
  run: Run,
  job: StoredJob | null,
  how: { readonly status: "denied" | "skipped" | "cancelled"; readonly reason: Reason; readonly actor: Actor },
  now: number
): ApprovalEnd => ({
  approval: closed("voided", how.actor, how.reason.text, now),
  end: endWaiting(run, job, how.status, how.reason, now),
  audit: [audited("ApprovalVoided", approval, how.actor, how.reason.text, now)]
})

/** What is asked when a run is to wait for approval. `policies` are those that hold for the job. */
export const approvalFor = (
  run: Run,
  job: StoredJob,
  approvers: ReadonlyArray<string>,
  policies: ReadonlyArray<Policy>,
  over_budget: string | null,
  now: number
): NewApproval => ({
  approvers,
  submitted_by: run.requested_by ?? job.defined_by,
  binding: bindingOf(job, run.input),
  over_budget,
  ...expiryUnder(policies, now),
  // What costs more than was allowed needs somebody who says so.
  ...(over_budget === null ? {} : { approval_default: "deny" }),
  supersede: (older, olderRun, olderJob) =>
    voided(
      older,
      olderRun,
      olderJob,
      {
        status: "skipped",
        actor: scheduler,
        reason: {
          code: "superseded",
          text: `the slot of ${shortInstant(run.scheduled_for)} waits for approval instead`
        }
      },
      now
    )
})

/** Ends the wait of runs whose job is no longer what they asked for. */
export const voidIfChanged =
  (job: StoredJob, actor: Actor, now: number): EndApproval =>
  (approval, run) =>
    bindingOf(job, run.input) === approval.binding
      ? null
      : voided(
          approval,
          run,
          job,
          { status: "denied", actor, reason: { code: "approval_void", text: "the job was changed while it waited" } },
          now
        )

/** Ends the wait of runs whose job is deleted. */
export const voidAsDeleted =
  (actor: Actor, now: number): EndApproval =>
  (approval, run, job) =>
    voided(
      approval,
      run,
      job,
      { status: "cancelled", actor, reason: { code: "job_deleted", text: "the job was deleted while it waited" } },
      now
    )

/** What is left of the approval of a run that was cancelled. */
export const cancelledWait = (reason: Reason, actor: Actor, now: number): ApprovalEnd["approval"] =>
  closed("voided", actor, reason.text, now)

/** Ends a wait that took too long, by the default that the policy names. */
export const expired =
  (now: number): EndApproval<ApprovalEnd> =>
  (approval, run, job) => {
    const over = `nobody decided by ${shortInstant(approval.expires_at)} (${approval.expires_by})`
    if (approval.approval_default === "allow" && approval.expires_by === "approval_timeout") {
      const reason = `${over}; approval_default lets it run`
      return {
        approval: closed("approved", scheduler, reason, now),
        end: null,
        audit: [audited("ApprovalExpired", approval, scheduler, reason, now)]
      }
    }
    return {
      approval: closed("expired", scheduler, over, now),
      end: endWaiting(run, job, "denied", { code: "approval_expired", text: over }, now),
      audit: [audited("ApprovalExpired", approval, scheduler, over, now)]
    }
  }

/** Actors that anyone can be where the service is open. */
const anyone: ReadonlySet<Actor> = new Set(["api", "cli"])

/** Why somebody may not decide; null when they may. */
const objection = (approval: Approval, { actor: asked, name }: Decider): string | null => {
  const { approvers, id, submitted_by } = approval
  const actor = anyone.has(asked) ? null : asked
  if (approvers.length === 0) return null
  const among = approvers.join(", ")
  if (!approvers.some((approver) => approver === name || approver === actor)) {
    return name === null
      ? `only ${among} may decide approval ${id}, and no key says who you are; use the key of one of them`
      : `only ${among} may decide approval ${id}, and this key is ${name}`
  }
  const others = approvers.some((approver) => approver !== name && approver !== actor)
  return actor === submitted_by && others
    ? `what this key submitted another of ${among} must decide (approval ${id})`
    : null
}

/** A person's decision. What is past its time ends as expired instead, whoever asks. */
export const decided =
  (verdict: "approve" | "deny", by: Decider, reason: string | null, now: number) =>
  (approval: Approval, run: Run, job: StoredJob | null): Either.Either<ApprovalEnd, ApprovalClosed | NotAnApprover> => {
    const { id, state } = approval
    if (state !== "pending") return Either.left(new ApprovalClosed({ approval: id, state, reason: approval.reason }))
    if (approval.expires_at <= now) return Either.right(expired(now)(approval, run, job))
    const message = objection(approval, by)
    if (message !== null) return Either.left(new NotAnApprover({ approval: id, message }))
    if (job !== null && bindingOf(job, run.input) !== approval.binding) {
      const void_ = voidIfChanged(job, by.actor, now)(approval, run, job)
      if (void_ !== null) return Either.right(void_)
    }
    const why = reason === null ? "" : `: ${reason}`
    return Either.right(
      verdict === "approve"
        ? {
            approval: closed("approved", by.actor, reason, now),
            end: null,
            audit: [audited("ApprovalGranted", approval, by.actor, reason, now)]
          }
        : {
            approval: closed("denied", by.actor, reason, now),
            end: endWaiting(
              run,
              job,
              "denied",
              { code: "approval_denied", text: `denied by ${by.name ?? by.actor}${why}` },
              now
            ),
            audit: [audited("ApprovalDenied", approval, by.actor, reason, now)]
          }
    )
  }
