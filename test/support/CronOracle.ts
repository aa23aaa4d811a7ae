import { cronFields } from "../../src/Selftest/CronFields.ts"

const hour = 3_600_000
const minute = 60_000

/** Whether a five-field cron expression is due at a minute, UTC ms, at a fixed offset from UTC. */
export const cronMatches = (expression: string, offsetHours = 0) => {
  const { isHour, minutes } = cronFields(expression)
  return (millis: number): boolean => {
    const local = new Date(millis + offsetHours * hour)
    return minutes.has(local.getUTCMinutes()) && isHour(local)
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
