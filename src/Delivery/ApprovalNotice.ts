import type { Approval } from "../Domain/Approval.ts"
import { firstOf } from "../Domain/Bounded.ts"
import { shortInstant } from "../Domain/Instant.ts"

const maxInput = 1_000

const cut = (text: string): string => (text.length <= maxInput ? text : `${firstOf(text, maxInput)}… (cut)`)

/** What people are told about a run that waits for them: what it is, until when, and how to decide. */
export const approvalNotice = (approval: Approval, baseUrl: string | null): string => {
  const { approvers, expires_at, id, input, scheduled_for } = approval
  const closed = approval.state === "pending" ? [] : [`It is ${approval.state} meanwhile.`]
  const outcome = approval.approval_default === "deny" ? "it is denied" : "it runs"
  return [
    `Job "${approval.job_name}" waits for approval to run agent "${approval.agent_id}" (slot ${shortInstant(scheduled_for)}).`,
    ...closed,
    `Expires: ${shortInstant(expires_at)}; without a decision ${outcome}.`,
    `Approvers: ${approvers.length === 0 ? "anyone with the scope approve" : approvers.join(", ")}`,
    ...(input === null || input === "" ? [] : [`Input: ${cut(input)}`]),
    `Approve: symbi approvals approve ${id}`,
    `Deny: symbi approvals deny ${id} --reason "..."`,
    ...(baseUrl === null ? [] : [`Link: ${baseUrl}/api/v1/approvals/${id}`])
  ].join("\n")
}
