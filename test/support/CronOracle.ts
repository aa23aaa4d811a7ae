const hour = 3_600_000
const minute = 60_000

const values = (text: string, low: number, high: number): ReadonlySet<number> => {
  const found = new Set<number>()
  for (const part of text.split(",")) {
    const [range = "", step] = part.split("/")
    const [from, to] = range === "*" ? [low, high] : range.split("-").map(Number)
    const first = from ?? low
    const last = to ?? (step === undefined ? first : high)
    for (let value = first; value <= last; value += Number(step ?? 1)) found.add(value)
  }
  return found
}

/**
 * Whether a five-field cron expression is due at a minute, UTC ms, decided field by field as crontab(5) says; for
 * numbers, lists, ranges and steps, at a fixed offset from UTC. It shares nothing with the code under test.
 */
export const cronMatches = (expression: string, offsetHours = 0) => {
  const [minutes = "", hours = "", days = "", months = "", weekdays = ""] = expression.split(" ")
  const fields = {
    minute: values(minutes, 0, 59),
    hour: values(hours, 0, 23),
    day: values(days, 1, 31),
    month: values(months, 1, 12),
    weekday: values(weekdays, 0, 7)
  }
  const eitherDay = !days.startsWith("*") && !weekdays.startsWith("*")
  return (millis: number): boolean => {
    const local = new Date(millis + offsetHours * hour)
    const weekday = local.getUTCDay()
    const byDay = fields.day.has(local.getUTCDate())
    const byWeekday = fields.weekday.has(weekday) || (weekday === 0 && fields.weekday.has(7))
    return (
      fields.minute.has(local.getUTCMinutes()) &&
      fields.hour.has(local.getUTCHours()) &&
      fields.month.has(local.getUTCMonth() + 1) &&
      (eitherDay ? byDay || byWeekday : byDay && byWeekday)
    )
  }
}

/** What a job's schedule says, for the oracle. */
export type Schedule =
  | { readonly cron: string; readonly offsetHours: number }
  | { readonly every: number; readonly anchor: number }
  | { readonly at: number }

/** The slots of a schedule after `from`, up to and including `to`, by walking every minute between. */
export const slotsBetween = (schedule: Schedule, from: number, to: number): ReadonlyArray<number> => {
  const slots: Array<number> = []
  if ("at" in schedule) return from < schedule.at && schedule.at <= to ? [schedule.at] : []
  if ("every" in schedule) {
    for (let at = schedule.anchor; at <= to; at += schedule.every) if (at > from) slots.push(at)
    return slots
  }
  const due = cronMatches(schedule.cron, schedule.offsetHours)
  for (let at = Math.floor(from / minute) * minute + minute; at <= to; at += minute) if (due(at)) slots.push(at)
  return slots
}
