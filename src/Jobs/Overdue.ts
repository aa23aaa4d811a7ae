import * as Either from "effect/Either"
import { formatInstant } from "../Domain/Instant.ts"
import { definitionOf, type StoredJob } from "../Domain/Job.ts"
import type { JobChange, NewRun } from "../JobStore.ts"
import { compileTrigger } from "./Definition.ts"

/**
 * A change together with the slots that it passes over: those that came due before it and were not claimed yet become
 * one missed row, as no slot of an active job may vanish when its cursor moves.
 */
export const withOverdue = (before: StoredJob, change: JobChange, now: number, timezone: string): JobChange => {
  const from = before.next_run
  const after = change.job
  if (before.status !== "active" || from === null || from > now) return change
  if (after.status === "active" && after.next_run === from) return change
  const checked = compileTrigger(definitionOf(before), { anchor: before.anchor, timezone })
  if (Either.isLeft(checked)) return change
  const recurrence = checked.right
  const to = recurrence.previous(now + 1) ?? from
  const what = after.status === "paused" ? "paused" : "changed"
  const row: NewRun = {
    trigger: "schedule",
    status: "missed",
    scheduled_for: from,
    start_at: null,
    input: null,
    reason: { code: what, text: `not claimed yet when the job was ${what} at ${formatInstant(now)}` },
    holds_permit: false,
    missed_count: recurrence.count(from, to + 1),
    missed_from: from,
    missed_to: to
  }
  const next_run = after.next_run === from ? recurrence.next(now) : after.next_run
  return { ...change, job: { ...after, next_run }, runs: [row] }
}
