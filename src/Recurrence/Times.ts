/** The times of a day that match, as seconds of the day; every question is answered in constant time. */
export interface Times {
  readonly first: number
  readonly last: number
  readonly perDay: number
  /** The first match at or after a second of the day (0-86399); -1 when the day has none left. */
  readonly atOrAfter: (second: number) => number
  /** The last match at or before a second of the day; -1 when there is none. */
  readonly atOrBefore: (second: number) => number
  /** How many matches lie before a second of the day (0-86400). */
  readonly countBefore: (second: number) => number
}

interface Unit {
  readonly count: number
  readonly first: number
  readonly last: number
  readonly has: (value: number) => boolean
  readonly next: (value: number) => number
  readonly previous: (value: number) => number
  readonly rank: (value: number) => number
}

const makeUnit = (values: ReadonlyArray<number>, size: number): Unit => {
  const next = new Int8Array(size + 1).fill(-1)
  const previous = new Int8Array(size + 1).fill(-1)
  const rank = new Int8Array(size + 1)
  const members = new Set(values)
  for (let value = size - 1; value >= 0; value--) next[value] = members.has(value) ? value : (next[value + 1] ?? -1)
  for (let value = 0; value < size; value++) {
    previous[value + 1] = members.has(value) ? value : (previous[value] ?? -1)
    rank[value + 1] = (rank[value] ?? 0) + (members.has(value) ? 1 : 0)
  }
  return {
    count: members.size,
    first: next[0] ?? -1,
    last: previous[size] ?? -1,
    has: (value) => next[value] === value,
    next: (value) => next[value] ?? -1,
    previous: (value) => previous[value] ?? -1,
    rank: (value) => rank[value] ?? 0
  }
}

// Fields that read alike are one object, so their tables are made once.
const units = new WeakMap<ReadonlyArray<number>, Unit>()

const unitOf = (values: ReadonlyArray<number>, size: number): Unit => {
  const known = units.get(values)
  if (known !== undefined) return known
  const unit = makeUnit(values, size)
  units.set(values, unit)
  return unit
}

/** Times from the three fields' values; `previous` of a unit is strict, `next` is not. */
export const makeTimes = (
  seconds: ReadonlyArray<number>,
  minutes: ReadonlyArray<number>,
  hours: ReadonlyArray<number>
): Times => {
  const second = unitOf(seconds, 60)
  const minute = unitOf(minutes, 60)
  const hour = unitOf(hours, 24)
  const firstInHour = minute.first * 60 + second.first
  const lastInHour = minute.last * 60 + second.last
  return {
    first: hour.first * 3_600 + firstInHour,
    last: hour.last * 3_600 + lastInHour,
    perDay: hour.count * minute.count * second.count,
    atOrAfter: (time) => {
      const h = Math.floor(time / 3_600)
      if (hour.has(h)) {
        const m = Math.floor(time / 60) - h * 60
        if (minute.has(m)) {
          const s = second.next(time % 60)
          if (s >= 0) return h * 3_600 + m * 60 + s
        }
        const later = minute.next(m + 1)
        if (later >= 0) return h * 3_600 + later * 60 + second.first
      }
      const later = hour.next(h + 1)
      return later < 0 ? -1 : later * 3_600 + firstInHour
    },
    atOrBefore: (time) => {
      const h = Math.floor(time / 3_600)
      if (hour.has(h)) {
        const m = Math.floor(time / 60) - h * 60
        if (minute.has(m)) {
          const s = second.previous((time % 60) + 1)
          if (s >= 0) return h * 3_600 + m * 60 + s
        }
        const earlier = minute.previous(m)
        if (earlier >= 0) return h * 3_600 + earlier * 60 + second.last
      }
      const earlier = hour.previous(h)
      return earlier < 0 ? -1 : earlier * 3_600 + lastInHour
    },
    countBefore: (time) => {
      const h = Math.floor(time / 3_600)
      const m = Math.floor(time / 60) - h * 60
      const inMinute = hour.has(h) && minute.has(m) ? second.rank(time % 60) : 0
      const inHour = hour.has(h) ? minute.rank(m) * second.count : 0
      return hour.rank(h) * minute.count * second.count + inHour + inMinute
    }
  }
}
