import { domainToASCII } from "node:url"
import { neutralise } from "../../ControlCharacters.ts"
import { shortInstant } from "../../Domain/Instant.ts"
import type { Job } from "../../Domain/Job.ts"
import type { Run } from "../../Domain/Run.ts"
import type { DeliveryNotes } from "../CurrentDelivery.ts"
import { oneLine } from "../OneLine.ts"
import type { MailAddress } from "./Address.ts"
import type { Recipient } from "./Recipient.ts"

const maxSubject = 200

/** A message, ready to be put into MIME. */
export interface Message {
  readonly from: MailAddress
  readonly to: ReadonlyArray<Recipient>
  readonly subject: string
  readonly text: string
  readonly html: string
  /** In angle brackets; the same over all attempts, so that a receiver can see a message that came twice. */
  readonly messageId: string
  readonly deliveryId: string
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }

const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (character) => entities[character] ?? "")

const headCell = "padding:0 12px 4px 0;text-align:left;font-weight:normal;color:#666"
const block =
  "font-family:ui-monospace,Menlo,Consolas,monospace;white-space:pre-wrap;overflow-wrap:anywhere;background:#f6f6f6;padding:12px"

const htmlOf = (facts: ReadonlyArray<readonly [name: string, value: string]>, text: string): string => {
  const rows = facts.map(
    ([name, value]) => `<tr><th style="${headCell}">${name}</th><td>${escapeHtml(oneLine(value, 300))}</td></tr>`
  )
  return [
    '<!doctype html><html><head><meta charset="utf-8"></head><body style="font-family:sans-serif">',
    `<table style="border-spacing:0">${rows.join("")}</table>`,
    `<pre style="${block}">${escapeHtml(text)}</pre>`,
    "</body></html>"
  ].join("\n")
}

/** The message that tells of a run: the text as it is, and again as HTML below a small table of what it is about. */
export const messageOf = (options: {
  readonly from: MailAddress
  readonly to: ReadonlyArray<Recipient>
  readonly job: Job
  readonly run: Run
  readonly notes: DeliveryNotes
  readonly output: string
}): Message => {
  const { from, job, notes, output, run, to } = options
  const text = neutralise(output.toWellFormed())
  const facts = [
    ["Job", job.name],
    ["Status", run.status],
    ["Slot", shortInstant(run.scheduled_for)],
    ["Run", run.id]
  ] as const
  const about = facts.map(([name, value]) => `${name}: ${oneLine(value, 300)}`).join("\n")
  return {
    from,
    to,
    subject: oneLine(notes.subject, maxSubject),
    // RFC 3676 4.3: "-- " starts a signature, which readers set apart and leave out of answers.
    text: `${text}${text.endsWith("\n") ? "" : "\n"}\n-- \n${about}\n`,
    html: htmlOf(facts, text),
    messageId: `<${notes.id}@${domainToASCII(from.domain) || from.domain}>`,
    deliveryId: notes.id
  }
}
