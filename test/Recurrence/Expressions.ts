import { type CalendarDate, dateOf, days, type Numbers, numbers, type Part, range } from "./Fields.ts"
import { makeRandom, type Random } from "./Random.ts"

interface Parts {
  /** Absent in an expression of five fields. */
  readonly second: Part<number> | undefined
  readonly minute: Part<number>
  readonly hour: Part<number>
  readonly dayOfMonth: Part<CalendarDate>
  readonly month: Part<number>
  readonly dayOfWeek: Part<CalendarDate>
}

/** An expression in two forms made together: its text, and what it means by naive predicates. */
export interface Expression {
  readonly text: string
  /** The job's name, which `H` depends on. */
  readonly job: string
  readonly withSeconds: boolean
  readonly seconds: ReadonlyArray<number>
  readonly minutes: ReadonlyArray<number>
  readonly hours: ReadonlyArray<number>
  readonly onDate: (date: CalendarDate) => boolean
  /** Whether its minute or hour is a wildcard, so that it follows elapsed time unless told otherwise. */
  readonly elapsed: boolean
  /** The same with one thing made plainer, for each thing that can be. */
  readonly plainer: () => ReadonlyArray<Expression>
}

/** The override of the DST rule, as a trigger has it. */
export interface Dst {
  readonly gap?: "run_after" | "skip"
  readonly fold?: "first" | "second" | "both"
}

const isWildcard = (text: string): boolean => text.startsWith("*") || text.startsWith("?")

const open = { text: "*", has: () => true }
const zero: Part<number> = { text: "0", has: (value) => value === 0 }

const expressionOf = (parts: Parts, job: string, shown?: string): Expression => {
  const { second, minute, hour, dayOfMonth, month, dayOfWeek } = parts
  const either = !isWildcard(dayOfMonth.text) && !isWildcard(dayOfWeek.text)
  const fields = [minute.text, hour.text, dayOfMonth.text, month.text, dayOfWeek.text]
  const text = (second === undefined ? fields : [second.text, ...fields]).join(" ")
  const plainerParts = (): ReadonlyArray<Parts> => [
    { ...parts, second: undefined },
    { ...parts, second: second === undefined ? undefined : zero },
    { ...parts, minute: open },
    { ...parts, minute: zero },
    { ...parts, hour: open },
    { ...parts, hour: zero },
    { ...parts, dayOfMonth: open },
    { ...parts, month: open },
    { ...parts, dayOfWeek: open }
  ]
  return {
    text: shown ?? text,
    job,
    withSeconds: second !== undefined,
    seconds: second === undefined ? [0] : range(0, 59).filter(second.has),
    minutes: range(0, 59).filter(minute.has),
    hours: range(0, 23).filter(hour.has),
    onDate: (date) =>
      month.has(date.month) &&
      (either ? dayOfMonth.has(date) || dayOfWeek.has(date) : dayOfMonth.has(date) && dayOfWeek.has(date)),
    elapsed: isWildcard(minute.text) || isWildcard(hour.text),
    plainer: () =>
      plainerParts()
        .map((other) => expressionOf(other, job))
        .filter((other) => other.text !== text)
  }
}

const exactly = (value: number): Part<number> => ({ text: `${value}`, has: (other) => other === value })

const shorthands: ReadonlyArray<readonly [ReadonlyArray<string>, Partial<Parts>]> = [
  [["@hourly", "@Hourly"], { hour: open }],
  [["@daily", "@DAILY", "@midnight"], {}],
  [["@weekly"], { dayOfWeek: { text: "0", has: (date) => date.weekday === 0 } }],
  [["@monthly"], { dayOfMonth: { text: "1", has: (date) => date.day === 1 } }],
  [["@yearly", "@annually"], { dayOfMonth: { text: "1", has: (date) => date.day === 1 }, month: exactly(1) }]
]

const letters = [..."abcXYZ019-_. é日", "😀"]

const monthNames = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" ")
const dayNames = "SUN MON TUE WED THU FRI SAT".split(" ")

/**
 * A random expression that often asks for the wall time `key`. `busy` ones mostly leave the date open, so that a window
 * of days sees many slots.
 */
export const randomExpression = (random: Random, key: number, busy: boolean): Expression => {
  const job = range(1, random.integer(1, 12))
    .map(() => random.pick(letters))
    .join("")
  if (random.chance(0.02)) {
    const [texts, parts] = random.pick(shorthands)
    const midnight = { second: undefined, minute: zero, hour: zero, dayOfMonth: open, month: open, dayOfWeek: open }
    return expressionOf({ ...midnight, ...parts }, job, random.pick(texts))
  }
  const wall = new Date(key)
  const field = (
    name: string,
    low: number,
    high: number,
    wanted: number,
    names: ReadonlyArray<string> = []
  ): Numbers => ({
    name,
    low,
    high,
    hashHigh: high,
    names,
    wanted
  })
  const date = { ...field("day-of-month", 1, 31, wall.getUTCDate()), hashHigh: 28 }
  const month = field("month", 1, 12, wall.getUTCMonth() + 1, monthNames)
  const weekday = field("day-of-week", 0, 6, wall.getUTCDay(), dayNames)
  const parts: Parts = {
    second: random.chance(0.3) ? numbers(random, field("second", 0, 59, 0), job, 0.2) : undefined,
    minute: numbers(random, field("minute", 0, 59, wall.getUTCMinutes()), job, 0.15),
    hour: numbers(random, field("hour", 0, 23, wall.getUTCHours()), job, 0.25),
    dayOfMonth: days(random, date, "day", job, busy ? 0.75 : 0.3),
    month: numbers(random, month, job, busy ? 0.9 : 0.4),
    dayOfWeek: days(random, weekday, "weekday", job, busy ? 0.75 : 0.3)
  }
  const expression = expressionOf(parts, job)
  return random.chance(0.95) ? expression : { ...expression, text: ` ${expression.text.replaceAll(" ", "\t ")} ` }
}

/** A random expression of its own seed, for tests that try many. */
export const expressionOfSeed = (seed: number, busy: boolean): Expression => {
  const random = makeRandom(seed)
  return randomExpression(random, Date.UTC(2026, random.integer(0, 11), random.integer(1, 28), 2, 30), busy)
}

/** No override, or one of any kind. */
export const randomDst = (random: Random): Dst => {
  if (random.chance(0.4)) return {}
  const gap = random.pick([undefined, "run_after", "skip"] as const)
  const fold = random.pick([undefined, "first", "second", "both"] as const)
  return { ...(gap === undefined ? {} : { gap }), ...(fold === undefined ? {} : { fold }) }
}

const cycle = range(0, 28 * 365 + 6).map((day) => dateOf(Date.UTC(2000, 0, 1) + day * 86_400_000))

/** Whether some date matches at all: 28 years show every month length with every weekday. */
export const hasDate = (expression: Expression): boolean => cycle.some(expression.onDate)
