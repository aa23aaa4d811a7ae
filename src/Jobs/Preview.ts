import { formatDuration } from "../Domain/Duration.ts"
import { localTimes, shortInstant } from "../Domain/Instant.ts"
import type { StoredJob } from "../Domain/Job.ts"
import type { Policy, PolicyDecision } from "../Domain/Policy.ts"
import type { Recurrence } from "../Recurrence.ts"

/** The next instants of a trigger (UTC ms) and as its zone shows them, in words, with what a person should know. */
export interface Preview {
  readonly description: string
  readonly timezone: string
  readonly upcoming: ReadonlyArray<number>
  readonly local: ReadonlyArray<string>
  readonly notes: ReadonlyArray<string>
}

/** When a job is due next (UTC ms); `starts` are the slots of `upcoming` with their jitter. */
export interface JobPreview extends Preview {
  readonly next_run: number | null
  readonly starts: ReadonlyArray<number>
}

/** What a preview is asked with: where it begins (UTC ms, exclusive; now), and what else of a job bears on it. */
export interface PreviewOptions {
  readonly from?: number | undefined
  readonly count: number
  /** Decides what `H` stands for; without a name that is only an example. */
  readonly name?: string | undefined
  readonly policy?: Policy | undefined
  /** Seconds; without it the service's own. */
  readonly max_jitter?: number | undefined
}

/** What is shown of a trigger besides its slots. */
export interface PreviewInput {
  readonly recurrence: Recurrence
  /** UTC ms, exclusive. */
  readonly from: number
  readonly upcoming: ReadonlyArray<number>
  /** When the run of each slot starts, as far as that is known. */
  readonly starts: ReadonlyArray<number>
  /** What the policy gate decides at an instant (UTC ms). */
  readonly decide: (instant: number) => PolicyDecision
  readonly max_jitter_seconds: number
}

interface Denied {
  readonly slots: Array<number>
  readonly reason: string
}

const denialOf = (decision: PolicyDecision): readonly [code: string, reason: string] | null => {
  if (decision._tag === "Deny") return [decision.code, decision.reason]
  if (decision._tag === "Allow") return null
  return ["approval", "the policy requires an approval, which this version cannot ask for"]
}

const whichOf = (some: number, all: number): string => {
  if (some < all) return `${some} of these ${all} slots`
  return all === 1 ? "this slot" : all === 2 ? "both slots" : `all ${all} slots`
}

const denials = ({ decide, starts, upcoming }: PreviewInput): ReadonlyArray<string> => {
  const byCode = new Map<string, Denied>()
  upcoming.forEach((slot, index) => {
    const [code, reason] = denialOf(decide(starts[index] ?? slot)) ?? []
    if (code === undefined || reason === undefined) return
    const denied = byCode.get(code)
    if (denied === undefined) byCode.set(code, { slots: [slot], reason })
    else denied.slots.push(slot)
  })
  return [...byCode].map(([code, { reason, slots }]) => {
    const [first = 0] = slots
    const which = whichOf(slots.length, upcoming.length)
    const lies = slots.length === 1 ? "lies" : "lie"
    return code === "allowed_hours"
      ? `${which} ${lies} outside allowed_hours and would be denied, the first at ${shortInstant(first)}: ${reason}`
      : `${which} would be denied (${code})${slots.length === upcoming.length ? "" : `, the first at ${shortInstant(first)}`}: ${reason}`
  })
}

const jitter = (seconds: number): ReadonlyArray<string> =>
  seconds === 0
    ? []
    : [
        `each start is delayed by 0 to ${formatDuration(seconds * 1_000)} (jitter), never past the next slot; the delay of a slot is the same whenever it is asked`
      ]

const ended = ({ from, recurrence, upcoming }: PreviewInput): ReadonlyArray<string> => {
  if (upcoming.length > 0) return []
  const last = recurrence.previous(from + 1)
  if (last === null) return ["no slot lies ahead"]
  return recurrence.kind === "at"
    ? [`its only slot, ${shortInstant(last)}, is already past; a new job at that time is refused unless misfire is set`]
    : [`no slot lies ahead; the last was at ${shortInstant(last)}`]
}

/** What a trigger does after `from`, and what its policy and its jitter make of it; pure. */
export const previewOf = (input: PreviewInput): Preview => {
  const { from, max_jitter_seconds, recurrence, upcoming } = input
  return {
    description: recurrence.describe,
    timezone: recurrence.timezone,
    upcoming,
    local: upcoming.map(localTimes(recurrence.timezone)),
    notes: [
      ...ended(input),
      ...recurrence.notes(from, (upcoming.at(-1) ?? from) + 1),
      ...denials(input),
      ...jitter(max_jitter_seconds)
    ]
  }
}

const whyNotActive = ({ failure_count, name, paused_by, status }: StoredJob): string => {
  switch (status) {
    case "paused":
      return `paused by ${paused_by ?? "operator"}, so nothing is due; resume it (symbi cron resume ${name})`
    case "dead_letter":
      return `dead-lettered after ${failure_count} failed ${failure_count === 1 ? "run" : "runs"} in a row, so nothing is due; reset it (symbi cron reset ${name})`
    case "completed":
      return "completed: it was to run once and has; give it a new trigger to make it due again"
    case "failed":
      return "failed: it was to run once and did not; its history says why, and a new trigger makes it due again"
    case "active":
      return "nothing is due: its only slot is being dealt with, or it was halted"
  }
}

/** What is said of a job that has no next run, and why. */
export const previewOfIdle = (job: StoredJob, recurrence: Recurrence): JobPreview => ({
  next_run: null,
  description: recurrence.describe,
  timezone: recurrence.timezone,
  upcoming: [],
  local: [],
  starts: [],
  notes: [whyNotActive(job)]
})
