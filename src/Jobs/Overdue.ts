import * as Either from "effect/Either"
import { formatInstant } from "../Domain/Instant.ts"
import { definitionOf, type StoredJob } from "../Domain/Job.ts"
import type { JobChange, NewRun } from "../JobStore.ts"
import { checkDefinition } from "./Definition.ts"

/**
 * Slots that came due before a change and were not claimed yet, as one missed row: a change moves the job's cursor, and
 * no slot of an active job may vanish with it.
 */
const overdue = (before: StoredJob, after: StoredJob, now: number, timezone: string): ReadonlyArray<NewRun> => {
  const from = before.next_run
  if (before.status !== "active" || from === null || from > now) return []
  if (after.status === "active" && after.next_run === from) return []
  const recurrence = checkDefinition(definitionOf(before), { anchor: before.anchor, timezone })
  if (Either.isLeft(recurrence)) return []
  const to = recurrence.right.previous(now + 1) ?? from
  const what = after.status === "paused" ? "paused" : "changed"
  return [
    {
      trigger: "schedule",
      status: "missed",
      scheduled_for: from,
      start_at: null,
      input: null,
      reason: { code: what, text: `not claimed yet when the job was ${what} at ${formatInstant(now)}` },
      holds_permit: false,
      missed_count: recurrence.right.count(from, to + 1),
      missed_from: from,
      missed_to: to
    }
  ]
}

/** A change together with the rows of the slots that it passes over. */
export const withOverdue = (before: StoredJob, change: JobChange, now: number, timezone: string): JobChange => ({
  ...change,
  runs: overdue(before, change.job, now, timezone)
})
