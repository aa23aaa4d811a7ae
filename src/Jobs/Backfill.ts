import * as Either from "effect/Either"
import type { Actor, AuditDraft } from "../Domain/Audit.ts"
import {
  type Backfill,
  BackfillInvalid,
  type BackfillRequest,
  type BackfillRun,
  maxBackfillSlots
} from "../Domain/Backfill.ts"
import { formatInstant } from "../Domain/Instant.ts"
import type { Issue, StoredJob } from "../Domain/Job.ts"
import { isTerminal } from "../Domain/Run.ts"
import type { NewRun, SlotRun } from "../JobStore.ts"
import { type Recurrence, readInstant } from "../Recurrence.ts"

/** The past slots that a request means, oldest first. */
export type BackfillAsked = Pick<Backfill, "from" | "to" | "timezone"> & { readonly slots: ReadonlyArray<number> }

const invalid = (...issues: readonly [Issue, ...Array<Issue>]) => Either.left(new BackfillInvalid({ issues }))

/** Reads a request for a job at `now`, UTC ms. Pure. */
export const askedSlots = (
  job: Pick<StoredJob, "status" | "next_run" | "anchor">,
  recurrence: Recurrence,
  request: BackfillRequest,
  now: number
): Either.Either<BackfillAsked, BackfillInvalid> => {
  const { timezone } = recurrence
  const [begin, end] = [readInstant(request.from, timezone), readInstant(request.to ?? formatInstant(now), timezone)]
  const [unread, ...others] = [
    ...(Either.isLeft(begin) ? [{ path: "from", message: begin.left }] : []),
    ...(Either.isLeft(end) ? [{ path: "to", message: end.left }] : [])
  ]
  if (unread !== undefined) return invalid(unread, ...others)
  const from = Either.getOrElse(begin, () => now)
  const to = Either.getOrElse(end, () => now)
  if (to > now) return invalid({ path: "to", message: "is in the future; backfill is for slots that have passed" })
  if (from >= to) {
    const what = request.to === undefined ? "now" : "to"
    return invalid({
      path: "from",
      message: `${formatInstant(from)} is not before ${what} (${formatInstant(to)})`
    })
  }
  // What is due but not claimed yet is the schedule's own; and a period's first slot is one period after its start.
  const until = job.status === "active" && job.next_run !== null ? Math.min(to, job.next_run) : to
  const start = recurrence.kind === "every" ? Math.max(from, job.anchor + 1) : from
  const count = recurrence.count(start, until)
  if (count > maxBackfillSlots) {
    const range = `${formatInstant(from)} to ${formatInstant(to)}`
    return invalid({
      path: "from",
      message: `${count} slots from ${range}, and one request may ask for ${maxBackfillSlots}; narrow from and to`
    })
  }
  return Either.right({ from, to, timezone, slots: recurrence.upcoming(start - 1, count) })
}

const pending = (job: StoredJob, slot: number, requested_by: Actor): NewRun => ({
  trigger: "backfill",
  status: "pending",
  scheduled_for: slot,
  start_at: null,
  input: job.input ?? null,
  reason: null,
  requested_by,
  holds_permit: false
})

/**
 * Which of the slots get a run: those without one that succeeded or can still change, after the latest slot of which
 * the history was deleted; with `all`, those without one that can still change. A dry run adds nothing. Pure, so that it can run inside the inserting transaction.
 */
export const planBackfill = (
  job: StoredJob,
  asked: BackfillAsked,
  known: ReadonlyArray<SlotRun>,
  options: Pick<BackfillRequest, "all" | "dry_run"> & {
    readonly actor: Actor
    readonly prunedTo?: number | null | undefined
  }
) => {
  const taken = new Set(
    known
      .filter(({ status }) => !isTerminal(status) || (status === "succeeded" && options.all !== true))
      .map(({ scheduled_for }) => scheduled_for)
  )
  const untaken = asked.slots.filter((slot) => !taken.has(slot))
  // Nobody knows any more whether they ran.
  const horizon = options.all === true ? null : (options.prunedTo ?? null)
  const slots = horizon === null ? untaken : untaken.filter((slot) => slot > horizon)
  const pruned = untaken.length - slots.length
  if (slots.length === 0 || options.dry_run === true) return { asked, slots, pruned, runs: [], audit: [] }
  const range = `${formatInstant(asked.from)} to ${formatInstant(asked.to)}`
  const audit: AuditDraft = {
    type: "CronJobBackfilled",
    actor: options.actor,
    job_id: job.id,
    job_name: job.name,
    reason: `${slots.length} of ${asked.slots.length} slots from ${range}`
  }
  return { asked, slots, pruned, runs: slots.map((slot) => pending(job, slot, options.actor)), audit: [audit] }
}

/** What a person is told of a backfill; of a dry run the slots that would run. */
export const backfillAnswer = (
  job: Pick<StoredJob, "id" | "name">,
  { asked, pruned, slots }: ReturnType<typeof planBackfill>,
  stored: ReadonlyArray<BackfillRun>,
  dry_run: boolean
): Backfill => ({
  job_id: job.id,
  job_name: job.name,
  timezone: asked.timezone,
  from: asked.from,
  to: asked.to,
  dry_run,
  slots: asked.slots.length,
  already: asked.slots.length - slots.length,
  pruned,
  runs: dry_run ? slots.map((slot) => ({ id: null, scheduled_for: slot, status: "pending" })) : stored
})
