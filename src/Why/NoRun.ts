import type { AuditEvent } from "../Domain/Audit.ts"
import { shortInstant } from "../Domain/Instant.ts"
import type { StoredJob } from "../Domain/Job.ts"
import type { Why, WhyEvent } from "../Domain/Why.ts"
import type { Recurrence } from "../Recurrence.ts"
import type { Pruned } from "../Retention.ts"
import { asleepUntil, sleptThrough } from "../Scheduler.ts"
import { shellWord } from "../ShellWord.ts"

const stops: Readonly<Record<string, string>> = {
  CronJobPaused: "paused",
  CronJobDeadLettered: "dead-lettered",
  CronJobQuarantined: "set aside as damaged"
}
const goesOn: ReadonlySet<string> = new Set(["CronJobCreated", "CronJobResumed", "CronJobReset"])

/** Changes of the job that decide what was due when, oldest first. */
const changing = (events: ReadonlyArray<AuditEvent>): ReadonlyArray<AuditEvent> =>
  events.filter(({ type }) => type in stops || goesOn.has(type) || type === "CronJobUpdated")

const told = ({ actor, reason, time, type }: AuditEvent): WhyEvent => ({
  time,
  what: `${type} by ${actor}${reason === null ? "" : `: ${reason}`}`
})

const triggerKeys = ["cron_expr", "every", "at", "timezone", "dst", "one_shot", "misfire"]

const changedTrigger = ({ after, before, type }: AuditEvent): boolean =>
  type === "CronJobUpdated" &&
  [before, after].some((side) => typeof side === "object" && side !== null && triggerKeys.some((key) => key in side))

const neighbours = (recurrence: Recurrence, at: number): string => {
  const before = recurrence.previous(at + 1)
  const after = recurrence.next(at)
  return [
    before === null ? "no slot before it" : `the slot before it is ${shortInstant(before)}`,
    after === null ? "none after it" : `the next one ${shortInstant(after)}`
  ].join(", ")
}

/** An instant, the present, what upkeep has deleted of the job, and how long it keeps runs; in ms. */
export interface Asked {
  readonly at: number
  readonly now: number
  readonly pruned: Pruned | null
  readonly runsKept: number
}

const prunedFor = ({ at, now, runsKept }: Asked, { beyond_keep_runs }: Pruned): string => {
  const crowded = beyond_keep_runs !== null && at <= beyond_keep_runs
  if (!crowded) return "for its age"
  return at < now - runsKept ? "for its age or by the job's keep_runs" : "as newer ones came (keep_runs of the job)"
}

/**
 * Why the ledger has no run of a job at an instant (UTC ms): before its time, after it, paused, or no slot at all.
 * `events` are the job's audit entries, oldest first. Pure.
 */
export const whyNoRun = (
  job: StoredJob,
  recurrence: Recurrence,
  asked: Asked,
  events: ReadonlyArray<AuditEvent>
): Why => {
  const { at, now, pruned } = asked
  const changes = changing(events)
  const answer = (text: string, ...next_steps: ReadonlyArray<string>): Why => ({
    answer: text,
    run: null,
    events: changes.map(told),
    evaluations: [],
    approval: null,
    next_steps
  })
  const when = shortInstant(at)
  const isSlot = recurrence.previous(at + 1) === at
  if (at < job.created_at) {
    return answer(`Nothing ran at ${when}: the job was made later, at ${shortInstant(job.created_at)}.`)
  }
  if (at > now) {
    if (job.status !== "active") return answer(`Nothing will run at ${when}: the job is ${job.status}.`)
    const quiet = asleepUntil(job, now)
    if (isSlot && quiet !== null && at < quiet) {
      return answer(
        `${when} is a slot that will be slept through: ${sleptThrough(job, quiet).text}.`,
        `wake it now, which ends the back-off: symbi cron run ${shellWord(job.name)}`
      )
    }
    return isSlot
      ? answer(`${when} is a slot, and it is not due yet.`)
      : answer(`${when} is no slot of ${recurrence.describe}; ${neighbours(recurrence, at)}.`)
  }
  if (isSlot && pruned !== null && at <= pruned.slot) {
    return answer(
      `${when} is a slot of the schedule. If it had a run, that was deleted ${prunedFor(asked, pruned)}: the history of this job is kept for slots after ${shortInstant(pruned.slot)}, and of some before.`,
      "keep history longer: runs under [scheduler.retention], or keep_runs of the job"
    )
  }
  const last = changes.filter(({ time, type }) => time <= at && (type in stops || goesOn.has(type))).at(-1)
  if (last !== undefined && last.type in stops) {
    return answer(
      `Nothing ran at ${when}: the job was ${stops[last.type]} (by ${last.actor}, at ${shortInstant(last.time)}); slots of that time are not replayed.`,
      `run them now: symbi cron backfill ${shellWord(job.name)} --from ${when}`
    )
  }
  const since = changes.find((event) => event.time > at && changedTrigger(event))
  if (since !== undefined) {
    return answer(
      `Nothing was due at ${when} by the schedule of that time; it was changed at ${shortInstant(since.time)} by ${since.actor}. By the present one, ${isSlot ? `${when} is a slot` : neighbours(recurrence, at)}.`
    )
  }
  if (isSlot) {
    return job.status === "active" && job.next_run !== null && job.next_run <= at
      ? answer(`${when} is a slot that is due and not claimed yet.`)
      : answer(`${when} is a slot of the schedule, but the ledger has no row for it.`)
  }
  return answer(`${when} is no slot of ${recurrence.describe} (${recurrence.timezone}); ${neighbours(recurrence, at)}.`)
}
