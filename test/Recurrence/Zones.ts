const DAY = 86_400_000

/** A change of a zone's clock; the offsets are local minus UTC, in milliseconds. */
export interface Transition {
  readonly zone: string
  /** The first instant with the new offset. */
  readonly at: number
  readonly before: number
  readonly after: number
}

/** What the zone's clock shows at an instant, as the instant at which UTC would show the same; asked of Intl. */
export const clockOf = (zone: string): ((instant: number) => number) => {
  // The shortest text that tells the day costs half of a full date: this is asked millions of times.
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit"
  })
  let today = Number.NaN
  let around: ReadonlyArray<readonly [dayOfMonth: number, start: number]> = []
  return (instant) => {
    const day = Math.floor(instant / DAY) * DAY
    if (day !== today) {
      today = day
      around = [day, day - DAY, day + DAY].map((start) => [new Date(start).getUTCDate(), start] as const)
    }
    // Such as "07, 19:30:00".
    const text = format.format(instant)
    const two = (at: number) => text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - 528
    const shown = two(0)
    const start = around.find(([dayOfMonth]) => dayOfMonth === shown)?.[1] ?? Number.NaN
    return start + ((two(4) * 60 + two(7)) * 60 + two(10)) * 1_000
  }
}

/** The years that the oracle looks at: [2000, 2041). */
export const span = { from: Date.UTC(2000, 0, 1), to: Date.UTC(2041, 0, 1) }

/** All changes of a zone's clock, each found to the second; a pair of changes between two probes would be missed. */
export const transitionsOf = (zone: string, probe = 4 * DAY): ReadonlyArray<Transition> => {
  const clock = clockOf(zone)
  const offsetAt = (instant: number): number => clock(instant) - instant
  const found: Array<Transition> = []
  let low = span.from
  let before = offsetAt(low)
  while (low < span.to) {
    const high = Math.min(low + probe, span.to)
    if (offsetAt(high) === before) {
      low = high
      continue
    }
    let same = low
    let at = high
    while (at - same > 1_000) {
      const middle = same + Math.floor((at - same) / 2_000) * 1_000
      if (offsetAt(middle) === before) same = middle
      else at = middle
    }
    const after = offsetAt(at)
    found.push({ zone, at, before, after })
    before = after
    low = at
  }
  return found
}

/** Every zone that the platform names. */
export const allZones: ReadonlyArray<string> = Intl.supportedValuesOf("timeZone")
