import { DAY } from "./Calendar.ts"
import type { Days } from "./Days.ts"
import type { Times } from "./Times.ts"

/** Matching wall-clock times of no zone in particular, as milliseconds of the time that UTC would show. */
export interface Wall {
  readonly atOrAfter: (wall: number) => number | null
  readonly atOrBefore: (wall: number) => number | null
  /** How many lie in [from, to). */
  readonly count: (from: number, to: number) => number
}

/** The wall times of a cron expression. */
export const cronWall = (days: Days, times: Times): Wall => {
  const countBefore = (wall: number, day: number): number =>
    days.has(day) ? times.countBefore(Math.ceil((wall - day * DAY) / 1_000)) : 0
  return {
    atOrAfter: (wall) => {
      const day = Math.floor(wall / DAY)
      const found = days.atOrAfter(day)
      if (found !== day) return found === null ? null : found * DAY + times.first * 1_000
      const second = Math.ceil((wall - day * DAY) / 1_000)
      const time = second === 86_400 ? -1 : times.atOrAfter(second)
      if (time >= 0) return day * DAY + time * 1_000
      const later = days.atOrAfter(day + 1)
      return later === null ? null : later * DAY + times.first * 1_000
    },
    atOrBefore: (wall) => {
      const day = Math.floor(wall / DAY)
      const found = days.atOrBefore(day)
      if (found !== day) return found === null ? null : found * DAY + times.last * 1_000
      const time = times.atOrBefore(Math.floor((wall - day * DAY) / 1_000))
      if (time >= 0) return day * DAY + time * 1_000
      const earlier = days.atOrBefore(day - 1)
      return earlier === null ? null : earlier * DAY + times.last * 1_000
    },
    count: (from, to) => {
      if (to <= from) return 0
      const first = Math.floor(from / DAY)
      const last = Math.floor(to / DAY)
      return days.count(first, last) * times.perDay + countBefore(to, last) - countBefore(from, first)
    }
  }
}

/** One wall time alone. */
export const singleWall = (only: number): Wall => ({
  atOrAfter: (wall) => (wall <= only ? only : null),
  atOrBefore: (wall) => (wall >= only ? only : null),
  count: (from, to) => (from <= only && only < to ? 1 : 0)
})
