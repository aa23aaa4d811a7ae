import { type FailpointName, failpointNames } from "../Failpoints.ts"
import type { SimulatedSchedule } from "./SimulationSlots.ts"

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/** A job of a simulation: what is sent to create it, and what the oracle is told of it. */
export interface SimulatedJob {
  readonly name: string
  /** When it is created, ms after the start. */
  readonly created: number
  readonly fields: Readonly<Record<string, unknown>>
  readonly schedule: (anchor: number) => SimulatedSchedule
  readonly misfire: "run_once" | "skip" | "run_all"
  readonly max_catchup: number
  readonly max_concurrent: number
  readonly overlap: "skip" | "queue_one" | "cancel_previous"
  readonly attempts: number
  readonly max_retries: number
  readonly max_jitter: number
  readonly on_interrupt: "retry" | "fail"
  readonly isOneShot: boolean
  readonly isHeartbeat: boolean
  readonly delivers: boolean
  /** In percent: how often an attempt fails, and how often it takes long. */
  readonly failing: number
  readonly slow: number
}

/** What happens to the world of a simulation. Lengths in ms. */
export type SimulatedEvent = { readonly at: number } & (
  | { readonly _tag: "Crash"; readonly failpoint: FailpointName; readonly hit: number; readonly down: number }
  | { readonly _tag: "Kill"; readonly down: number }
  | { readonly _tag: "Stop"; readonly down: number }
  | { readonly _tag: "Freeze"; readonly length: number }
  | { readonly _tag: "Jump"; readonly by: number }
  | { readonly _tag: "Create"; readonly job: SimulatedJob }
  | { readonly _tag: "Pause" | "Resume" | "Delete" | "Reset" | "RunNow"; readonly job: string }
  | {
      readonly _tag: "Edit"
      readonly job: string
      readonly patch: Readonly<Record<string, unknown>>
      readonly schedule: (anchor: number) => SimulatedSchedule
    }
)

/** All that happens in a simulation, by its seed. */
export interface SimulationPlan {
  readonly seed: number
  /** UTC ms. */
  readonly start: number
  readonly length: number
  readonly maxConcurrentJobs: number
  readonly events: ReadonlyArray<SimulatedEvent>
}

/** How large a simulation is: days of it, the fewest and the most jobs, and about how many slots each job has at most. */
export interface SimulationSize {
  readonly days: number
  readonly jobs: readonly [fewest: number, most: number]
  readonly slots: number
}

/** A week of a few jobs, about 100 runs. */
export const simulatedWeek: SimulationSize = { days: 7, jobs: [1, 20], slots: 30 }

/** A year of a thousand jobs. */
export const simulatedYear: SimulationSize = { days: 365, jobs: [1_000, 1_000], slots: 120 }

/** The same numbers at every run: mulberry32. Gives integers in 0..below-1. */
export const numbers = (seed: number): ((below: number) => number) => {
  let state = seed | 0
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

// Agents in code spawn nothing, and the database is as it must be.
const failpoints = failpointNames.filter((name) => !name.startsWith("spawn.") && !name.startsWith("migration."))

/** Weeks in which clocks change somewhere, and one in which none does. */
const weeks = ["2026-03-04", "2026-03-25", "2026-04-01", "2026-06-10", "2026-10-01", "2026-10-21", "2026-10-28"]

const zones = ["UTC", "UTC", "America/New_York", "Europe/Berlin", "Australia/Sydney", "Asia/Kathmandu"] as const

/** The simulation of a seed: the same for the same seed and size. */
export const planOf = (seed: number, size: SimulationSize): SimulationPlan => {
  const random = numbers(seed)
  const pick = <A>(...options: readonly [A, ...ReadonlyArray<A>]): A => options[random(options.length)] ?? options[0]
  const chance = (percent: number): boolean => random(100) < percent
  // Never a whole second, so that nothing a person does falls on a slot.
  const odd = (below: number): number => Math.floor(random(below) / second) * second + 1 + random(998)

  const length = size.days * day
  const start = Date.parse(`${pick("2026-01-14", ...weeks)}T00:00:00Z`) + random(24) * hour

  const cronOf = (): { readonly cron: string; readonly perDay: number } => {
    const m = random(60)
    const h = random(24)
    return pick(
      { cron: `${m} ${h} * * *`, perDay: 1 },
      { cron: `${m} ${h},${(h + 9) % 24} * * *`, perDay: 2 },
      { cron: `${m} */${pick(6, 8, 12)} * * *`, perDay: 4 },
      { cron: `${m} ${h} * * ${pick("1-5", "0,3", "7", "6")}`, perDay: 1 },
      { cron: `${m} ${h} ${1 + random(28)} * ${random(7)}`, perDay: 1 },
      { cron: `*/${pick(20, 30)} ${h} * * *`, perDay: 3 },
      { cron: `${m} * * * ${random(7)}`, perDay: 4 },
      { cron: `${pick(0, 15, 30, 59)} ${pick("1-3", "2", "1,2", "0-2")} * * *`, perDay: 2 },
      { cron: `${random(5)}-59/${pick(10, 15)} ${h} */2 * *`, perDay: 3 },
      { cron: `${m} */2 * * *`, perDay: 12 },
      { cron: "*/10 * * * *", perDay: 144 },
      { cron: `${m} ${h} ${1 + random(28)} * *`, perDay: 1 / 28 }
    )
  }

  const triggerOf = (): Pick<SimulatedJob, "fields" | "schedule"> => {
    if (chance(30)) {
      const every = Math.max(pick(95, 211, 400, 720, 1_500), Math.ceil((size.days * 1_440) / size.slots)) * minute
      return { fields: { every: `${every / minute}m` }, schedule: (anchor) => ({ every, anchor }) }
    }
    let { cron, perDay } = cronOf()
    while (perDay * size.days > size.slots) ({ cron, perDay } = cronOf())
    const timezone = pick(...zones)
    const isFixed = !cron
      .split(" ")
      .slice(0, 2)
      .some((field) => field.startsWith("*"))
    const gap = isFixed ? pick("run_after", "run_after", "skip") : "run_after"
    const fold = isFixed ? pick("first", "first", "second", "both") : "both"
    return {
      fields: { cron_expr: cron, timezone, ...(isFixed ? { dst: { gap, fold } } : {}) },
      schedule: () => ({ cron, timezone, gap, fold })
    }
  }

  const jobOf = (index: number): SimulatedJob => {
    const created = chance(70) ? 1 + index : odd(length / 2)
    const isOneShot = chance(12)
    const at = start + Math.ceil((created + minute + random(length)) / minute) * minute
    const trigger = isOneShot ? { fields: { at: new Date(at).toISOString() }, schedule: () => ({ at }) } : triggerOf()
    const isHeartbeat = chance(12)
    const job = {
      name: `job-${index}`,
      created,
      schedule: trigger.schedule,
      misfire: pick("run_once", "skip", "run_all"),
      max_catchup: 1 + random(5),
      max_concurrent: 1 + random(3),
      overlap: pick("skip", "queue_one", "cancel_previous"),
      attempts: 1 + random(3),
      max_retries: pick(1, 3, 5, 1_000),
      max_jitter: pick(0, 0, 0, 45),
      on_interrupt: pick("retry", "retry", "fail"),
      isOneShot,
      isHeartbeat,
      delivers: chance(40),
      failing: pick(0, 5, 40),
      slow: pick(0, 0, 10, 40)
    } as const
    return {
      ...job,
      fields: {
        name: job.name,
        agent_id: isHeartbeat ? "beat" : "worker",
        ...trigger.fields,
        misfire: job.misfire,
        max_catchup: job.max_catchup,
        max_concurrent: job.max_concurrent,
        overlap: job.overlap,
        retry: { attempts: job.attempts, backoff: pick("20s", "7m"), factor: 2 },
        max_retries: job.max_retries,
        max_jitter: job.max_jitter,
        on_interrupt: job.on_interrupt,
        // Never a whole minute, so that no run ends on a slot.
        max_runtime: isHeartbeat ? "none" : "41233s",
        delivery: job.delivers ? ["custom:probe"] : [],
        ...(isHeartbeat ? { heartbeat: { enabled: true } } : {}),
        session_mode: "ephemeral_with_summary"
      }
    }
  }

  const [fewest, most] = size.jobs
  const jobs = Array.from({ length: fewest + random(most - fewest + 1) }, (_, index) => jobOf(index))
  const changeOf = (job: SimulatedJob): ReadonlyArray<SimulatedEvent> => {
    const at = job.created + minute + odd(length - job.created - minute)
    const { name } = job
    const edit = triggerOf()
    return pick<ReadonlyArray<SimulatedEvent>>(
      [{ _tag: "RunNow", at, job: name }],
      [
        { _tag: "Pause", at, job: name },
        { _tag: "Resume", at: at + odd(day), job: name }
      ],
      job.isOneShot
        ? []
        : [
            {
              _tag: "Edit",
              at,
              job: name,
              patch: { cron_expr: null, every: null, timezone: null, dst: null, ...edit.fields },
              schedule: edit.schedule
            }
          ],
      [{ _tag: "Delete", at, job: name }],
      [{ _tag: "Reset", at, job: name }]
    )
  }
  const downOf = (): number => pick(1, odd(minute), odd(10 * minute), odd(5 * hour), odd(36 * hour))
  const troubleOf = (): ReadonlyArray<SimulatedEvent> => {
    const at = odd(length)
    const by = pick(second, 20 * second, odd(hour), odd(hour), odd(9 * hour))
    const kind = random(100)
    if (kind < 55) {
      const failpoint = failpoints[random(failpoints.length)] ?? "look.before"
      return [{ _tag: "Crash", at, failpoint, hit: 1 + random(4), down: downOf() }]
    }
    if (kind < 65) return [{ _tag: "Kill", at, down: downOf() }]
    if (kind < 75) return [{ _tag: "Stop", at, down: downOf() }]
    if (kind < 85) return [{ _tag: "Freeze", at, length: pick(10 * minute, odd(hour)) }]
    if (kind < 92) return [{ _tag: "Jump", at, by }]
    if (kind < 97) return [{ _tag: "Jump", at, by: -by }]
    const away = pick(hour, day, 365 * day)
    return [
      { _tag: "Jump", at, by: away },
      { _tag: "Jump", at: at + 1 + odd(3 * minute), by: -away }
    ]
  }
  const troubles = Array.from({ length: random(Math.ceil(size.days * 0.8)) }, troubleOf).flat()
  const changes = jobs.flatMap((job) => (chance(40) ? changeOf(job) : []))
  const creations = jobs.map((job): SimulatedEvent => ({ _tag: "Create", at: job.created, job }))
  return {
    seed,
    start,
    length,
    maxConcurrentJobs: pick(2, 100, 100, 100),
    events: [...creations, ...changes, ...troubles].sort((a, b) => a.at - b.at)
  }
}

/** What an attempt of a run does, by chance that the seed decides. Lengths in ms. */
export interface SimulatedBehaviour {
  readonly takes: number
  readonly end: "ok" | "transient" | "permanent" | "hang"
}

/** How a job's agent behaves in an attempt of the run of a slot. */
export const behaviourOf = (
  plan: SimulationPlan,
  job: SimulatedJob,
  slot: number,
  attempt: number
): SimulatedBehaviour => {
  const index = Number(job.name.slice("job-".length))
  const random = numbers((plan.seed * 31 + index) * 1_000_003 + Math.floor(slot / second) * 7 + attempt)
  random(1)
  const takes = random(100) < job.slow ? 60_000 + random(9 * 3_600) * second + random(999) : random(4) * 1_777
  if (job.isHeartbeat || random(100) >= job.failing) return { takes, end: "ok" }
  const kind = random(3)
  return { takes, end: kind === 0 ? "permanent" : kind === 1 ? "hang" : "transient" }
}
