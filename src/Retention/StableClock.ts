/** What upkeep knows of the wall clock, in UTC ms: when it looked last, and since when the clock has gone on evenly. */
export interface ClockSeen {
  readonly seen: number
  readonly since: number
}

const dayMillis = 86_400_000

/** A move of the clock between two looks that is more than this is none that a clock makes by itself, in ms. */
const leap = dayMillis

/** So long a clock that leapt must go on evenly before it is believed, in ms. */
const trial = dayMillis

/**
 * The state after a look at `now`. A clock that was set, back or ahead, or a service that was off for more than a day,
 * starts a trial; the two cannot be told apart.
 */
export const clockSeen = (before: ClockSeen | null, now: number): ClockSeen =>
  before !== null && now >= before.seen && now - before.seen <= leap
    ? { seen: now, since: before.since }
    : { seen: now, since: now }

/** Whether the clock has gone on evenly for so long that what is old by it may be deleted. */
export const isTrusted = ({ seen, since }: ClockSeen): boolean => seen - since >= trial
