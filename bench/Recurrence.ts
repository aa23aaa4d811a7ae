import { CronExpressionParser } from "cron-parser"
import { Cron as Croner } from "croner"
import * as EffectCron from "effect/Cron"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { make } from "../src/Recurrence.ts"
import { median, type Result, type Size } from "./Measure.ts"
import { peer } from "./Peers.ts"

/** The next instant after another, UTC ms. */
type Next = (after: number) => number

const start = Date.UTC(2026, 0, 1)

const ours = (expression: string, timezone: string): Next => {
  const recurrence = Either.getOrThrow(
    make({ cron_expr: expression, timezone }, { name: "bench", anchor: start, timezone })
  )
  return (after) => recurrence.next(after) ?? start
}

const peers: Readonly<Record<string, (expression: string, timezone: string) => Next>> = {
  croner: (expression, timezone) => {
    const cron = new Croner(expression, { timezone })
    return (after) => cron.nextRun(new Date(after))?.getTime() ?? start
  },
  "cron-parser": (expression, tz) => {
    const parsed = CronExpressionParser.parse(expression, { tz, currentDate: new Date(start) })
    return (after) => {
      parsed.reset(new Date(after))
      return parsed.next().getTime()
    }
  },
  "Effect Cron": (expression, timezone) => {
    const cron = EffectCron.unsafeParse(expression, timezone)
    return (after) => EffectCron.next(cron, new Date(after)).getTime()
  }
}

/** It is measured in a process of its own, as only the benchmarks know of it. */
const apart = "node-cron"

/** A loop over UTC minutes by hand, for a step of minutes alone: the least that the work can cost. */
const byHand: Next = (after) => (Math.floor(after / 300_000) + 1) * 300_000

const cases = [
  ["*/5 * * * *", "UTC"],
  ["*/5 * * * *", "America/New_York"],
  ["30 2 * * MON-FRI", "America/New_York"],
  ["0 0 29 2 *", "UTC"],
  ["0 0 29 2 *", "America/New_York"]
] as const

/** Where a walk starts anew. */
const end = Date.UTC(2426, 0, 1)
/** Answers between two looks at the watch. */
const batch = 100

/** Answers in a second, each slot asked for after the one before, for at least so many ms. */
const perSecond = (next: Next, millis: number): number => {
  const begun = performance.now()
  let answers = 0
  let elapsed = 0
  let at = start
  while (elapsed < millis) {
    for (let i = 0; i < batch; i++) at = next(at)
    if (at >= end) at = start
    answers += batch
    elapsed = performance.now() - begun
  }
  return (answers / elapsed) * 1_000
}

/** How many next slots a second, beside the libraries that people would use; all in turn within one round. */
export const recurrence = ({ quick, rounds }: Size) =>
  Effect.gen(function* () {
    const millis = quick ? 150 : 400
    const results: Array<Result> = []
    for (const [expression, timezone] of cases) {
      const contestants = new Map<string, Next>([["ours", ours(expression, timezone)]])
      for (const [name, made] of Object.entries(peers)) contestants.set(name, made(expression, timezone))
      if (expression === "*/5 * * * *" && timezone === "UTC") contestants.set("by hand", byHand)
      const names = [...contestants.keys(), apart]
      const speeds = new Map(names.map((name) => [name, [] as Array<number>]))
      for (const next of contestants.values()) perSecond(next, millis)
      for (let round = 0; round < rounds; round++) {
        for (const [name, next] of contestants) speeds.get(name)?.push(perSecond(next, millis))
        speeds.get(apart)?.push((yield* peer(apart, expression, timezone, millis))["rate"] ?? 0)
      }
      const medians = new Map([...speeds].map(([name, values]) => [name, median(values)]))
      const [name = "", fastest = 0] =
        [...medians].filter(([name]) => name in peers || name === apart).toSorted(([, a], [, b]) => b - a)[0] ?? []
      const value = medians.get("ours") ?? 0
      const wanted = timezone === "UTC" ? 1_000_000 : 300_000
      const what = `next: ${expression} ${timezone}`
      results.push({
        name: what,
        value,
        unit: "per second",
        peer: { name, value: fastest },
        goal: {
          text: `>= 5 times, >= ${wanted.toLocaleString("en")} per second`,
          met: value >= wanted && value >= 5 * fastest
        }
      })
      for (const [name, value] of medians) {
        if (name !== "ours") results.push({ name: `${what}, ${name}`, value, unit: "per second", detail: true })
      }
    }
    return results
  })
