import * as Either from "effect/Either"
import { shortInstant } from "../Domain/Instant.ts"
import type { Run } from "../Domain/Run.ts"
import type { DueDelivery } from "../JobStore.ts"
import { shellWord } from "../ShellWord.ts"
import { approvalNotice } from "./ApprovalNotice.ts"
import type { DeliveryNotes } from "./CurrentDelivery.ts"
import { renderTemplate } from "./Template.ts"

/** What a channel is given to send. */
export interface DeliveryTexts {
  /** One line. */
  readonly subject: string
  readonly text: string
}

const ended: Partial<Record<Run["status"], string>> = { timed_out: "timed out", interrupted: "was interrupted" }

const endedAs = (run: Run): string => ended[run.status] ?? (run.status === "succeeded" ? "succeeded" : run.status)

const outputText = (run: Run): string => {
  switch (run.status) {
    case "succeeded":
      return run.output ?? ""
    case "skipped":
    case "missed":
    case "denied": {
      const many = run.missed_count !== null && run.missed_count > 1
      const what = many
        ? `${run.missed_count} slots from ${shortInstant(run.missed_from ?? run.scheduled_for)} on`
        : "Slot"
      const when = many ? "were" : `${shortInstant(run.scheduled_for)} was`
      return `${what} ${when} ${run.status}: ${run.reason?.text ?? "no reason recorded"}`
    }
    default:
      return run.error_message ?? run.output ?? ""
  }
}

const deadLetterText = ({ job, run }: DueDelivery): string =>
  job.status === "dead_letter"
    ? [
        `Job "${job.name}" was dead-lettered: it will not run again until it is reset.`,
        `Failures in a row: ${job.failure_count}`,
        `Last error: ${run.error_message ?? "none recorded"}`,
        `When the cause is fixed: symbi cron reset ${shellWord(job.name)}`
      ].join("\n")
    : [
        `Job "${job.name}" was dead-lettered by run ${run.id}; it is ${job.status} meanwhile.`,
        `Error then: ${run.error_message ?? "none recorded"}`
      ].join("\n")

const undeliveredText = ({ about, job, run }: DueDelivery): string => {
  if (about === null) return `A delivery of run ${run.id} of job "${job.name}" could not be made.`
  const what =
    about.kind === "output"
      ? "output"
      : about.kind === "notify"
        ? "notification"
        : `${about.kind.replace("_", "-")} notice`
  return [
    `The ${what} of run ${run.id} of job "${job.name}" did not reach ${about.destination}: ${
      about.state === "failed" ? "it was refused" : "its attempts are used up"
    }.`,
    `Attempts: ${about.attempts}`,
    `Reason: ${about.error ?? "none recorded"}`,
    `See them all: symbi deliveries list --job ${shellWord(job.name)}`,
    `When the cause is fixed: symbi deliveries redeliver ${about.id}`
  ].join("\n")
}

const plainTexts = (due: DueDelivery, baseUrl: string | null): DeliveryTexts => {
  const { approval, delivery, job, notice, run } = due
  const headed = (what: string, text: string) => ({ subject: `[symbi] ${job.name} ${what}`, text })
  switch (delivery.kind) {
    case "output":
      return headed(endedAs(run), outputText(run))
    case "dead_letter":
      return headed("is dead-lettered", deadLetterText(due))
    case "approval":
      return headed(
        "needs approval",
        approval === null
          ? `Run ${run.id} of job "${job.name}" waited for an approval.`
          : approvalNotice(approval, baseUrl)
      )
    case "undelivered":
      return headed("was not delivered", undeliveredText(due))
    case "notify":
      return headed(`notice from ${run.agent_id}`, notice ?? "")
  }
}

/**
 * What a delivery says: a run's output, the error of one that failed, why a slot had no run, or a notice. A job's
 * templates shape what tells of runs, not the notices. `baseUrl` is where the API is, `timezone` that of jobs without one.
 */
export const deliveryTexts = (due: DueDelivery, baseUrl: string | null, timezone = "UTC"): DeliveryTexts => {
  const { delivery, job, run } = due
  const plain = plainTexts(due, baseUrl)
  if (delivery.kind !== "output") return plain
  const notes: DeliveryNotes = { id: delivery.id, kind: delivery.kind, subject: plain.subject }
  const facts = { job, run, output: plain.text, notes, baseUrl, timezone }
  // A template was checked when its job was stored; one that fails now must not keep the output back.
  const filled = (template: string | undefined, otherwise: string) =>
    template === undefined ? otherwise : Either.getOrElse(renderTemplate(template, facts), () => otherwise)
  return {
    subject: filled(job.delivery_subject, plain.subject).replace(/\s+/g, " ").trim() || plain.subject,
    text: filled(job.delivery_body, plain.text)
  }
}
