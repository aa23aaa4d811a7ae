import * as Either from "effect/Either"
import type { AuditDraft } from "../Domain/Audit.ts"
import { durationMillis } from "../Domain/Duration.ts"
import { formatInstant } from "../Domain/Instant.ts"
import { isOneShot, runsAtOnce, type StoredJob } from "../Domain/Job.ts"
import type { Reason } from "../Domain/Run.ts"
import type { LiveRuns, NewRun, SlotPlan } from "../JobStore.ts"
import { type Slots, singleSlot } from "../Recurrence.ts"
import type { Settings } from "../Settings.ts"
import { startOf } from "./Jitter.ts"
import { asleepUntil, sleptThrough } from "./Quiet.ts"
import type { Recurrences } from "./Recurrences.ts"

/** Runs of missed slots start this far apart, in ms. */
const catchUpSpacing = 1_000
/** Slots of one job claimed at one look; the rest are claimed at the next. */
const maxSlots = 1_000
const defaultMaxCatchUp = 10

/** Places left for a job's runs while its due slots are planned, one after the other. */
interface Places {
  holding: number
  queued: number
  readonly cancel: Array<LiveRuns["holders"][number]>
}

const pending = (
  scheduled_for: number,
  trigger: NewRun["trigger"],
  start_at: number | null,
  holds_permit: boolean,
  input: string | null
): NewRun => ({ trigger, status: "pending", scheduled_for, start_at, input, reason: null, holds_permit })

const skipped = (scheduled_for: number, job: StoredJob, reason: Reason): NewRun => ({
  trigger: "schedule",
  status: "skipped",
  scheduled_for,
  start_at: null,
  input: job.input ?? null,
  reason,
  holds_permit: false
})

const atLimit = ({ max_concurrent }: StoredJob): Reason => ({
  code: "concurrency",
  text: `the job was at its max_concurrent of ${max_concurrent}`
})

/** One row for a whole range of missed slots, however long. */
const missed = (from: number, to: number, count: number, reason: Reason): NewRun => ({
  trigger: "schedule",
  status: "missed",
  scheduled_for: from,
  start_at: null,
  input: null,
  reason,
  holds_permit: false,
  missed_count: count,
  missed_from: from,
  missed_to: to
})

/**
 * A slot noticed in time: it starts, waits for a permit, replaces an older run, or is skipped. Backfills take no
 * places from slots, only permits for a while.
 */
const planSlot = (job: StoredJob, slot: number, start_at: number | null, live: LiveRuns, places: Places): NewRun => {
  const input = job.input ?? null
  const regular = places.holding - live.backfilling
  if (regular + places.queued < job.max_concurrent) {
    const holds = places.holding < runsAtOnce(job)
    if (holds) places.holding++
    else places.queued++
    return pending(slot, "schedule", start_at, holds, input)
  }
  // Those that only wait for a backfill to end are not the one that may wait beyond the limit.
  const behindBackfills = Math.max(0, Math.min(live.backfilling, job.max_concurrent - regular))
  if (job.overlap === "skip" || places.queued > behindBackfills) return skipped(slot, job, atLimit(job))
  places.queued++
  const oldest = live.holders[0]
  if (job.overlap === "cancel_previous" && oldest !== undefined) places.cancel.push(oldest)
  return pending(slot, "schedule", start_at, false, input)
}

/** The ranges between `from` and `to`, both included, that no slot lies in that has its row already. */
const rangesWithout = (
  taken: ReadonlySet<number>,
  from: number,
  to: number
): ReadonlyArray<readonly [number, number]> => {
  const within = [...taken].filter((slot) => slot >= from && slot <= to)
  return [...within, to + 1].map((end, index) => [(within[index - 1] ?? from - 1) + 1, end - 1] as const)
}

/** Slots older than the grace, by the job's misfire policy; the work does not grow with their number. */
const planLate = (
  job: StoredJob,
  recurrence: Slots,
  from: number,
  cutoff: number,
  now: number,
  places: Places,
  taken: ReadonlySet<number>
): ReadonlyArray<NewRun> => {
  // A one-shot that was already past when its file gave that time is no outage of ours.
  const past = job.at !== undefined && job.misfire === undefined && from < job.anchor
  const policy = past ? "skip" : (job.misfire ?? "run_once")
  const wanted = policy === "skip" ? 0 : policy === "run_once" ? 1 : (job.max_catchup ?? defaultMaxCatchUp)
  const catchUps: Array<number> = []
  let slot = recurrence.previous(cutoff)
  while (slot !== null && slot >= from && catchUps.length < wanted) {
    if (!taken.has(slot)) catchUps.unshift(slot)
    slot = recurrence.previous(slot)
  }
  const runs: Array<NewRun> = []
  if (slot !== null && slot >= from) {
    for (const [start, end] of rangesWithout(taken, from, slot)) {
      const count = recurrence.count(start, end + 1)
      const first = start === from ? from : recurrence.next(start - 1)
      const last = end === slot ? slot : recurrence.previous(end + 1)
      if (count === 0 || first === null || last === null) continue
      const text = past
        ? `${formatInstant(from)} was already past when the job was given it`
        : count === 1
          ? `noticed at ${formatInstant(now)}, later than the misfire grace`
          : `${count} slots noticed at ${formatInstant(now)}, later than the misfire grace`
      runs.push(missed(first, last, count, { code: past ? "past" : "misfire", text }))
    }
  }
  catchUps.forEach((at, index) => {
    const holds = places.holding < runsAtOnce(job)
    if (holds) places.holding++
    else places.queued++
    runs.push(pending(at, "catch_up", now + index * catchUpSpacing, holds, job.input ?? null))
  })
  return runs
}

/** One row for the slots from `from` on that were to be slept through until `wakes`, and were noticed late. */
const missedAsleep = (recurrence: Slots, from: number, wakes: number, reason: Reason): NewRun => {
  const last = Math.max(from, recurrence.previous(wakes) ?? from)
  return missed(from, last, Math.max(1, recurrence.count(from, last + 1)), reason)
}

const noSlots: ReadonlySet<number> = new Set()

const halted = (job: StoredJob, reason: string): SlotPlan => ({
  runs: [],
  next_run: null,
  cancel: [],
  audit: [{ type: "CronJobQuarantined", actor: "scheduler", job_id: job.id, job_name: job.name, reason }]
})

/**
 * What becomes of the due slots of a job at `now` (UTC ms): each within the grace gets its row, older ones follow the
 * misfire policy, and the cursor moves past them all. Pure; runs inside the claiming transaction.
 */
export const makeSlotPlanner = (settings: Settings["Type"]["scheduler"], recurrences: Recurrences) => {
  const grace = durationMillis(settings.misfire_grace)

  return (job: StoredJob, live: LiveRuns, now: number): SlotPlan => {
    const cursor = job.next_run
    if (cursor === null || cursor > now) return { runs: [], next_run: cursor, cancel: [], audit: [] }
    // A one-shot has no slot beyond its first, which the cursor is.
    const compiled = job.at === undefined ? recurrences(job) : Either.right(singleSlot(cursor))
    if (Either.isLeft(compiled)) return halted(job, compiled.left.message)
    const recurrence = compiled.right
    const places: Places = { holding: live.holding, queued: live.queued, cancel: [] }
    const runs: Array<NewRun> = []
    const taken = live.taken ?? noSlots
    const cutoff = now - grace
    const quiet = asleepUntil(job, now) ?? cursor
    const asleep = sleptThrough(job, quiet)
    if (cursor < cutoff) {
      const wakes = Math.min(quiet, cutoff)
      if (cursor < wakes) runs.push(missedAsleep(recurrence, cursor, wakes, asleep))
      const late = cursor < wakes ? recurrence.next(wakes - 1) : cursor
      if (late !== null && late < cutoff) runs.push(...planLate(job, recurrence, late, cutoff, now, places, taken))
    }

    let slot: number | null = cursor < cutoff ? recurrence.next(cutoff - 1) : cursor
    for (let claimed = 0; slot !== null && slot <= now && claimed < maxSlots; claimed++) {
      const next: number | null = recurrence.next(slot)
      if (next !== null && next <= slot)
        return halted(job, `the trigger does not advance beyond ${formatInstant(slot)}`)
      // One that has its row already takes no place.
      if (!taken.has(slot)) {
        const start = startOf(job, slot, next, settings.max_jitter_seconds)
        runs.push(
          slot < quiet
            ? { ...skipped(slot, job, asleep), saved: job.last_usage }
            : planSlot(job, slot, start === slot ? null : start, live, places)
        )
      }
      slot = next
    }
    return { runs, next_run: slot, cancel: places.cancel, ...oneShotEnd(job, runs) }
  }
}

/** A one-shot whose only slot was skipped or missed has failed. */
const oneShotEnd = (job: StoredJob, runs: ReadonlyArray<NewRun>): Pick<SlotPlan, "status" | "audit"> => {
  if (!isOneShot(job) || runs.some((run) => run.status === "pending")) return { audit: [] }
  const audit: AuditDraft = {
    type: "CronJobFailed",
    actor: "scheduler",
    job_id: job.id,
    job_name: job.name,
    reason: runs[0]?.reason?.text ?? null
  }
  return { status: "failed", audit: [audit] }
}
