import cronstrue from "cronstrue"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { formatDuration } from "../Domain/Duration.ts"
import { formatInstant } from "../Domain/Instant.ts"
import type { Cron } from "./Cron.ts"
import type { Field } from "./Field.ts"
import type { Zone } from "./Zone.ts"

/** A list that mixes `n#k` or `nL` with other days comes out wrong in cronstrue's words. */
const misread = (cron: Cron): boolean =>
  cron.dayOfWeek.rules.length > 0 && cron.dayOfWeek.rules.length + cron.dayOfWeek.values.length > 1

/** More values than this are better told by their step. */
const mostListed = 12

/**
 * The text that is put into words. A step that does not come out even would be called "every 13 minutes", which is not
 * what it does, so its values are listed.
 */
const textOf = (field: Field, size: number): string => {
  const { rules, text, values } = field
  const step = Number(/^[^,]+\/(\d+)$/.exec(text)?.[1] ?? 1)
  const even = (values[0] ?? 0) + size - (values.at(-1) ?? 0) === step
  return step > 1 && !even && rules.length === 0 && values.length <= mostListed ? values.join(",") : text
}

const inWords = (expression: string): Option.Option<string> =>
  Either.getRight(
    Either.try(() => cronstrue.toString(expression, { use24HourTimeFormat: true, logicalAndDayFields: true }))
  )

/** A cron expression in words; its own fields where the words fail. */
export const describeCron = (cron: Cron): string => {
  const { second, minute, hour, dayOfMonth, month, dayOfWeek } = cron
  const time = [
    ...(second.values.length === 1 && second.values[0] === 0 ? [] : [textOf(second, 60)]),
    textOf(minute, 60),
    textOf(hour, 24)
  ].join(" ")
  const date = textOf(dayOfMonth, Infinity)
  const months = textOf(month, 12)
  const weekday = dayOfWeek.text.includes("/") ? dayOfWeek.values.join(",") : dayOfWeek.text
  const words = Option.gen(function* () {
    if (misread(cron)) return yield* Option.none()
    if (dayOfMonth.wildcard || dayOfWeek.wildcard) return yield* inWords(`${time} ${date} ${months} ${weekday}`)
    // The words of the whole would join the two by "and".
    const start = yield* inWords(`${time} * * *`)
    const part = (expression: string) =>
      Option.liftPredicate((text: string) => text.startsWith(start))(
        Option.getOrElse(inWords(expression), () => "")
      ).pipe(Option.map((text) => text.slice(start.length)))
    const byDate = yield* part(`${time} ${date} * *`)
    const byWeekday = yield* part(`${time} * * ${weekday}`)
    const inMonths = yield* part(`${time} * ${months} *`)
    return `${start}${byDate} or ${byWeekday.replace(/^, (only )?/, "")}${inMonths}`
  })
  return Option.getOrElse(words, () => `Whenever ${cron.resolved} matches`)
}

/** A period in words. */
export const describeEvery = (period: number): string => `Every ${formatDuration(period)}`

/** An instant in words, as the zone shows it. */
export const describeAt = (instant: number, zone: Zone, timezone: string): string => {
  const shown = formatInstant(instant + zone.at(instant).offset)
  return `Once, on ${shown.slice(0, -14)} at ${shown.slice(-13, -5)} ${timezone}`
}
