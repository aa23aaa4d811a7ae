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
 * A five-field cron expression, field by field as crontab(5) says: its minutes, and whether it is due in the hour of a
 * date whose UTC is local time. For numbers, lists, ranges and steps. It shares nothing with what oracles judge by it.
 */
export const cronFields = (expression: string) => {
  const [minutes = "", hours = "", days = "", months = "", weekdays = ""] = expression.split(" ")
  const fields = {
    hour: values(hours, 0, 23),
    day: values(days, 1, 31),
    month: values(months, 1, 12),
    weekday: values(weekdays, 0, 7)
  }
  const eitherDay = !days.startsWith("*") && !weekdays.startsWith("*")
  const isHour = (local: Date): boolean => {
    const weekday = local.getUTCDay()
    const byDay = fields.day.has(local.getUTCDate())
    const byWeekday = fields.weekday.has(weekday) || (weekday === 0 && fields.weekday.has(7))
    return (
      fields.hour.has(local.getUTCHours()) &&
      fields.month.has(local.getUTCMonth() + 1) &&
      (eitherDay ? byDay || byWeekday : byDay && byWeekday)
    )
  }
  return { minutes: values(minutes, 0, 59), isHour } as const
}
