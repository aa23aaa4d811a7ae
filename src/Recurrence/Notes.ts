import { shortInstant } from "../Domain/Instant.ts"
import type { Dst } from "../Domain/Schedule.ts"
import type { At } from "./At.ts"
import { DAY } from "./Calendar.ts"
import {
  type ClockRule,
  changesAhead,
  changesOfFirst,
  clockChanges,
  dateOfChange,
  horizon,
  movement
} from "./Changes.ts"
import type { Cron } from "./Cron.ts"
import type { Days } from "./Days.ts"
import { lintCron } from "./Lints.ts"
import type { Transition } from "./Slots.ts"
import { singleWall, type Wall } from "./Wall.ts"
import type { Zone } from "./Zone.ts"

/** Notes for a person who looks at the slots in (from, to), UTC ms. */
export type Notes = (from: number, to: number) => ReadonlyArray<string>

/** A zone under the name that it was given. */
export interface NamedZone {
  readonly zone: Zone
  readonly timezone: string
}

const chosen = (dst: Dst | undefined): ClockRule["chosen"] => ({
  gap: dst?.gap !== undefined,
  fold: dst?.fold !== undefined
})

const hashNotes = (cron: Cron, name: string): ReadonlyArray<string> => {
  const { second, minute, hour, dayOfMonth, month, dayOfWeek } = cron
  const hashed = [second, minute, hour, dayOfMonth, month, dayOfWeek].some(({ written }) => /(^|,)H/.test(written))
  if (!hashed) return []
  return [
    name === ""
      ? `H is drawn from the job's name and none is given, so "${cron.resolved}" is only an example; give the name to see its own`
      : `H stands for "${cron.resolved}"; it is drawn from the job's name (${JSON.stringify(name)})`
  ]
}

const minute = 60_000

const isSteady =
  (cron: Cron) =>
  (shift: number): boolean =>
    cron.hour.values.length === 24 &&
    cron.minute.values.every((value) => cron.minute.values.includes((((value + shift / minute) % 60) + 60) % 60))

/** The only slot of a trigger that runs once: the first one after an instant, both in UTC ms. */
export interface OnlySlot {
  readonly after: number
  readonly slot: number
}

/**
 * Of a cron expression: what `H` stands for, what may not be meant, and what the clock changes do to its slots; of one
 * that runs once, what concerns its only slot.
 */
export const cronNotes = (
  { cron, days, transition, wall }: { cron: Cron; days: Days; wall: Wall; transition: Transition },
  { timezone, zone }: NamedZone,
  { dst, name, only }: { name: string; dst: Dst | undefined; only: OnlySlot | null }
): Notes => {
  const follows = cron.hour.wildcard ? "hour" : cron.minute.wildcard ? "minute" : null
  const rule: ClockRule = { wall, zone, timezone, transition, follows, chosen: chosen(dst), steady: isSteady(cron) }
  if (only !== null) {
    const { after, slot } = only
    return (from, to) =>
      from < slot && slot < to ? [...hashNotes(cron, name), ...changesOfFirst(rule, after, slot)] : []
  }
  return (from, to) => [...hashNotes(cron, name), ...lintCron(cron, days), ...changesAhead(rule, from, to)]
}

/** Of a period in ms: where it counts from while that is assumed, and that it does not follow the clock. */
export const everyNotes =
  (period: number, { timezone, zone }: NamedZone, assumedAnchor: number | null, only: OnlySlot | null): Notes =>
  (from, to) => {
    const notes: Array<string> = []
    if (only !== null && !(from < only.slot && only.slot < to)) return notes
    if (assumedAnchor !== null) {
      const assumed = `here taken as ${shortInstant(assumedAnchor)}`
      notes.push(`counts from the instant at which the job is created (${assumed}), not from the full hour or day`)
    }
    // A shift by the usual hour shows only where slots lie farther apart.
    const [begin, end] = only === null ? [from, horizon(from, to)] : [only.after, only.slot]
    const [change] = period > 60 * minute ? clockChanges(zone, begin, end) : []
    if (change !== undefined) {
      const how = `the clock of ${timezone} goes ${movement(change)}`
      const shifts = only === null ? "its local times shift" : "its local time shifts"
      notes.push(`${dateOfChange(change)}: ${how}; a period counts elapsed time, so ${shifts}`)
    }
    return notes
  }

/** Of one instant: that its wall time does not exist, or exists twice. */
export const atNotes = (at: At, { timezone, zone }: NamedZone, dst: Dst | undefined): Notes => {
  if (at.wall === null) return () => []
  const rule: ClockRule = {
    ...{ zone, timezone, wall: singleWall(at.wall), follows: null, steady: () => false },
    transition: { gap: dst?.gap ?? "run_after", fold: dst?.fold ?? "first" },
    chosen: chosen(dst)
  }
  return () => changesAhead(rule, at.instant - 2 * DAY, at.instant)
}
