import cronstrue from "cronstrue"
import * as Either from "effect/Either"
import { formatDuration } from "../Domain/Duration.ts"
import { formatInstant } from "../Domain/Instant.ts"
import type { Cron } from "./Cron.ts"
import type { Zone } from "./Zone.ts"

/** A list that mixes `n#k` or `nL` with other days comes out wrong in cronstrue's words. */
const misread = (cron: Cron): boolean =>
  cron.dayOfWeek.rules.length > 0 && cron.dayOfWeek.rules.length + cron.dayOfWeek.values.length > 1

/** A cron expression in words; its own fields where the words fail. */
export const describeCron = (cron: Cron): string => {
  const fields = `Whenever ${cron.resolved} matches`
  if (misread(cron)) return fields
  const words = Either.try(() =>
    cronstrue.toString(cron.resolved, {
      use24HourTimeFormat: true,
      logicalAndDayFields: cron.dayOfMonth.wildcard || cron.dayOfWeek.wildcard
    })
  )
  return Either.getOrElse(words, () => fields)
}

/** A period in words. */
export const describeEvery = (period: number): string => `Every ${formatDuration(period)}`

/** An instant in words, as the zone shows it. */
export const describeAt = (instant: number, zone: Zone): string => {
  const shown = formatInstant(instant + zone.at(instant).offset)
  return `Once, on ${shown.slice(0, -14)} at ${shown.slice(-13, -5)} ${zone.name}`
}
