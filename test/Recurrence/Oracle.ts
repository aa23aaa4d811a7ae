import type { Dst, Expression } from "./Expressions.ts"
import { type CalendarDate, dateOf } from "./Fields.ts"
import { clockOf, type Transition } from "./Zones.ts"

const SECOND = 1_000
const MINUTE = 60_000
const HOUR = 3_600_000
const DAY = 86_400_000

/** Wall times, each by the date's place among the window's dates, the minute of the day and the second. */
interface WallTimes {
  readonly date: Uint8Array
  readonly minute: Uint16Array
  readonly second: Uint8Array
}

/** Real instants in order with what the clock shows at each. */
interface Walk extends WallTimes {
  readonly step: number
  readonly instants: Float64Array
  /** 1 where the clock shows the wall time for the first (the last) time. */
  readonly first: Uint8Array
  readonly last: Uint8Array
  /** 1 at the first instant after wall times that the clock jumped over, and these by that instant's index. */
  readonly afterGap: Uint8Array
  readonly lost: ReadonlyMap<number, WallTimes>
}

/** Some days around a transition, walked once for any number of expressions. */
export interface Window {
  readonly transition: Transition
  readonly dates: ReadonlyArray<CalendarDate>
  readonly minutes: Walk
  /** Every second next to the transition. */
  readonly seconds: Walk
}

/** What an expression does in [from, to) around a transition. */
export interface Expected {
  readonly from: number
  readonly to: number
  /** In order. */
  readonly slots: ReadonlyArray<number>
  /** Whether it asks for a wall time that was jumped over; one that was shown twice. */
  readonly inGap: boolean
  readonly inFold: boolean
}

const walk = (
  clock: (instant: number) => number,
  from: number,
  to: number,
  step: number,
  dateIndex: (key: number) => number
): Walk => {
  const wallTimes = (keys: ReadonlyArray<number>): WallTimes => ({
    date: Uint8Array.from(keys, dateIndex),
    minute: Uint16Array.from(keys, (key) => (key % DAY) / MINUTE),
    second: Uint8Array.from(keys, (key) => (key % MINUTE) / SECOND)
  })
  const instants: Array<number> = []
  const keys: Array<number> = []
  const lost = new Map<number, WallTimes>()
  for (let instant = from; instant < to; instant += step) {
    const key = clock(instant)
    const before = keys.at(-1) ?? key
    const jumped: Array<number> = []
    for (let missing = before + step; missing < key; missing += step) jumped.push(missing)
    if (jumped.length > 0) lost.set(keys.length, wallTimes(jumped))
    instants.push(instant)
    keys.push(key)
  }
  const firstOf = new Map<number, number>()
  const lastOf = new Map<number, number>()
  for (const [index, key] of keys.entries()) {
    if (!firstOf.has(key)) firstOf.set(key, index)
    lastOf.set(key, index)
  }
  return {
    ...wallTimes(keys),
    step,
    instants: Float64Array.from(instants),
    first: Uint8Array.from(keys, (key, index) => (firstOf.get(key) === index ? 1 : 0)),
    last: Uint8Array.from(keys, (key, index) => (lastOf.get(key) === index ? 1 : 0)),
    afterGap: Uint8Array.from(keys, (_, index) => (lost.has(index) ? 1 : 0)),
    lost
  }
}

/** Walks the real minutes of three days around a transition, and the real seconds next to it, by Intl alone. */
export const windowOf = (transition: Transition): Window => {
  const clock = clockOf(transition.zone)
  const { at, before, after } = transition
  const dates: Array<CalendarDate> = []
  const indices = new Map<number, number>()
  const dateIndex = (key: number): number => {
    const day = Math.floor(key / DAY)
    const index = indices.get(day) ?? dates.push(dateOf(key)) - 1
    indices.set(day, index)
    return index
  }
  // All wall times that a gap lost or a fold shows twice are among these seconds.
  const near = 15 * MINUTE + Math.max(0, before - after)
  const middle = Math.floor(at / MINUTE) * MINUTE
  return {
    transition,
    dates,
    minutes: walk(clock, middle - 36 * HOUR, middle + 36 * HOUR, MINUTE, dateIndex),
    seconds: walk(clock, middle - near, middle + near, SECOND, dateIndex)
  }
}

/** With more slots a day than this, hours are compared instead of days. */
const dense = 3_000

/** The slots of an expression in a window, by the rules in words; no arithmetic of offsets. */
export const slotsOf = (expression: Expression, window: Window, dst: Dst): Expected => {
  const gap = dst.gap ?? (expression.elapsed ? "skip" : "run_after")
  const fold = dst.fold ?? (expression.elapsed ? "both" : "first")
  const perDay = expression.hours.length * expression.minutes.length * expression.seconds.length
  // Less than what was walked, so that wall times near an edge find all of their instants.
  const reach = (perDay > dense ? 3 : 24) * HOUR
  const [from, to] = [window.transition.at - reach, window.transition.at + reach]
  const onDate = Uint8Array.from(window.dates, (date) => (expression.onDate(date) ? 1 : 0))
  const seconds = new Uint8Array(60)
  for (const second of expression.seconds) seconds[second] = 1
  const times = new Uint8Array(1_440)
  for (const hour of expression.hours) for (const minute of expression.minutes) times[hour * 60 + minute] = 1
  const found: Array<number> = []
  let inGap = false
  let inFold = false
  const add = (slot: number) => {
    if (slot >= from && slot < to && slot !== found.at(-1)) found.push(slot)
  }
  const wanted = ({ minute, date, second }: WallTimes, index: number, whole: boolean): boolean =>
    times[minute[index] ?? -1] === 1 && onDate[date[index] ?? -1] === 1 && (whole || seconds[second[index] ?? -1] === 1)
  const scan = (walked: Walk, low: number, high: number, whole: boolean) => {
    const { instants, first, last, afterGap, lost, step } = walked
    const indexOf = (instant: number) => Math.floor((instant - (instants[0] ?? 0)) / step)
    const end = Math.min(indexOf(high), instants.length)
    for (let index = Math.max(indexOf(low), 0); index < end; index++) {
      const instant = instants[index] ?? Number.NaN
      const missing = afterGap[index] === 1 ? lost.get(index) : undefined
      if (missing?.date.some((_, lostIndex) => wanted(missing, lostIndex, whole)) === true) {
        inGap = true
        if (gap === "run_after") add(instant)
      }
      if (!wanted(walked, index, whole)) continue
      if (first[index] === 0 || last[index] === 0) inFold = true
      if ((fold === "first" && first[index] === 0) || (fold === "second" && last[index] === 0)) continue
      if (whole) for (const second of expression.seconds) add(instant + second * SECOND)
      else add(instant)
    }
  }
  if (expression.withSeconds) {
    const low = window.seconds.instants[0] ?? Number.NaN
    const high = (window.seconds.instants.at(-1) ?? Number.NaN) + SECOND
    scan(window.minutes, from, Math.min(low, to), true)
    scan(window.seconds, Math.max(low, from), Math.min(high, to), false)
    scan(window.minutes, Math.max(high, from), to, true)
  } else {
    scan(window.minutes, from, to, true)
  }
  return { from, to, slots: found, inGap, inFold }
}
