import * as Either from "effect/Either"
import type { AgentDefinition } from "../Domain/Agent.ts"
import { formatDuration } from "../Domain/Duration.ts"
import { localTimes, shortInstant } from "../Domain/Instant.ts"
import { JobInvalid, type StoredJob } from "../Domain/Job.ts"
import type { IdentityCheck, Policy, PolicyDecision } from "../Domain/Policy.ts"
import type { TriggerSpec } from "../Domain/Schedule.ts"
import { conditions, decide } from "../PolicyGate.ts"
import { make, type Recurrence } from "../Recurrence.ts"
import { startOf } from "../Scheduler.ts"
import type { Settings } from "../Settings.ts"
import { shellWord } from "../ShellWord.ts"
import { everyIssues } from "./Definition.ts"

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

interface Outlook {
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

const verifiedAsHoped: IdentityCheck = {
  result: "verified",
  code: null,
  detail: null,
  kid: null,
  jti: null,
  expires_at: null
}

/** What is known of a slot to come: its run presents a good credential, it is hoped, and nobody has approved it. */
const foreseen = { identity: verifiedAsHoped, approval: null, run: null }

const whichOf = (some: number, all: number): string => {
  if (some < all) return `${some} of these ${all} slots`
  return all === 1 ? "this slot" : all === 2 ? "both slots" : `all ${all} slots`
}

const denials = ({ decide, starts, upcoming }: Outlook): ReadonlyArray<string> => {
  const byCode = new Map<string, Denied>()
  upcoming.forEach((slot, index) => {
    const decision = decide(starts[index] ?? slot)
    if (decision._tag !== "Deny") return
    const { code = "policy", reason } = decision
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

const approvals = ({ decide, starts, upcoming }: Outlook): ReadonlyArray<string> => {
  const asking = upcoming.flatMap((slot, index) => {
    const decision = decide(starts[index] ?? slot)
    return decision._tag === "RequireApproval" ? [decision] : []
  })
  const [first] = asking
  if (first === undefined) return []
  const by = first.approvers.length === 0 ? "" : ` by ${first.approvers.join(" or ")}`
  return [`${whichOf(asking.length, upcoming.length)} would wait for approval${by}`]
}

const jitter = (seconds: number): ReadonlyArray<string> =>
  seconds === 0
    ? []
    : [
        `each start is delayed by 0 to ${formatDuration(seconds * 1_000)} (jitter), never past the next slot; the delay of a slot is the same whenever it is asked`
      ]

const ended = ({ from, recurrence, upcoming }: Outlook): ReadonlyArray<string> => {
  if (upcoming.length > 0) return []
  const last = recurrence.previous(from + 1)
  if (last === null) return ["no slot lies ahead"]
  return recurrence.kind === "at"
    ? [`its only slot, ${shortInstant(last)}, is already past; a new job at that time is refused unless misfire is set`]
    : [`no slot lies ahead; the last was at ${shortInstant(last)}`]
}

const previewOf = (input: Outlook): Preview => {
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
      ...approvals(input),
      ...jitter(max_jitter_seconds)
    ]
  }
}

const whyNotActive = ({ failure_count, name, paused_by, status }: StoredJob): string => {
  switch (status) {
    case "paused":
      return `paused by ${paused_by ?? "operator"}, so nothing is due; resume it (symbi cron resume ${shellWord(name)})`
    case "dead_letter":
      return `dead-lettered after ${failure_count} failed ${failure_count === 1 ? "run" : "runs"} in a row, so nothing is due; reset it (symbi cron reset ${shellWord(name)})`
    case "completed":
      return "completed: it was to run once and has; give it a new trigger to make it due again"
    case "failed":
      return "failed: it was to run once and did not; its history says why, and a new trigger makes it due again"
    case "active":
      return "nothing is due: its only slot is being dealt with, or it was halted"
  }
}

type SchedulerSettings = Settings["Type"]["scheduler"]

/** The next slots of a job, and what its policy and its jitter make of them; none when it is not active. Pure. */
export const previewOfJob = (
  job: StoredJob,
  recurrence: Recurrence,
  count: number,
  context: {
    readonly scheduler: SchedulerSettings
    readonly policies: ReadonlyMap<string, Policy>
    readonly agent: AgentDefinition | null
  }
): JobPreview => {
  const { agent, policies, scheduler } = context
  const { next_run } = job
  if (job.status !== "active" || next_run === null) {
    const { describe: description, timezone } = recurrence
    const notes = [whyNotActive(job)]
    return { next_run: null, description, timezone, upcoming: [], local: [], starts: [], notes }
  }
  const upcoming = [next_run, ...recurrence.upcoming(next_run, count - 1)]
  const starts = upcoming.map((slot, index) =>
    startOf(job, slot, upcoming[index + 1] ?? recurrence.next(slot), scheduler.max_jitter_seconds)
  )
  const preview = previewOf({
    recurrence,
    from: next_run - 1,
    upcoming,
    starts,
    decide: (now) => decide(job, { ...foreseen, now, environment: scheduler.environment, agent }, policies),
    max_jitter_seconds: job.max_jitter ?? scheduler.max_jitter_seconds
  })
  return { ...preview, next_run, starts }
}

/** What a trigger that no job has yet would do after `from`. Pure. */
export const previewOfTrigger = (
  trigger: TriggerSpec,
  options: PreviewOptions & { readonly from: number },
  scheduler: SchedulerSettings
): Either.Either<Preview, JobInvalid> => {
  const { count, from, name = "" } = options
  const made = make(trigger, { name, anchor: from, timezone: scheduler.timezone, draft: true })
  const [first, ...rest] = [...(Either.isLeft(made) ? made.left.issues : []), ...everyIssues(trigger)]
  if (first !== undefined) return Either.left(new JobInvalid({ issues: [first, ...rest] }))
  // No agent is named yet, so nothing can be said of its capabilities.
  const { require_capabilities: _, ...policy } = options.policy ?? {}
  return Either.mapBoth(made, {
    onLeft: ({ issues }) => new JobInvalid({ issues }),
    onRight: (recurrence) =>
      previewOf({
        recurrence,
        from,
        upcoming: recurrence.upcoming(from, count),
        starts: [],
        decide: (now) => conditions(policy, { ...foreseen, now, environment: scheduler.environment, agent: null }),
        max_jitter_seconds: options.max_jitter ?? scheduler.max_jitter_seconds
      })
  })
}
