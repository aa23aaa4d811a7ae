import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { isNameable } from "../Domain/Instant.ts"
import type { Dst } from "../Domain/Schedule.ts"
import { DAY, startOfMonth } from "./Calendar.ts"
import { makeSlots } from "./Slots.ts"
import { singleWall } from "./Wall.ts"
import type { Zone } from "./Zone.ts"

const iso =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):?(\d{2})(?::?(\d{2})(?:[.,](\d{1,9}))?)?\s?([Zz]|[+-]\d{2}(?::?\d{2})?)?)?$/

const form = "use ISO 8601 such as 2026-02-15T14:30:00Z, or without an offset for the job's timezone"

interface Stamp {
  /** The wall time as milliseconds of the time that UTC would show. */
  readonly wall: number
  /** Local minus UTC in milliseconds, where the text says so. */
  readonly offset: Option.Option<number>
}

const readOffset = (text: string | undefined): Option.Option<number> => {
  if (text === undefined) return Option.none()
  const [, sign = "+", hours = "0", minutes = "0"] = /^([+-])(\d{2}):?(\d{2})?$/.exec(text) ?? []
  return Option.some((sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000)
}

const readStamp = (text: string): Either.Either<Stamp, string> => {
  const parts = iso.exec(text.trim())
  if (parts === null) return Either.left(`${JSON.stringify(text.slice(0, 60))} is no date and time; ${form}`)
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts
    .slice(1, 7)
    .map((part) => Number(part ?? 0))
  const offset = readOffset(parts[8])
  const range = (name: string, value: number, low: number, high: number): ReadonlyArray<string> =>
    value >= low && value <= high ? [] : [`${name}: ${value} is out of range ${low}-${high}`]
  const start = startOfMonth(year * 12 + month - 1)
  const length = startOfMonth(year * 12 + month) - start
  const zoneMinutes = Number(/[+-]\d{2}:?(\d{2})$/.exec(parts[8] ?? "")?.[1] ?? 0)
  const wrong = [
    ...range("month", month, 1, 12),
    ...(month >= 1 && month <= 12 ? range("day", day, 1, length) : []),
    ...range("hour", hour, 0, 23),
    ...range("minute", minute, 0, 59),
    ...range("second", second, 0, 59),
    ...range("offset hours", Math.trunc(Math.abs(Option.getOrElse(offset, () => 0)) / 3_600_000), 0, 23),
    ...range("offset minutes", zoneMinutes, 0, 59)
  ]
  if (wrong.length > 0) return Either.left(`${JSON.stringify(text)} does not exist: ${wrong.join(", ")}`)
  const millis = Number((parts[7] ?? "").padEnd(3, "0").slice(0, 3))
  const wall = (start + day - 1) * DAY + ((hour * 60 + minute) * 60 + second) * 1_000 + millis
  const furthest = wall - Option.getOrElse(offset, () => 0)
  if (!isNameable(furthest - DAY) || !isNameable(furthest + DAY)) {
    return Either.left(`${JSON.stringify(text)} lies outside the years 0000 to 9999`)
  }
  return Either.right({ wall, offset })
}

/** An `at` text as read: its instant in UTC milliseconds, and the wall time if it was read in the zone. */
export interface At {
  readonly instant: number
  readonly wall: number | null
}

/** Reads an `at` text; without an offset it is read in the zone. */
export const readAt = (text: string, zone: Zone, dst: Dst): Either.Either<At, string> =>
  Either.flatMap(readStamp(text), ({ wall, offset }): Either.Either<At, string> => {
    if (Option.isSome(offset)) return Either.right({ instant: wall - offset.value, wall: null })
    if (dst.fold === "both") return Either.left("runs once, so dst.fold both cannot hold; use first or second")
    const slots = makeSlots(singleWall(wall), zone, { gap: dst.gap ?? "run_after", fold: dst.fold ?? "first" })
    const instant = slots.next(wall - 2 * DAY)
    return instant === null
      ? Either.left(
          `${JSON.stringify(text)} does not exist in ${zone.name} (its clock skips it) and dst.gap is skip, so it never fires`
        )
      : Either.right({ instant, wall })
  })
