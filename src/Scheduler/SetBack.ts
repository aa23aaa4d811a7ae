import * as Either from "effect/Either"
import type { StoredJob } from "../Domain/Job.ts"
import type { MissedAhead, Replan } from "../JobStore.ts"
import { make } from "../Recurrence.ts"

/**
 * Plans a job anew after the clock was set back to `now` (UTC ms). A slot that has a row of its own has had its turn;
 * one that was only counted among missed ones before its time comes again. Null when nothing is to change. Pure.
 */
export const replanSetBack =
  (timezone: string, now: number) =>
  (job: StoredJob, ahead: ReadonlyArray<MissedAhead>): Replan | null => {
    const anchor = Math.min(job.anchor, now)
    const compiled = make(job, { name: job.name, anchor, timezone })
    if (Either.isLeft(compiled)) return null
    const recurrence = compiled.right
    const missed = ahead.map(({ id, missed_from }): Replan["missed"][number] => {
      if (missed_from > now) return { id, passed: null }
      const missed_to = Math.max(missed_from, recurrence.previous(now + 1) ?? missed_from)
      const missed_count = Math.max(1, recurrence.count(missed_from, missed_to + 1))
      return { id, passed: { missed_to, missed_count } }
    })
    // A one-shot without a cursor has had its slot.
    const changedAhead = job.updated_at > now && job.next_run !== null
    const reopened = Math.min(...ahead.map(({ missed_from }) => Math.max(missed_from - 1, now)), Infinity)
    const from = changedAhead ? now : reopened
    const next = from === Infinity ? null : recurrence.next(from)
    // A one-shot that failed because its slot was missed has its slot before it again.
    const revives = job.status === "failed" && next !== null && missed.some(({ passed }) => passed === null)
    if (job.status !== "active" && job.status !== "paused" && !revives) {
      return ahead.length === 0 ? null : { anchor, next_run: job.next_run, status: job.status, missed }
    }
    const next_run = next === null || (job.next_run !== null && job.next_run < next) ? job.next_run : next
    if (next_run === job.next_run && anchor === job.anchor && ahead.length === 0) return null
    return { anchor, next_run, status: revives ? "active" : job.status, missed }
  }
