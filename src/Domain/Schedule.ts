import * as Schema from "effect/Schema"
import { DurationText } from "./Duration.ts"

/** Names found good: the check costs 30 us, and each stored job that is read is checked. */
const knownZones = new Set<string>()

const isTimeZone = (name: string): boolean => {
  if (knownZones.has(name)) return true
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name })
    if (!/^[A-Za-z]/.test(name)) return false
    knownZones.add(name)
    return true
  } catch {
    return false
  }
}

/** An IANA time zone name such as `America/New_York`. */
export const TimeZone = Schema.String.pipe(
  Schema.filter(isTimeZone, {
    identifier: "TimeZone",
    message: (issue) =>
      `${JSON.stringify(issue.actual)} is no known IANA time zone; use a name such as "UTC" or "America/New_York"`
  })
)

/** What to do where local time jumps: a slot inside the gap, and a slot that happens twice in the fold. */
export const Dst = Schema.Struct({
  gap: Schema.optionalWith(Schema.Literal("run_after", "skip"), { exact: true }),
  fold: Schema.optionalWith(Schema.Literal("first", "second", "both"), { exact: true })
}).annotations({ identifier: "Dst" })
export type Dst = typeof Dst.Type

/** When a job is due: the fields that decide it. Exactly one of `cron_expr`, `every` and `at` is set. */
export const TriggerFields = {
  cron_expr: Schema.NonEmptyString,
  every: DurationText,
  at: Schema.NonEmptyString,
  timezone: TimeZone,
  dst: Dst
}

const triggerOptional = {
  cron_expr: Schema.optionalWith(TriggerFields.cron_expr, { exact: true }),
  every: Schema.optionalWith(TriggerFields.every, { exact: true }),
  at: Schema.optionalWith(TriggerFields.at, { exact: true }),
  timezone: Schema.optionalWith(TriggerFields.timezone, { exact: true }),
  dst: Schema.optionalWith(TriggerFields.dst, { exact: true }),
  one_shot: Schema.optionalWith(Schema.Boolean, { exact: true })
}

/** A trigger on its own, as the preview takes it. */
export const TriggerSpec = Schema.Struct(triggerOptional)
export type TriggerSpec = typeof TriggerSpec.Type

/** What happens to slots that passed while the service was down or asleep. */
export const Misfire = Schema.Literal("run_once", "skip", "run_all")
export type Misfire = typeof Misfire.Type

/** What happens to a slot that comes due while the job is at `max_concurrent`. */
export const Overlap = Schema.Literal("skip", "queue_one", "cancel_previous")
export type Overlap = typeof Overlap.Type

/** What happens to an attempt whose service died. */
export const OnInterrupt = Schema.Literal("retry", "fail")
export type OnInterrupt = typeof OnInterrupt.Type

/** How failed attempts of one run are repeated: waits of backoff x factor^n, at most max. */
export const Retry = Schema.Struct({
  attempts: Schema.optionalWith(Schema.Int.pipe(Schema.between(1, 100)), { exact: true }),
  backoff: Schema.optionalWith(DurationText, { exact: true }),
  factor: Schema.optionalWith(Schema.Number.pipe(Schema.between(1, 100)), { exact: true }),
  max: Schema.optionalWith(DurationText, { exact: true })
}).annotations({ identifier: "Retry" })
export type Retry = typeof Retry.Type
