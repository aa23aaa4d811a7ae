import * as fc from "fast-check"

/** A calendar minute as a clock on the wall shows it. */
export interface WallMinute {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
}

/** An expression in two forms made together: its text, and what it means by naive predicates. */
export interface Expression {
  readonly text: string
  readonly seconds: ReadonlyArray<number>
  readonly elapsed: boolean
  /** Minutes of a day, in order. */
  readonly minutes: ReadonlyArray<number>
  readonly onDate: (wall: WallMinute) => boolean
  readonly matches: (wall: WallMinute) => boolean
}

interface Part<A> {
  readonly text: string
  readonly wildcard: boolean
  readonly has: (value: A) => boolean
}

const MINUTE = 60_000

/** The wall minute of a number that orders as calendars do. */
export const wallOfKey = (key: number): WallMinute => {
  const date = new Date(key)
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes()
  }
}

/** Every real minute of [from, to) with what the zone's clock shows, asked of Intl one by one. */
export const walk = (
  zone: string,
  from: number,
  to: number
): ReadonlyArray<readonly [instant: number, key: number]> => {
  const format = new Intl.DateTimeFormat("sv-SE", {
    timeZone: zone,
    dateStyle: "short",
    timeStyle: "short"
  })
  const walked: Array<readonly [number, number]> = []
  for (let instant = from; instant < to; instant += MINUTE) {
    walked.push([instant, Date.parse(`${format.format(instant).replace(" ", "T")}Z`)])
  }
  return walked
}

/** The slots of an expression among walked minutes, by the rules in words; no arithmetic of offsets. */
export const slotsOf = (
  expression: Expression,
  walked: ReadonlyArray<readonly [number, number]>,
  dst: { readonly gap?: "run_after" | "skip"; readonly fold?: "first" | "second" | "both" }
): ReadonlyArray<number> => {
  const slots = new Set<number>()
  const add = (minute: number) => {
    for (const second of expression.seconds) slots.add(minute + second * 1_000)
  }
  if (expression.elapsed && dst.gap === undefined && dst.fold === undefined) {
    for (const [instant, key] of walked) if (expression.matches(wallOfKey(key))) add(instant)
    return [...slots].sort((a, b) => a - b)
  }
  const gap = dst.gap ?? (expression.elapsed ? "skip" : "run_after")
  const fold = dst.fold ?? (expression.elapsed ? "both" : "first")
  const instants = new Map<number, Array<number>>()
  for (const [instant, key] of walked) {
    const known = instants.get(key)
    if (known === undefined) instants.set(key, [instant])
    else known.push(instant)
  }
  for (const [i, [instant, key]] of walked.entries()) {
    const before = walked[i - 1]?.[1] ?? key
    // Wall minutes that the clock jumped over between two real ones.
    for (let lost = before + MINUTE; lost < key; lost += MINUTE) {
      if (gap === "run_after" && expression.matches(wallOfKey(lost))) slots.add(instant)
    }
  }
  for (const [key, shown] of instants) {
    if (!expression.matches(wallOfKey(key))) continue
    if (fold === "both") shown.forEach(add)
    else add((fold === "first" ? shown[0] : shown.at(-1)) ?? Number.NaN)
  }
  return [...slots].sort((a, b) => a - b)
}

const set = (text: string, values: ReadonlyArray<number>): Part<number> => ({
  text,
  wildcard: text.startsWith("*"),
  has: (value) => values.includes(value)
})

const span = (low: number, high: number, step = 1): ReadonlyArray<number> => {
  const values: Array<number> = []
  for (let value = low; value <= high; value += step) values.push(value)
  return values
}

const numeric = (low: number, high: number): fc.Arbitrary<Part<number>> => {
  const value = fc.integer({ min: low, max: high })
  const size = high - low + 1
  return fc.oneof(
    fc.constant(set("*", span(low, high))),
    fc.integer({ min: 2, max: size }).map((step) => set(`*/${step}`, span(low, high, step))),
    value.map((one) => set(`${one}`, [one])),
    fc.uniqueArray(value, { minLength: 2, maxLength: 5 }).map((list) => set(list.join(","), list)),
    fc.tuple(value, value).map(([a, b]) =>
      // A range that runs backwards wraps around the end of the field.
      set(`${a}-${b}`, a <= b ? span(a, b) : [...span(a, high), ...span(low, b)])
    ),
    fc
      .tuple(value, value, fc.integer({ min: 1, max: size }))
      .map(([a, b, step]) =>
        set(`${Math.min(a, b)}-${Math.max(a, b)}/${step}`, span(Math.min(a, b), Math.max(a, b), step))
      )
  )
}

const lengthOf = (wall: WallMinute): number => new Date(Date.UTC(wall.year, wall.month, 0)).getUTCDate()
const weekdayOf = (wall: WallMinute, day = wall.day): number =>
  new Date(Date.UTC(wall.year, wall.month - 1, day)).getUTCDay()

/** The Monday to Friday of the month that is nearest to a day, found by looking at all of them. */
const nearest = (wall: WallMinute, day: number): number =>
  span(1, lengthOf(wall))
    .filter((other) => weekdayOf(wall, other) % 6 !== 0)
    .sort((a, b) => Math.abs(a - day) - Math.abs(b - day))[0] ?? 0

const onDay = (part: Part<number>): Part<WallMinute> => ({ ...part, has: (wall) => part.has(wall.day) })

const dayOfMonth: fc.Arbitrary<Part<WallMinute>> = fc.oneof(
  { weight: 6, arbitrary: numeric(1, 31).map(onDay) },
  fc.constant<Part<WallMinute>>({ text: "?", wildcard: true, has: () => true }),
  fc.constant<Part<WallMinute>>({ text: "L", wildcard: false, has: (wall) => wall.day === lengthOf(wall) }),
  fc.constant<Part<WallMinute>>({
    text: "LW",
    wildcard: false,
    has: (wall) => wall.day === nearest(wall, lengthOf(wall))
  }),
  fc.integer({ min: 1, max: 31 }).map(
    (day): Part<WallMinute> => ({
      text: `${day}W`,
      wildcard: false,
      has: (wall) => day <= lengthOf(wall) && wall.day === nearest(wall, day)
    })
  )
)

const dayNames = ["SUN", "mon", "Tue", "WED", "thu", "Fri", "SAT"]

const dayOfWeek: fc.Arbitrary<Part<WallMinute>> = fc.oneof(
  {
    weight: 4,
    arbitrary: numeric(0, 6).map((part): Part<WallMinute> => ({ ...part, has: (wall) => part.has(weekdayOf(wall)) }))
  },
  fc.integer({ min: 0, max: 7 }).map(
    (day): Part<WallMinute> => ({
      text: `${day}-7`,
      wildcard: false,
      has: (wall) => span(day, 7).some((other) => other % 7 === weekdayOf(wall))
    })
  ),
  fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 1, max: 5 })).map(
    ([day, nth]): Part<WallMinute> => ({
      text: `${dayNames[day]}#${nth}`,
      wildcard: false,
      has: (wall) =>
        weekdayOf(wall) === day && span(1, wall.day).filter((other) => weekdayOf(wall, other) === day).length === nth
    })
  ),
  fc.integer({ min: 0, max: 6 }).map(
    (day): Part<WallMinute> => ({
      text: `${day}L`,
      wildcard: false,
      has: (wall) => weekdayOf(wall) === day && wall.day + 7 > lengthOf(wall)
    })
  )
)

const anyDay: Part<WallMinute> = { text: "*", wildcard: true, has: () => true }

/** Random expressions; `busy` ones mostly leave the date open, so that a window of days sees many slots. */
export const expressions = (busy: boolean): fc.Arbitrary<Expression> =>
  fc
    .record({
      seconds: fc.constantFrom<readonly [string, ReadonlyArray<number>] | null>(
        null,
        null,
        ["0", [0]],
        ["15,45", [15, 45]],
        ["*/20", [0, 20, 40]]
      ),
      minute: numeric(0, 59),
      // Transitions happen in the small hours: look there often.
      hour: fc.oneof(
        numeric(0, 23),
        fc.integer({ min: 0, max: 3 }).map((hour) => set(`${hour}`, [hour]))
      ),
      dayOfMonth: busy ? fc.oneof({ weight: 3, arbitrary: fc.constant(anyDay) }, dayOfMonth) : dayOfMonth,
      month: busy ? fc.constant(set("*", span(1, 12))) : numeric(1, 12),
      dayOfWeek: busy ? fc.oneof({ weight: 3, arbitrary: fc.constant(anyDay) }, dayOfWeek) : dayOfWeek
    })
    .map(({ seconds, minute, hour, dayOfMonth, month, dayOfWeek }) => {
      const either = !dayOfMonth.wildcard && dayOfMonth.text !== "?" && !dayOfWeek.wildcard
      const asked = new Map<string, boolean>()
      const onDate = (wall: WallMinute): boolean => {
        const date = `${wall.year}-${wall.month}-${wall.day}`
        const known = asked.get(date)
        if (known !== undefined) return known
        const byDays = either
          ? dayOfMonth.has(wall) || dayOfWeek.has(wall)
          : dayOfMonth.has(wall) && dayOfWeek.has(wall)
        asked.set(date, month.has(wall.month) && byDays)
        return month.has(wall.month) && byDays
      }
      const fields = [minute.text, hour.text, dayOfMonth.text, month.text, dayOfWeek.text]
      return {
        text: (seconds === null ? fields : [seconds[0], ...fields]).join(" "),
        seconds: seconds === null ? [0] : seconds[1],
        elapsed: minute.wildcard || hour.wildcard,
        minutes: span(0, 1_439).filter((time) => hour.has(Math.floor(time / 60)) && minute.has(time % 60)),
        onDate,
        matches: (wall) => minute.has(wall.minute) && hour.has(wall.hour) && onDate(wall)
      }
    })
