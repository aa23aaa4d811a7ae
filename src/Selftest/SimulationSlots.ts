import { cronFields } from "./CronFields.ts"

const minute = 60_000
const quarter = 15 * minute
const hour = 60 * minute

/** A schedule as the oracle reads it; instants are UTC ms. */
export type SimulatedSchedule =
  | {
      readonly cron: string
      readonly timezone: string
      readonly gap: "run_after" | "skip"
      readonly fold: "first" | "second" | "both"
    }
  | { readonly every: number; readonly anchor: number }
  | { readonly at: number }

/** The instants of a quarter of an hour, local time as if it were UTC ms, that match a five-field expression. */
const matcher = (expression: string): ((local: number) => ReadonlyArray<number>) => {
  const { isHour, minutes } = cronFields(expression)
  return (local) => {
    const date = new Date(local)
    if (!isHour(date)) return []
    const first = date.getUTCMinutes()
    return [...minutes]
      .filter((value) => first <= value && value < first + 15)
      .map((value) => local + (value - first) * minute)
  }
}

const formats = new Map<string, Intl.DateTimeFormat>()
const offsets = new Map<string, number>()

/** Local time minus UTC in ms; zones change theirs at quarters of an hour only. */
const offsetAt = (timezone: string, at: number): number => {
  if (timezone === "UTC") return 0
  const start = Math.floor(at / quarter) * quarter
  const key = `${timezone} ${start}`
  const known = offsets.get(key)
  if (known !== undefined) return known
  const format =
    formats.get(timezone) ??
    new Intl.DateTimeFormat("en-US", {
      timeZone: timezone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric"
    })
  formats.set(timezone, format)
  const parts = new Map(format.formatToParts(start).map(({ type, value }) => [type, Number(value)]))
  const of = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0
  const local = Date.UTC(of("year"), of("month") - 1, of("day"), of("hour"), of("minute"))
  offsets.set(key, local - start)
  return local - start
}

/**
 * The slots of an expression in [from, to], found by walking every minute: by real time if its minute or hour is a
 * wildcard, else by the local clock, each of whose times comes once, however the zone's offset changes.
 */
const cronSlots = (
  { cron, fold, gap, timezone }: Extract<SimulatedSchedule, { readonly cron: string }>,
  from: number,
  to: number
): ReadonlyArray<number> => {
  const matchesFrom = matcher(cron)
  const slots = new Set<number>()
  const [minutes = "", hours = ""] = cron.split(" ")
  const byRealTime = minutes.startsWith("*") || hours.startsWith("*")
  // A repeated or skipped time lies within three hours of where it would be.
  const begin = Math.floor((from - 3 * hour) / quarter) * quarter
  for (let at = begin; at <= to + 3 * hour; at += quarter) {
    const offset = offsetAt(timezone, at)
    const before = byRealTime ? offset : offsetAt(timezone, at - quarter)
    for (let skipped = at + before; skipped < at + offset; skipped += quarter) {
      if (gap === "run_after" && matchesFrom(skipped).length > 0) slots.add(at)
    }
    for (const local of matchesFrom(at + offset)) {
      const slot = local - offset
      const same = byRealTime ? [] : instantsOf(timezone, local)
      const isFirst = !same.some((other) => other < slot)
      const isLast = !same.some((other) => other > slot)
      if (fold === "both" || (fold === "first" ? isFirst : isLast)) slots.add(slot)
    }
  }
  return [...slots].filter((at) => from <= at && at <= to).sort((a, b) => a - b)
}

const instantsOf = (timezone: string, local: number): ReadonlyArray<number> => {
  const candidates = new Set(
    [local - 14 * hour, local, local + 14 * hour].map((near) => local - offsetAt(timezone, near))
  )
  return [...candidates].filter((at) => at + offsetAt(timezone, at) === local)
}

/** The slots of a schedule after `from`, up to and including `to`, in order. It shares nothing with the code under test. */
export const slotsOf = (schedule: SimulatedSchedule, from: number, to: number): ReadonlyArray<number> => {
  if (to <= from) return []
  if ("at" in schedule) return from < schedule.at && schedule.at <= to ? [schedule.at] : []
  if ("every" in schedule) {
    const { anchor, every } = schedule
    const slots: Array<number> = []
    const first = anchor + Math.max(1, Math.floor((from - anchor) / every) + 1) * every
    for (let at = first; at <= to; at += every) slots.push(at)
    return slots
  }
  return cronSlots(schedule, from + 1, to)
}
