import { isLeapYear, startOfMonth } from "./Calendar.ts"
import type { Cron } from "./Cron.ts"
import type { Days } from "./Days.ts"
import type { DayRule, Field } from "./Field.ts"

const weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
const months = [
  ...["January", "February", "March", "April", "May", "June"],
  ...["July", "August", "September", "October", "November", "December"]
]
const ordinals = ["", "first", "second", "third", "fourth", "fifth"]

const weekday = (value: number): string => weekdays[value] ?? ""
const month = (value: number): string => months[value - 1] ?? ""

const ordinal = (day: number): string => {
  const tens = day >= 11 && day <= 13
  const ending = tens ? "th" : day % 10 === 1 ? "st" : day % 10 === 2 ? "nd" : day % 10 === 3 ? "rd" : "th"
  return `${day}${ending}`
}

const listed = (words: ReadonlyArray<string>): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`

const amount = (count: number, unit: string): string => `${count} ${unit}${count === 1 ? "" : "s"}`

/** The step of a field that is nothing but one: a star, `H` or a start, but no range, as its end is chosen. */
const stepOf = (field: Field): number => Number(/^[^-,()/]+\/(\d+)$/.exec(field.written)?.[1] ?? 1)

const single = (field: Field): boolean => field.values.length === 1
const anyDayOfMonth = (cron: Cron): boolean => cron.dayOfMonth.values.length === 31
const anyDayOfWeek = (cron: Cron): boolean => cron.dayOfWeek.values.length === 7
const anyDay = (cron: Cron): boolean => anyDayOfMonth(cron) && anyDayOfWeek(cron) && cron.month.values.length === 12

/** Whether two neighbouring values are both in a field, so that its unit goes on into the next. */
const goesOn = ({ values }: Field): boolean => values.some((value, index) => values[index + 1] === value + 1)

const daysGoOn = (days: Days): boolean => {
  let day = days.atOrAfter(0)
  for (let looked = 0; looked < 400 && day !== null; looked++) {
    if (days.has(day + 1)) return true
    day = days.atOrAfter(day + 1)
  }
  return false
}

interface Stepped {
  readonly name: string
  readonly field: Field
  readonly size: number
  readonly unit: string
  /** What the unit is counted in: a step ends with it. */
  readonly whole: string
  /** Whether the last value of one whole is followed by the first of the next. */
  readonly goesOn: () => boolean
  readonly shown: (value: number) => string
  /** A period that does what was meant, in the DSL's text; empty where the other fields forbid one. */
  readonly period: string
}

const uneven = ({ field, name, size, unit, whole, shown, period, ...rest }: Stepped): ReadonlyArray<string> => {
  const step = stepOf(field)
  const first = field.values[0] ?? 0
  const last = field.values.at(-1) ?? 0
  const wrap = first + size - last
  if (step === 1 || wrap === step) return []
  if (single(field)) return [`${name} ${field.written} is ${shown(first)} alone: a step ends with the ${whole}`]
  if (!rest.goesOn()) return []
  const gap = `after ${shown(last)} it starts anew at ${shown(first)} (${amount(wrap, unit)} later)`
  const advice = period === "" ? "" : `; for a steady period use every: "${step}${period}"`
  return [`${name} ${field.written} is uneven: ${gap}${advice}`]
}

const unevenTimes = (cron: Cron, days: Days): ReadonlyArray<string> => {
  const { second, minute, hour } = cron
  const two = (value: number) => String(value).padStart(2, "0")
  const everyHour = hour.values.length === 24 && anyDay(cron)
  const atMinute = single(minute) ? two(minute.values[0] ?? 0) : "00"
  return [
    ...uneven({
      ...{ name: "second", field: second, size: 60, unit: "second", whole: "minute" },
      goesOn: () => goesOn(minute),
      shown: (value) => `second ${value}`,
      period: minute.values.length === 60 && everyHour ? "s" : ""
    }),
    ...uneven({
      ...{ name: "minute", field: minute, size: 60, unit: "minute", whole: "hour" },
      goesOn: () => goesOn(hour),
      shown: (value) => `:${two(value)}`,
      period: everyHour && single(second) ? "m" : ""
    }),
    ...uneven({
      ...{ name: "hour", field: hour, size: 24, unit: "hour", whole: "day" },
      goesOn: () => daysGoOn(days),
      shown: (value) => `${two(value)}:${atMinute}`,
      period: anyDay(cron) && single(minute) && single(second) ? "h" : ""
    })
  ]
}

const unevenDays = (cron: Cron): ReadonlyArray<string> => {
  const { dayOfMonth, dayOfWeek } = cron
  const notes: Array<string> = []
  const step = stepOf(dayOfMonth)
  if (step > 1 && anyDayOfWeek(cron)) {
    const first = dayOfMonth.values[0] ?? 1
    const last = dayOfMonth.values.at(-1) ?? 1
    const wrap = first + 31 - last
    const monthsGoOn = goesOn(cron.month) || (cron.month.values[0] === 1 && cron.month.values.at(-1) === 12)
    const fixed = single(cron.hour) && single(cron.minute) && single(cron.second) && cron.month.values.length === 12
    if (single(dayOfMonth)) {
      if (step < 28)
        notes.push(`day-of-month ${dayOfMonth.written} is the ${ordinal(first)} alone: a step ends with the month`)
    } else if (monthsGoOn) {
      const gap = `in a month of 31 days the ${ordinal(last)} is followed by the ${ordinal(first)} (${amount(wrap, "day")} later)`
      const advice = fixed ? `; for a steady period use every: "${step}d"` : ""
      notes.push(`day-of-month ${dayOfMonth.written} is uneven, as it starts anew each month: ${gap}${advice}`)
    }
  }
  const weekStep = stepOf(dayOfWeek)
  const first = dayOfWeek.values[0] ?? 0
  const last = dayOfWeek.values.at(-1) ?? 0
  const wrap = first + 7 - last
  if (weekStep > 1 && wrap !== weekStep && anyDayOfMonth(cron)) {
    notes.push(
      single(dayOfWeek)
        ? `day-of-week ${dayOfWeek.written} is ${weekday(first)} alone: a step ends with the week, on Saturday`
        : `day-of-week ${dayOfWeek.written} is ${listed(dayOfWeek.values.map(weekday))}: it starts anew each week, so ${weekday(last)} is followed by ${weekday(first)} (${amount(wrap, "day")} later)`
    )
  }
  return notes
}

const unevenMonths = ({ month: field }: Cron): ReadonlyArray<string> => {
  const step = stepOf(field)
  const first = field.values[0] ?? 1
  const last = field.values.at(-1) ?? 1
  const wrap = first + 12 - last
  if (step === 1 || wrap === step) return []
  return [
    single(field)
      ? `month ${field.written} is ${month(first)} alone: a step ends with the year`
      : `month ${field.written} is uneven: it is ${listed(field.values.map(month))}, and after ${month(last)} comes ${month(first)}, ${amount(wrap, "month")} later`
  ]
}

/** What a month must have to match, and an expression that any month has. */
const wantedDay = (cron: Cron): readonly [what: string, hint: string] => {
  const { dayOfMonth, dayOfWeek } = cron
  const [day] = dayOfMonth.values
  const [byDate]: ReadonlyArray<DayRule | undefined> = dayOfMonth.rules
  const [byWeekday]: ReadonlyArray<DayRule | undefined> = dayOfWeek.rules
  if (anyDayOfWeek(cron) && single(dayOfMonth) && byDate === undefined) {
    return [`a ${ordinal(day ?? 0)}`, `; "L" means the last day of any month`]
  }
  if (anyDayOfWeek(cron) && dayOfMonth.values.length === 0 && dayOfMonth.rules.length === 1) {
    if (byDate?.kind === "nearest-workday") {
      return [`a ${ordinal(byDate.day)}`, `; "LW" means the last workday of any month`]
    }
  }
  if (anyDayOfMonth(cron) && dayOfWeek.values.length === 0 && dayOfWeek.rules.length === 1) {
    if (byWeekday?.kind === "nth-weekday") {
      const hint = `; "${byWeekday.weekday}L" means the last ${weekday(byWeekday.weekday)} of any month`
      return [`a ${ordinals[byWeekday.nth]} ${weekday(byWeekday.weekday)}`, hint]
    }
  }
  return ["such a day", ""]
}

/** The Gregorian calendar repeats after these years, weekdays included. */
const cycle = 400
const leapYears = 97

const rareMonths = (cron: Cron, days: Days): ReadonlyArray<string> => {
  const wanted = cron.month.values
  const counted = wanted.map((value) => {
    let years = 0
    let onlyLeap = true
    for (let year = 2000; year < 2000 + cycle; year++) {
      const index = year * 12 + value - 1
      if (days.count(startOfMonth(index), startOfMonth(index + 1)) === 0) continue
      years++
      onlyLeap &&= isLeapYear(year)
    }
    const when =
      onlyLeap && years === leapYears ? `leap years (${leapYears} of ${cycle})` : `${years} of ${cycle} years`
    return { name: month(value), years, when }
  })
  const rare = counted.filter(({ years }) => years < cycle)
  const [only] = rare
  if (only === undefined) return []
  const [what, hint] = wantedDay(cron)
  const always = wanted.length - rare.length
  const all = wanted.length === 12 ? "" : "its "
  if (rare.every(({ years }) => years === 0)) {
    const without = rare.length <= 3 ? ` (not ${listed(rare.map(({ name }) => name))})` : ""
    const have = always === 1 ? "has" : "have"
    return [`only ${always} of ${all}${wanted.length} months ${have} ${what}${without}${hint}`]
  }
  if (rare.length === 1) return [`${only.name} has ${what} only in ${only.when}${hint}`]
  const share = counted.reduce((sum, { years }) => sum + years, 0) / (wanted.length * cycle)
  return [`only about ${Math.max(1, Math.floor(share * 100 + 0.5))} % of ${all}months have ${what}${hint}`]
}

/** Ranges that are meant as a week of the month: `1-7 * MON` for the first Monday. */
const weeks: Readonly<Record<string, number>> = { "1-7": 1, "8-14": 2, "15-21": 3, "22-28": 4 }

const bothDays = (cron: Cron): ReadonlyArray<string> => {
  const { dayOfMonth, dayOfWeek } = cron
  const date = `day-of-month ${dayOfMonth.written}`
  const day = `day-of-week ${dayOfWeek.written}`
  if (!dayOfMonth.wildcard && !dayOfWeek.wildcard) {
    for (const [covers, field, other] of [
      [anyDayOfMonth(cron), date, "day-of-week"],
      [anyDayOfWeek(cron), day, "day-of-month"]
    ] as const) {
      if (covers) {
        return [`${field} is every day, so ${other} changes nothing: either may match; write * to let ${other} decide`]
      }
    }
    const nth = weeks[dayOfMonth.written]
    const [only] = dayOfWeek.values
    const meant =
      nth !== undefined && only !== undefined && single(dayOfWeek) && dayOfWeek.rules.length === 0
        ? `; for the ${ordinals[nth]} ${weekday(only)} of the month write * and "${only}#${nth}"`
        : ""
    return [`fires on days that match either ${date} or ${day}, not only on those that match both${meant}`]
  }
  if (anyDayOfMonth(cron) || anyDayOfWeek(cron)) return []
  return [`fires only on days that match both ${date} and ${day}, as one of them begins with *`]
}

/** What a person may not expect of an expression, one sentence each. */
export const lintCron = (cron: Cron, days: Days): ReadonlyArray<string> => [
  ...unevenTimes(cron, days),
  ...unevenDays(cron),
  ...unevenMonths(cron),
  ...bothDays(cron),
  ...rareMonths(cron, days)
]
