import { formatInstant, shortInstant } from "../Domain/Instant.ts"
import { DAY } from "./Calendar.ts"
import type { Transition } from "./Slots.ts"
import { singleWall, type Wall } from "./Wall.ts"
import type { Zone } from "./Zone.ts"

/** What decides how a trigger passes the changes of a zone's clock. */
export interface ClockRule {
  readonly wall: Wall
  readonly zone: Zone
  /** The zone's name as it was given. */
  readonly timezone: string
  readonly transition: Transition
  /** Which of the two a person has set. */
  readonly chosen: { readonly gap: boolean; readonly fold: boolean }
  /** The field whose wildcard makes the trigger follow elapsed time; null for one at fixed times. */
  readonly follows: "minute" | "hour" | null
  /** Whether the times of a day are the same when moved by so many ms. */
  readonly steady: (shift: number) => boolean
}

/** A change of the clock: at `instant` the offset (local minus UTC, ms) goes from `before` to `after`. */
export interface ClockChange {
  readonly instant: number
  readonly before: number
  readonly after: number
}

const YEAR = 366 * DAY
/** Later than this many ms ahead nobody asks, and each year of a zone costs some work. */
const farthest = 50 * YEAR

const mostShown = 3

/** How far to look from `from` when `to` was asked for: a year at least. */
export const horizon = (from: number, to: number): number => Math.min(Math.max(to, from + YEAR), from + farthest)

/** The changes of a zone's clock in (from, to). */
export function* clockChanges(zone: Zone, from: number, to: number): Generator<ClockChange> {
  for (let stretch = zone.at(from); stretch.end < to; stretch = zone.at(stretch.end)) {
    if (stretch.after === stretch.offset || stretch.end <= from) continue
    yield { instant: stretch.end, before: stretch.offset, after: stretch.after }
  }
}

const dateOf = (wall: number): string => formatInstant(wall).slice(0, -14)
const timeOf = (wall: number): string => formatInstant(wall).slice(-13, -5).replace(/:00$/, "")
const timeOn = (date: string, wall: number): string =>
  dateOf(wall) === date ? timeOf(wall) : `${dateOf(wall)} ${timeOf(wall)}`

/** How the clock goes, its dates only where they differ: `from 02:00 to 03:00`. */
export const movement = ({ instant, before, after }: ClockChange): string => {
  const [from, to] = [instant + before, instant + after]
  const date = dateOf(from) === dateOf(to) ? dateOf(from) : ""
  return `${after < before ? "back " : ""}from ${timeOn(date, from)} to ${timeOn(date, to)}`
}

/** The date of a change, as the clock shows it after the change. */
export const dateOfChange = ({ instant, after }: ClockChange): string => dateOf(instant + after)

interface Affected {
  readonly first: number
  readonly last: number
  readonly count: number
}

const affected = (wall: Wall, from: number, to: number): Affected | null => {
  const first = wall.atOrAfter(from)
  const last = wall.atOrBefore(to - 1)
  if (first === null || last === null || first >= to) return null
  return { first, last, count: wall.count(from, to) }
}

const sentence = (timezone: string, change: ClockChange, slots: Affected, what: readonly [string, string]): string => {
  const date = dateOf(slots.first)
  const subject =
    slots.count === 1
      ? `${timeOf(slots.first)} ${what[0]}`
      : `${slots.count} slots from ${timeOf(slots.first)} to ${timeOn(date, slots.last)} ${what[1]}`
  return `${date}: ${subject} in ${timezone} (the clock goes ${movement(change)})`
}

const gapNote = (rule: ClockRule, change: ClockChange, slots: Affected): string => {
  const { chosen, follows, timezone, transition, wall } = rule
  const one = slots.count === 1
  const end = change.instant + change.after
  const dueThen = wall.atOrAfter(end) === end
  const at = timeOn(dateOf(slots.first), end)
  const outcome = () => {
    if (transition.gap === "run_after") {
      const runs = `${one ? "it runs" : "they run once,"} at ${at}, ${shortInstant(change.instant)}`
      return dueThen ? `${runs}, as one with the slot due then` : runs
    }
    const skipped = one ? "it is skipped" : "they are skipped"
    if (chosen.gap || follows === null) return `${skipped} (dst.gap: skip)`
    const instead = dueThen ? "" : ` (dst.gap: run_after would run ${one ? "it" : "them once,"} at ${at})`
    return `${skipped}, as a job with a wildcard in ${follows} follows elapsed time${instead}`
  }
  return `${sentence(timezone, change, slots, ["does not exist", "do not exist"])}; ${outcome()}`
}

const foldNote = (rule: ClockRule, change: ClockChange, slots: Affected): string => {
  const { chosen, follows, timezone, transition } = rule
  const one = slots.count === 1
  const first = shortInstant(slots.first - change.before)
  const second = shortInstant(slots.first - change.after)
  const outcome = () => {
    const runs = one ? "it runs at" : `each runs at`
    const named = (instants: string) => (one ? instants : `${timeOf(slots.first)} at ${instants}`)
    const set = chosen.fold ? ` (dst.fold: ${transition.fold})` : ""
    if (transition.fold !== "both") {
      return `${runs} the ${transition.fold}${one ? "" : " of its two times"}, ${named(transition.fold === "first" ? first : second)}${set}`
    }
    const both = `${runs} both, ${named(`${first} and ${second}`)}${set}`
    return chosen.fold || follows === null
      ? both
      : `${both}, as a job with a wildcard in ${follows} follows elapsed time (dst.fold: first would run ${one ? "it" : "each"} once)`
  }
  return `${sentence(timezone, change, slots, ["happens twice", "happen twice"])}; ${outcome()}`
}

const noteOf = (rule: ClockRule, change: ClockChange, from: number, to: number): string | null => {
  const { follows, timezone, transition, wall } = rule
  const { instant, before, after } = change
  const gap = after > before
  // Of a repeated hour that has begun, only what lies ahead is told.
  const begun = gap || transition.fold === "second" ? -Infinity : Math.floor(from) + 1 + before
  const slots = gap
    ? affected(wall, instant + before, instant + after)
    : affected(wall, Math.max(instant + after, begun), instant + before)
  if (slots === null) return null
  const byRealTime = follows !== null && transition.gap === "skip" && transition.fold === "both"
  if (byRealTime && rule.steady(after - before)) {
    if (instant >= to) return null
    const how = `the clock of ${timezone} goes ${movement(change)}`
    return `${dateOfChange(change)}: ${how}; the job follows elapsed time, none is lost or doubled`
  }
  return gap ? gapNote(rule, change, slots) : foldNote(rule, change, slots)
}

/**
 * What the changes of the clock after `from` do to slots, one sentence each: up to `to`, and a year ahead for those that
 * are moved, lost or doubled.
 */
export const changesAhead = (rule: ClockRule, from: number, to: number): ReadonlyArray<string> => {
  const until = horizon(from, to)
  const notes: Array<string> = []
  for (const change of clockChanges(rule.zone, from, until)) {
    const note = noteOf(rule, change, from, to)
    if (note !== null) notes.push(note)
  }
  const more = notes.length - mostShown
  if (more <= 0) return notes
  const rest = `and ${more} more such ${more === 1 ? "change" : "changes"} of the clock until ${dateOf(until)}`
  return [...notes.slice(0, mostShown), rest]
}

/**
 * What the changes of the clock do to the first slot after `from`, one sentence each: that its time does not exist,
 * happens twice, or that an earlier one was skipped.
 */
export const changesOfFirst = (rule: ClockRule, from: number, slot: number): ReadonlyArray<string> => {
  const notes: Array<string> = []
  for (const change of clockChanges(rule.zone, from - DAY, Math.min(slot + DAY, from + farthest))) {
    const { instant, before, after } = change
    const skipped = after > before && instant > from && instant <= slot
    const wall = skipped ? rule.wall.atOrAfter(instant + before) : slot + (slot < instant ? before : after)
    if (wall === null) continue
    const single: ClockRule = {
      ...{ ...rule, wall: singleWall(wall), follows: after > before ? rule.follows : null },
      // Of a time that comes twice, the first slot is only one.
      transition: { ...rule.transition, fold: slot < instant ? "first" : "second" },
      chosen: { ...rule.chosen, fold: rule.chosen.fold && rule.transition.fold !== "both" }
    }
    const note = noteOf(single, change, from, -Infinity)
    if (note !== null) notes.push(note)
  }
  return notes
}
