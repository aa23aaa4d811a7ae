import { DAY, LONGEST_REST_YEARS, MAX_INSTANT } from "./Calendar.ts"
import type { Wall } from "./Wall.ts"
import type { Stretch, Zone } from "./Zone.ts"

/** What becomes of wall times that do not exist (gap) and of those that exist twice (fold). */
export interface Transition {
  readonly gap: "run_after" | "skip"
  readonly fold: "first" | "second" | "both"
}

/** Due instants in UTC milliseconds; bounds may be any number. */
export interface Slots {
  /** The first after `after`, exclusive. */
  readonly next: (after: number) => number | null
  /** The last before `before`, exclusive. */
  readonly previous: (before: number) => number | null
  /** How many in [from, to). */
  readonly count: (from: number, to: number) => number
}

/** No clock is as far from UTC as this, or moved by as much at once, in ms. */
const farApart = 3 * DAY
const longestRest = (LONGEST_REST_YEARS + 1) * 366 * DAY

/** A bound as a whole millisecond within what a Date can hold. */
const within = (instant: number): number => Math.min(Math.max(instant, -MAX_INSTANT), MAX_INSTANT)

/**
 * The instants at which a zone shows the wall times. "Follows real elapsed time" is gap `skip` with fold `both`: every
 * instant whose wall time matches. "Exactly once that day" is gap `run_after` with fold `first` (Debian cron's rule).
 */
export const makeSlots = (wall: Wall, zone: Zone, transition: Transition): Slots => {
  // The wall times that a stretch answers for: without those another stretch shows when a fold counts once.
  const low = (stretch: Stretch): number =>
    stretch.start + (transition.fold === "first" ? Math.max(stretch.offset, stretch.before) : stretch.offset)
  const high = (stretch: Stretch): number =>
    stretch.end + (transition.fold === "second" ? Math.min(stretch.offset, stretch.after) : stretch.offset)
  const startsWithGapSlot = (stretch: Stretch): boolean => {
    if (transition.gap === "skip" || stretch.before >= stretch.offset) return false
    const found = wall.atOrAfter(stretch.start + stretch.before)
    return found !== null && found < stretch.start + stretch.offset
  }
  return {
    next: (after) => {
      if (!(after < MAX_INSTANT)) return null
      const from = within(Math.floor(after) + 1)
      let stretch = zone.at(from)
      while (stretch.start <= from + longestRest) {
        if (stretch.start >= from && startsWithGapSlot(stretch)) return stretch.start
        const start = Math.max(from, stretch.start)
        const found = wall.atOrAfter(Math.max(low(stretch), start + stretch.offset))
        if (found === null) return null
        if (found < high(stretch)) return found - stretch.offset <= MAX_INSTANT ? found - stretch.offset : null
        // Nothing matches until then, so the stretches between need no look; but a near one may repeat what lies before.
        stretch = zone.at(stretch.end - start < farApart ? stretch.end : Math.max(stretch.end, found - farApart))
      }
      return null
    },
    previous: (before) => {
      if (!(before > -MAX_INSTANT)) return null
      const upTo = within(Math.ceil(before) - 1)
      let stretch = zone.at(upTo)
      while (stretch.end >= upTo - longestRest) {
        const last = Math.min(upTo, stretch.end - 1)
        const end = Math.min(high(stretch) - 1, last + stretch.offset)
        const found = end >= low(stretch) ? wall.atOrBefore(end) : end
        if (found === null) return null
        if (found >= low(stretch)) return found - stretch.offset
        if (stretch.start <= upTo && startsWithGapSlot(stretch)) return stretch.start
        if (stretch.start === -Infinity) return null
        const before = stretch.start - 1
        stretch = zone.at(last - stretch.start < farApart ? before : Math.min(before, found + farApart))
      }
      return null
    },
    count: (from, to) => {
      if (!(from < to)) return 0
      const first = within(Math.ceil(from))
      const end = within(Math.ceil(to))
      let total = 0
      let stretch = zone.at(first)
      while (stretch.start < end) {
        const start = Math.max(low(stretch), Math.max(first, stretch.start) + stretch.offset)
        total += wall.count(start, Math.min(high(stretch), Math.min(end, stretch.end) + stretch.offset))
        if (stretch.start >= first && startsWithGapSlot(stretch)) {
          const shown = stretch.start + stretch.offset
          if (shown >= high(stretch) || wall.atOrAfter(shown) !== shown) total += 1
        }
        if (stretch.end === Infinity) break
        stretch = zone.at(stretch.end)
      }
      return total
    }
  }
}

/** Instants at `anchor + k * period`, k = 0, 1, 2, ... */
export const everySlots = (anchor: number, period: number): Slots => {
  const indexAtOrAfter = (instant: number): number => Math.max(0, Math.ceil((instant - anchor) / period))
  return {
    next: (after) => {
      if (!(after < MAX_INSTANT)) return null
      const slot = anchor + Math.max(0, Math.floor((after - anchor) / period) + 1) * period
      return slot <= MAX_INSTANT ? slot : null
    },
    previous: (before) => {
      const index = Math.ceil((Math.min(before, MAX_INSTANT) - anchor) / period) - 1
      return index >= 0 ? anchor + index * period : null
    },
    count: (from, to) => (from < to ? Math.max(0, indexAtOrAfter(within(to)) - indexAtOrAfter(within(from))) : 0)
  }
}

/** One instant alone. */
export const singleSlot = (instant: number): Slots => ({
  next: (after) => (after < instant ? instant : null),
  previous: (before) => (before > instant ? instant : null),
  count: (from, to) => (from <= instant && instant < to ? 1 : 0)
})
