import { isLeapYear, LONGEST_REST_YEARS, monthOfDay, startOfMonth, weekdayOf } from "./Calendar.ts"
import type { DayRule, Field } from "./Field.ts"

/** The days that match, as day numbers (0 is 1970-01-01). */
export interface Days {
  /** Whether any day ever matches. */
  readonly any: boolean
  readonly has: (day: number) => boolean
  readonly atOrAfter: (day: number) => number | null
  readonly atOrBefore: (day: number) => number | null
  /** How many match in [from, to); walks months. */
  readonly count: (from: number, to: number) => number
}

interface Month {
  /** `year * 12 + month0` */
  readonly index: number
  readonly start: number
  readonly end: number
  readonly bits: number
}

const lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const

const nearestWorkday = (day: number, weekday: number, length: number): number => {
  if (weekday === 6) return day === 1 ? 3 : day - 1
  if (weekday === 0) return day === length ? day - 2 : day + 1
  return day
}

/** The day of a month that a rule names, 0 when that month has none; `first` is the weekday of its first day. */
const dayOfRule = (rule: DayRule, first: number, length: number): number => {
  switch (rule.kind) {
    case "last":
      return length
    case "last-workday":
      return nearestWorkday(length, (first + length - 1) % 7, length)
    case "nearest-workday":
      return rule.day > length ? 0 : nearestWorkday(rule.day, (first + rule.day - 1) % 7, length)
    case "nth-weekday": {
      const day = 1 + ((rule.weekday - first + 7) % 7) + (rule.nth - 1) * 7
      return day > length ? 0 : day
    }
    case "last-weekday":
      return length - ((first + length - 1 - rule.weekday + 7) % 7)
  }
}

const everySeventh = 0b10000001000000100000010000001

/** Bit 0 is the first day of the month. */
const bitsOfMonth = (dayOfMonth: Field, dayOfWeek: Field, first: number, length: number): number => {
  const byRule = (bits: number, rule: DayRule): number => {
    const day = dayOfRule(rule, first, length)
    return day === 0 ? bits : bits | (1 << (day - 1))
  }
  const dates = dayOfMonth.values.reduce((bits, day) => bits | (1 << (day - 1)), 0)
  const weekdays = dayOfWeek.values.reduce((bits, weekday) => bits | (everySeventh << ((weekday - first + 7) % 7)), 0)
  const byDate = dayOfMonth.rules.reduce(byRule, dates)
  const byWeekday = dayOfWeek.rules.reduce(byRule, weekdays)
  const bits = !dayOfMonth.wildcard && !dayOfWeek.wildcard ? byDate | byWeekday : byDate & byWeekday
  return bits & (0x7fffffff >>> (31 - length))
}

const ones = (bits: number): number => {
  let count = 0
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++
  return count
}

const lowest = (bits: number): number => 31 - Math.clz32(bits & -bits)
const highest = (bits: number): number => 31 - Math.clz32(bits)

// A month's days depend only on its length and first weekday, so 28 patterns hold every month there is.
const madeOf = (dayOfMonth: Field, month: Field, dayOfWeek: Field): Days => {
  const patterns = Int32Array.from({ length: 28 }, (_, index) =>
    bitsOfMonth(dayOfMonth, dayOfWeek, index % 7, 28 + Math.floor(index / 7))
  )
  const months = month.values.reduce((bits, value) => bits | (1 << (value - 1)), 0)
  const bitsOf = (month: number, length: number, first: number): number =>
    ((months >>> month) & 1) === 1 ? (patterns[(length - 28) * 7 + first] ?? 0) : 0
  // Bit 0 is January: which months have any day, for the 14 years there are (common or leap, by first weekday).
  const years = Int16Array.from({ length: 14 }, (_, kind) => {
    let found = 0
    let first = kind % 7
    lengths.forEach((common, month) => {
      const length = month === 1 && kind >= 7 ? 29 : common
      if (bitsOf(month, length, first) !== 0) found |= 1 << month
      first = (first + length) % 7
    })
    return found
  })
  const monthsOfYear = (year: number): number =>
    years[(isLeapYear(year) ? 7 : 0) + weekdayOf(startOfMonth(year * 12))] ?? 0
  const monthAt = (index: number): Month => {
    const start = startOfMonth(index)
    const year = Math.floor(index / 12)
    const month = index - year * 12
    const length = month === 1 && isLeapYear(year) ? 29 : (lengths[month] ?? 0)
    return { index, start, end: start + length, bits: bitsOf(month, length, weekdayOf(start)) }
  }
  let latest = monthAt(monthOfDay(0))
  const monthOf = (day: number): Month => {
    if (day < latest.start || day >= latest.end) latest = monthAt(monthOfDay(day))
    return latest
  }
  /** The year from `year` on, in steps of 1 or -1, that has a month with a day; null when none has for long. */
  const yearWithDays = (year: number, step: 1 | -1): number | null => {
    let first = weekdayOf(startOfMonth(year * 12))
    for (let at = year; at !== year + step * LONGEST_REST_YEARS; at += step) {
      if (years[(isLeapYear(at) ? 7 : 0) + first] !== 0) return at
      // A year moves the weekday by one, or by two over a leap day.
      first = (first + (step === 1 ? (isLeapYear(at) ? 2 : 1) : isLeapYear(at - 1) ? 5 : 6)) % 7
    }
    return null
  }
  return {
    any: years.some((found) => found !== 0),
    has: (day) => {
      const found = monthOf(day)
      return ((found.bits >>> (day - found.start)) & 1) === 1
    },
    atOrAfter: (day) => {
      const here = monthOf(day)
      const bits = here.bits & (-1 << (day - here.start))
      if (bits !== 0) return here.start + lowest(bits)
      const thisYear = Math.floor(here.index / 12)
      const left = monthsOfYear(thisYear) & (-2 << (here.index - thisYear * 12))
      const year = left === 0 ? yearWithDays(thisYear + 1, 1) : thisYear
      if (year === null) return null
      latest = monthAt(year * 12 + lowest(left === 0 ? monthsOfYear(year) : left))
      return latest.start + lowest(latest.bits)
    },
    atOrBefore: (day) => {
      const here = monthOf(day)
      const bits = here.bits & (0x7fffffff >>> (30 - (day - here.start)))
      if (bits !== 0) return here.start + highest(bits)
      const thisYear = Math.floor(here.index / 12)
      const left = monthsOfYear(thisYear) & ((1 << (here.index - thisYear * 12)) - 1)
      const year = left === 0 ? yearWithDays(thisYear - 1, -1) : thisYear
      if (year === null) return null
      latest = monthAt(year * 12 + highest(left === 0 ? monthsOfYear(year) : left))
      return latest.start + highest(latest.bits)
    },
    count: (from, to) => {
      let total = 0
      const last = monthOfDay(to)
      for (let index = monthOfDay(from); index <= last; index++) {
        const found = monthAt(index)
        let bits = found.bits
        if (from > found.start) bits &= -1 << (from - found.start)
        if (to < found.end) bits &= (1 << (to - found.start)) - 1
        total += ones(bits)
      }
      return total
    }
  }
}

// Fields that read alike are one object, so their tables are made once.
const made = new WeakMap<Field, WeakMap<Field, WeakMap<Field, Days>>>()

const innerOf = <K extends object, V extends object>(outer: WeakMap<K, V>, key: K, make: () => V): V => {
  const known = outer.get(key)
  if (known !== undefined) return known
  const value = make()
  outer.set(key, value)
  return value
}

/** Days from the three day fields: by date or weekday when neither begins with `*`, else by both (Vixie cron). */
export const makeDays = (dayOfMonth: Field, month: Field, dayOfWeek: Field): Days => {
  const byMonth = innerOf(made, dayOfMonth, () => new WeakMap<Field, WeakMap<Field, Days>>())
  const byWeekday = innerOf(byMonth, month, () => new WeakMap<Field, Days>())
  return innerOf(byWeekday, dayOfWeek, () => madeOf(dayOfMonth, month, dayOfWeek))
}
