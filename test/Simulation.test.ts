import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { AgentHandler } from "../src/Agents.ts"
import { formatDuration } from "../src/Domain/Duration.ts"
import { isTerminal, type RunSummary } from "../src/Domain/Run.ts"
import { JobStore } from "../src/JobStore.ts"
import { Jobs } from "../src/Jobs.ts"
import { failure, storeInMemory } from "../src/testing.ts"
import { type Schedule, slotsBetween } from "./support/CronOracle.ts"
import { define, engine, hour, instant, minute, runsOf, second, until } from "./support/Engine.ts"

const dayBegins = instant("2026-03-04T00:00:00Z")
const at = (hours: number, minutes = 0) => dayBegins + hours * hour + minutes * minute + 30 * second

// All between two minutes, where no slot is, so that the oracle need not know what comes first.
const pausing = at(6)
const byHand = at(8)
const resuming = at(9)
const editing = at(12)
const down = at(14)
const up = at(17, 10)
const dayEnds = at(24)

const zones = { UTC: 0, "Asia/Kathmandu": 5.75, "America/New_York": -5, "Australia/Sydney": 11 }

type Kind = "plain" | "slow" | "failing" | "denied" | "retried" | "heartbeat"

interface Plan {
  readonly name: string
  readonly kind: Kind
  readonly fields: Readonly<Record<string, unknown>>
  readonly schedule: Schedule
  readonly midway: "paused" | "edited" | "nothing"
  /** What an edit changes the schedule to. */
  readonly later: Schedule
  readonly maxRetries: number
}

/** The same numbers at every run: mulberry32. */
const numbers = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const makePlans = (): ReadonlyArray<Plan> => {
  const random = numbers(20_260_304)
  const pick = <A>(...options: readonly [A, ...ReadonlyArray<A>]): A => options[random(options.length)] ?? options[0]
  const cronOfAnyShape = (): string => {
    const m = random(60)
    const h = random(24)
    return pick(
      `${m} * * * *`,
      `${m},${(m + 17) % 60} ${h % 12}-${(h % 12) + 8} * * *`,
      `${m} */${2 + random(6)} * * *`,
      `${m} ${h} * * *`,
      `*/${pick(15, 20, 30)} * * * *`,
      `${random(10)}-59/${pick(20, 25, 40)} * * * *`,
      `${m} ${h},${(h + 7) % 24} * * 1-5`,
      `${m} ${h} 4 3 *`,
      `${m} ${h} 5 * ${pick("3", "4", "0,3", "7")}`,
      `${m} * */3 * *`,
      `${m} ${h % 20}-23/2 * 1-6/2 *`,
      `0 0 * * ${pick("0-6", "4")}`
    )
  }
  const schedules: Record<string, () => readonly [Readonly<Record<string, unknown>>, Schedule]> = {
    cron: () => {
      const cron = cronOfAnyShape()
      const zone = pick("UTC", "UTC", "Asia/Kathmandu", "America/New_York", "Australia/Sydney")
      return [
        { cron_expr: cron, timezone: zone },
        { cron, offsetHours: zones[zone] }
      ]
    },
    eachMinute: () => [{ cron_expr: "* * * * *" }, { cron: "* * * * *", offsetHours: 0 }],
    eachTen: () => [{ cron_expr: "*/10 * * * *" }, { cron: "*/10 * * * *", offsetHours: 0 }],
    hourly: () => {
      const cron = `${random(60)} * * * *`
      return [{ cron_expr: cron }, { cron, offsetHours: 0 }]
    },
    every: () => {
      const every = pick(7, 45, 60, 90, 211, 400) * minute
      return [{ every: formatDuration(every) }, { every, anchor: dayBegins }]
    },
    once: () => {
      const when = dayBegins + (1 + random(24 * 60)) * minute
      return [{ at: new Date(when).toISOString() }, { at: when }]
    }
  }
  const population: ReadonlyArray<readonly [number, Kind, keyof typeof schedules]> = [
    [1, "plain", "eachMinute"],
    [259, "plain", "cron"],
    [60, "plain", "every"],
    [70, "plain", "once"],
    [10, "slow", "eachTen"],
    [20, "heartbeat", "hourly"],
    [40, "failing", "hourly"],
    [20, "denied", "hourly"],
    [20, "retried", "hourly"]
  ]
  return population.flatMap(([count, kind, shape]) =>
    Array.from({ length: count }, (_, index): Plan => {
      const [trigger, schedule] = schedules[shape]?.() ?? [{}, { at: 0 }]
      const name = `${kind}-${shape}-${index}`
      const maxRetries = 1 + random(4)
      const special: Record<Kind, Readonly<Record<string, unknown>>> = {
        plain: { misfire: pick("run_once", "skip", "run_all"), max_catchup: 3, max_concurrent: 5 },
        slow: { overlap: pick("skip", "queue_one", "cancel_previous"), max_concurrent: 1 + random(2) },
        failing: { max_retries: maxRetries },
        denied: { policy: { allowed_environments: ["production"] } },
        retried: { retry: { attempts: 3, backoff: "2m" } },
        heartbeat: { heartbeat: { enabled: true }, session_mode: pick("shared_persistent", "ephemeral_with_summary") }
      }
      // Failing jobs are dead before anything else happens to them, and a one-shot is left alone.
      const movable = kind !== "failing" && shape !== "once"
      const cron = `*/${pick(15, 30)} * * * *`
      return {
        name,
        kind,
        fields: { ...trigger, ...special[kind] },
        schedule,
        midway: !movable ? "nothing" : index % 8 === 1 ? "paused" : index % 8 === 2 ? "edited" : "nothing",
        later: { cron, offsetHours: 0 },
        maxRetries
      }
    })
  )
}

/** The slots that each job must account for: those of its schedule while it was active. */
const oracle = (plan: Plan): ReadonlyArray<number> => {
  switch (plan.midway) {
    case "paused":
      return [...slotsBetween(plan.schedule, dayBegins, pausing), ...slotsBetween(plan.schedule, resuming, dayEnds)]
    case "edited":
      return [...slotsBetween(plan.schedule, dayBegins, editing), ...slotsBetween(plan.later, editing, dayEnds)]
    case "nothing": {
      const slots = slotsBetween(plan.schedule, dayBegins, dayEnds)
      return plan.kind === "failing" ? slots.slice(0, plan.maxRetries) : slots
    }
  }
}

const agents: Readonly<Record<Kind, AgentHandler>> = {
  plain: () => Effect.succeed({ output: "done" }),
  slow: () => Effect.as(Effect.sleep("25 minutes"), { output: "at last" }),
  failing: () => Effect.fail(failure("permanent", "no")),
  denied: () => Effect.die("a denied agent was called"),
  retried: ({ run }) =>
    run?.attempt === 1 ? Effect.fail(failure("transient", "not yet")) : Effect.succeed({ output: "now" }),
  heartbeat: ({ iteration }) => Effect.succeed({ output: iteration === 3 ? "sleep" : "look" })
}

/** How a slot of each kind may have ended. */
const endings: Readonly<Record<Kind, ReadonlySet<RunSummary["status"]>>> = {
  plain: new Set(["succeeded", "missed"]),
  slow: new Set(["succeeded", "skipped", "cancelled", "missed"]),
  failing: new Set(["failed"]),
  denied: new Set(["denied", "missed", "skipped"]),
  // A slot due as the service comes back is skipped when the catch-up of an older one has the job's only permit.
  retried: new Set(["succeeded", "missed", "skipped"]),
  heartbeat: new Set(["succeeded", "missed", "skipped"])
}

const expand = (runs: ReadonlyArray<RunSummary>, slots: ReadonlyArray<number>): ReadonlyArray<number> =>
  runs.flatMap((run) => {
    const { missed_count, missed_from, missed_to } = run
    if (missed_from === null || missed_to === null) return [run.scheduled_for]
    const range = slots.filter((slot) => missed_from <= slot && slot <= missed_to)
    assert.strictEqual(range.length, missed_count, `${run.job_name}: the count of its missed range`)
    return range
  })

/** Of the 500 jobs there are so many in the short form. */
const wanted = Number(process.env["SYMBI_TEST_JOBS"] ?? 200)

const plansWanted = (): ReadonlyArray<Plan> => {
  const random = numbers(wanted)
  return makePlans().filter(() => random(500) < wanted)
}

describe(`a day of about ${wanted} jobs`, () => {
  it.effect(
    "leaves exactly one row, or one place in a missed range, for every slot of every active job",
    () =>
      Effect.gen(function* () {
        const plans = plansWanted()
        assert.closeTo(plans.length, wanted, 40)
        const store = yield* Layer.build(storeInMemory.pipe(Layer.orDie))
        const service = engine(agents, {
          store: Layer.succeedContext(store),
          scheduler: { max_concurrent_jobs: 100 }
        })
        const of = (midway: Plan["midway"]) => plans.filter((plan) => plan.midway === midway)

        yield* until(dayBegins)
        yield* Effect.gen(function* () {
          const jobs = yield* Jobs
          for (const { fields, kind, name } of plans) {
            yield* jobs.create(define({ name, agent_id: kind, ...fields }), "test")
          }
          yield* until(pausing)
          for (const { name } of of("paused")) yield* jobs.pause(name, "test")
          yield* until(byHand)
          for (const { kind, name } of plans) {
            if (kind === "plain" && name.endsWith("3")) yield* jobs.runNow(name, { actor: "test" })
          }
          yield* until(resuming)
          for (const { name } of of("paused")) yield* jobs.resume(name, "test")
          yield* until(editing)
          for (const { later, name } of of("edited")) {
            if ("cron" in later) {
              yield* jobs.update(name, { cron_expr: later.cron, timezone: null }, { actor: "test" })
            }
          }
          yield* until(down)
        }).pipe(Effect.provide(service))

        yield* until(up)
        yield* Effect.gen(function* () {
          const jobs = yield* Jobs
          yield* until(dayEnds)
          for (const { name } of plans) yield* Effect.ignore(jobs.pause(name, "test"))
          // What was claimed comes to its end.
          yield* until(dayEnds + 2 * hour)

          let rows = 0
          for (const plan of plans) {
            const slots = oracle(plan)
            const runs = yield* runsOf(plan.name)
            rows += runs.length
            for (const run of runs) {
              assert.isTrue(isTerminal(run.status), `${plan.name}: ${run.status}`)
              if (run.trigger !== "manual")
                assert.isTrue(endings[plan.kind].has(run.status), `${plan.name}: ${run.status}`)
            }
            const accounted = expand(
              runs.filter((run) => run.trigger !== "manual"),
              slots
            )
            assert.deepStrictEqual(
              accounted.toSorted((a, b) => a - b),
              slots,
              plan.name
            )
            if (plan.kind === "failing") assert.strictEqual((yield* jobs.get(plan.name)).status, "dead_letter")
          }
          const counts = yield* (yield* JobStore).counts
          assert.strictEqual(counts.running, 0)
          assert.isAbove(rows, 15 * wanted)
        }).pipe(Effect.provide(service))
      }).pipe(Effect.scoped),
    180_000
  )
})
