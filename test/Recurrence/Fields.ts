import type { Random } from "./Random.ts"

/** A date with what the rules of days ask about it; weekdays are 0 for Sunday to 6. */
export interface CalendarDate {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly weekday: number
  /** How many days its month has. */
  readonly length: number
}

/** A field in two forms made together: its text, and what it means by a naive predicate. */
export interface Part<A> {
  readonly text: string
  readonly has: (value: A) => boolean
}

/** A field's values, the most that `H` gives, its names, and a value that is wanted often. */
export interface Numbers {
  readonly name: string
  readonly low: number
  readonly high: number
  readonly hashHigh: number
  readonly names: ReadonlyArray<string>
  readonly wanted: number
}

export const dateOf = (key: number): CalendarDate => {
  const date = new Date(key)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth() + 1]
  const length = new Date(Date.UTC(year, month, 0)).getUTCDate()
  return { year, month, day: date.getUTCDate(), weekday: date.getUTCDay(), length }
}

export const range = (low: number, high: number, step = 1): ReadonlyArray<number> => {
  const values: Array<number> = []
  for (let value = low; value <= high; value += step) values.push(value)
  return values
}

/** FNV-1a over the UTF-16 bytes (low byte first), finished with MurmurHash3's avalanche; in whole numbers of any size. */
export const hashOf = (text: string): number => {
  const mask = 0xffff_ffffn
  let hash = 2_166_136_261n
  for (const byte of Buffer.from(text, "utf16le")) hash = ((hash ^ BigInt(byte)) * 16_777_619n) & mask
  hash = ((hash ^ (hash >> 16n)) * 0x85eb_ca6bn) & mask
  hash = ((hash ^ (hash >> 13n)) * 0xc2b2_ae35n) & mask
  return Number(hash ^ (hash >> 16n))
}

const mixCase = (random: Random, text: string): string =>
  [...text].map((letter) => (random.chance(0.5) ? letter.toLowerCase() : letter.toUpperCase())).join("")

const sizeOf = (field: Numbers): number => field.high - field.low + 1

const valueOf = (random: Random, field: Numbers): number =>
  random.chance(0.4) ? field.wanted : random.integer(field.low, field.high)

const textOf = (random: Random, field: Numbers, value: number): string => {
  const named = field.names[value - field.low]
  if (named !== undefined && random.chance(0.3)) return mixCase(random, named)
  return random.chance(0.05) ? `0${value}` : `${value}`
}

const stepOf = (random: Random, field: Numbers): number =>
  random.chance(0.5) ? random.integer(1, Math.min(7, sizeOf(field))) : random.integer(1, sizeOf(field))

const values = (text: string, list: ReadonlyArray<number>): Part<number> => ({
  text,
  has: (value) => list.includes(value)
})

const everyNth = (list: ReadonlyArray<number>, step: number): ReadonlyArray<number> =>
  list.filter((_, index) => index % step === 0)

const hashed = (random: Random, field: Numbers, job: string): Part<number> => {
  const bare = random.chance(0.5)
  const [a, b] = bare ? [field.low, field.hashHigh] : [valueOf(random, field), valueOf(random, field)]
  const [from, to] = [Math.min(a, b), Math.max(a, b)]
  const h = random.chance(0.8) ? "H" : "h"
  const head = bare ? h : `${h}(${textOf(random, field, from)}-${textOf(random, field, to)})`
  const hash = hashOf(`${job}:${field.name}`)
  if (random.chance(0.5)) return values(head, [from + (hash % (to - from + 1))])
  const step = stepOf(random, field)
  return values(`${head}/${step}`, range(from + (hash % Math.min(step, to - from + 1)), to, step))
}

/** One member of a list: a value, range, step or hash. */
export const member = (random: Random, field: Numbers, job: string): Part<number> => {
  const a = valueOf(random, field)
  const b = valueOf(random, field)
  const step = stepOf(random, field)
  const [aText, bText] = [textOf(random, field, a), textOf(random, field, b)]
  switch (random.integer(0, 7)) {
    case 0:
      return values(`*/${step}`, range(field.low, field.high, step))
    case 1:
      return values(`${aText}/${step}`, range(a, field.high, step))
    case 2:
    case 3: {
      // A range that runs backwards wraps around the end of the field.
      const whole = a <= b ? range(a, b) : [...range(a, field.high), ...range(field.low, b)]
      return random.chance(0.5)
        ? values(`${aText}-${bText}`, whole)
        : values(`${aText}-${bText}/${step}`, everyNth(whole, step))
    }
    case 4:
      return hashed(random, field, job)
    default:
      return values(aText, [a])
  }
}

const either = <A>(parts: ReadonlyArray<Part<A>>): Part<A> => ({
  text: parts.map((part) => part.text).join(","),
  has: (value) => parts.some((part) => part.has(value))
})

const anything = { text: "*", has: () => true }

/** A field of the clock or of months: open, or a list of members. */
export const numbers = (random: Random, field: Numbers, job: string, open: number): Part<number> => {
  if (random.chance(open)) return anything
  const length = random.pick([1, 1, 1, 1, 2, 3, 5])
  return either(range(1, length).map(() => member(random, field, job)))
}

const weekdayAt = (date: CalendarDate, day: number): number =>
  new Date(Date.UTC(date.year, date.month - 1, day)).getUTCDay()

/** The Monday to Friday of the month that is nearest to a day, found by looking at all of them. */
const nearest = (date: CalendarDate, day: number): number =>
  range(1, date.length)
    .filter((other) => ![0, 6].includes(weekdayAt(date, other)))
    .sort((a, b) => Math.abs(a - day) - Math.abs(b - day))[0] ?? 0

const dateRule = (random: Random, field: Numbers): Part<CalendarDate> => {
  const day = valueOf(random, field)
  switch (random.integer(0, 2)) {
    case 0:
      return { text: random.pick(["L", "l"]), has: (date) => date.day === date.length }
    case 1:
      return { text: random.pick(["LW", "lw", "Lw"]), has: (date) => date.day === nearest(date, date.length) }
    default:
      return {
        text: `${day}${random.pick(["W", "w"])}`,
        has: (date) => day <= date.length && date.day === nearest(date, day)
      }
  }
}

const weekdayRule = (random: Random, field: Numbers): Part<CalendarDate> => {
  const weekday = valueOf(random, field)
  const text = weekday === 0 && random.chance(0.3) ? "7" : textOf(random, field, weekday)
  if (random.chance(0.4)) {
    return { text: `${text}L`, has: (date) => date.weekday === weekday && date.day + 7 > date.length }
  }
  const nth = random.integer(1, 5)
  const upTo = (date: CalendarDate) => range(1, date.day).filter((day) => weekdayAt(date, day) === weekday)
  return { text: `${text}#${nth}`, has: (date) => date.weekday === weekday && upTo(date).length === nth }
}

/** Sunday as 7, alone and at either end of a range. */
const seven = (random: Random, field: Numbers): Part<CalendarDate> => {
  const other = valueOf(random, field)
  const step = stepOf(random, field)
  const [text, list] = random.pick<readonly [string, ReadonlyArray<number>]>([
    ["7", [7]],
    [`${textOf(random, field, other)}-7`, range(other, 7)],
    [`${textOf(random, field, other)}-7/${step}`, range(other, 7, step)],
    [`7-${textOf(random, field, other)}`, range(0, other)]
  ])
  return { text, has: (date) => list.some((day) => day % 7 === date.weekday) }
}

/** Day-of-month or day-of-week: open, or a list of members and of rules that only a month can place. */
export const days = (
  random: Random,
  field: Numbers,
  kind: "day" | "weekday",
  job: string,
  open: number
): Part<CalendarDate> => {
  if (random.chance(open)) return random.chance(0.8) ? anything : { text: "?", has: () => true }
  const one = (): Part<CalendarDate> => {
    if (random.chance(0.35)) return kind === "day" ? dateRule(random, field) : weekdayRule(random, field)
    if (kind === "weekday" && random.chance(0.25)) return seven(random, field)
    const { text, has } = member(random, field, job)
    return { text, has: (date) => has(date[kind]) }
  }
  return either(range(1, random.pick([1, 1, 1, 2, 3])).map(one))
}
