import * as Option from "effect/Option"
import { DAY } from "./Calendar.ts"

/** A stretch [start, end) of UTC milliseconds with one offset (local minus UTC), and the offsets that adjoin it. */
export interface Stretch {
  readonly start: number
  readonly end: number
  readonly offset: number
  readonly before: number
  readonly after: number
}

/** A time zone as stretches of constant offset. */
export interface Zone {
  readonly name: string
  readonly at: (instant: number) => Stretch
}

const utc: Stretch = { start: -Infinity, end: Infinity, offset: 0, before: 0, after: 0 }
const nowhere: Stretch = { ...utc, start: Infinity, end: -Infinity }

/** Outside these years the nearest offset holds: no zone changed earlier, and nobody has announced anything later. */
const firstYear = 1_800
const endYear = 2_500

/** No zone has changed twice within six days since 1970, so probes this far apart miss nothing. */
const probeInterval = 5 * DAY

const offsetReader = (zone: string): ((instant: number) => number) => {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric"
  })
  return (instant) => {
    const whole = Math.floor(instant / 1_000) * 1_000
    const [month = 1, day = 1, year = 1970, hour = 0, minute = 0, second = 0] = (
      format.format(whole).match(/\d+/g) ?? []
    ).map(Number)
    return Date.UTC(year, month - 1, day, hour, minute, second) - whole
  }
}

/** The first whole second in (low, high] at which the offset is no longer that of `low`. */
const bisect = (offsetAt: (instant: number) => number, low: number, high: number, offset: number): number => {
  let same = low
  let changed = high
  while (changed - same > 1_000) {
    const middle = same + Math.floor((changed - same) / 2_000) * 1_000
    if (offsetAt(middle) === offset) same = middle
    else changed = middle
  }
  return changed
}

/** The stretches of one UTC year, cut at its ends, so that any year is found without those between. */
const stretchesOfYear = (offsetAt: (instant: number) => number, year: number): ReadonlyArray<Stretch> => {
  const start = Date.UTC(year, 0, 1)
  const end = Date.UTC(year + 1, 0, 1)
  const stretches: Array<Stretch> = []
  let before = offsetAt(start - 1_000)
  let from = start
  let offset = offsetAt(start)
  for (let probe = start; probe < end; ) {
    const next = Math.min(probe + probeInterval, end)
    const found = offsetAt(next)
    if (found === offset) {
      probe = next
      continue
    }
    const change = bisect(offsetAt, probe, next, offset)
    if (change === end) break
    const after = offsetAt(change)
    stretches.push({ start: from, end: change, offset, before, after })
    before = offset
    from = change
    offset = after
    probe = change
  }
  stretches.push({ start: from, end, offset, before, after: offsetAt(end) })
  return stretches
}

const makeZone = (name: string): Zone => {
  const offsetAt = offsetReader(name)
  const years = new Map<number, ReadonlyArray<Stretch>>()
  const first = Date.UTC(firstYear, 0, 1)
  const end = Date.UTC(endYear, 0, 1)
  let past: Stretch | undefined
  let future: Stretch | undefined
  const find = (instant: number): Stretch => {
    if (instant < first) {
      const offset = offsetAt(first - 1_000)
      past ??= { start: -Infinity, end: first, offset, before: offset, after: offsetAt(first) }
      return past
    }
    if (instant >= end) {
      const offset = offsetAt(end)
      future ??= { start: end, end: Infinity, offset, before: offsetAt(end - 1_000), after: offset }
      return future
    }
    const year = new Date(instant).getUTCFullYear()
    let stretches = years.get(year)
    if (stretches === undefined) {
      stretches = stretchesOfYear(offsetAt, year)
      years.set(year, stretches)
    }
    return stretches.find((stretch) => instant < stretch.end) ?? utc
  }
  let latest = nowhere
  return {
    name,
    at: (instant) => {
      if (instant < latest.start || instant >= latest.end) latest = find(instant)
      return latest
    }
  }
}

const zones = new Map<string, Zone>()

/** Names are known in any case, so their spellings are kept only up to a bound. */
const mostNames = 2_000

/** The zone of an IANA name, by the platform's time zone data; none for any other text. */
export const zoneOf = (name: string): Option.Option<Zone> => {
  const known = zones.get(name)
  if (known !== undefined) return Option.some(known)
  if (!/^[A-Za-z]/.test(name)) return Option.none()
  return Option.liftThrowable(
    () => new Intl.DateTimeFormat("en-US", { timeZone: name }).resolvedOptions().timeZone
  )().pipe(
    Option.map((canonical) => {
      const zone =
        zones.get(canonical) ?? (canonical === "UTC" ? { name: canonical, at: () => utc } : makeZone(canonical))
      zones.set(canonical, zone)
      if (zones.size < mostNames) zones.set(name, zone)
      return zone
    })
  )
}
