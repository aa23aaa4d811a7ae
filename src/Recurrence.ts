import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { parseDuration } from "./Domain/Duration.ts"
import type { TriggerSpec } from "./Domain/Schedule.ts"
import { readAt } from "./Recurrence/At.ts"
import { readCron } from "./Recurrence/Cron.ts"
import { makeDays } from "./Recurrence/Days.ts"
import { describeAt, describeCron, describeEvery } from "./Recurrence/Describe.ts"
import { atNotes, cronNotes, everyNotes, type Notes, type OnlySlot } from "./Recurrence/Notes.ts"
import { everySlots, makeSlots, type Slots, singleSlot, type Transition } from "./Recurrence/Slots.ts"
import { makeTimes } from "./Recurrence/Times.ts"
import { cronWall } from "./Recurrence/Wall.ts"
import { type Zone, zoneOf } from "./Recurrence/Zone.ts"

export { type Slots, singleSlot } from "./Recurrence/Slots.ts"

/** One thing wrong with a trigger; the path is the trigger's field, or empty when it is about several. */
export const RecurrenceIssue = Schema.Struct({
  path: Schema.Literal("cron_expr", "every", "at", "timezone", "dst", ""),
  message: Schema.String
})
export type RecurrenceIssue = typeof RecurrenceIssue.Type

/** A trigger that cannot be scheduled. */
export class RecurrenceError extends Schema.TaggedError<RecurrenceError>()("RecurrenceError", {
  issues: Schema.NonEmptyArray(RecurrenceIssue)
}) {
  override get message() {
    return this.issues
      .map((issue) => (issue.path === "" ? issue.message : `${issue.path}: ${issue.message}`))
      .join("; ")
  }
}

/** When a job is due. All instants are UTC milliseconds; every answer depends on the arguments alone. */
export interface Recurrence {
  readonly kind: "cron" | "every" | "at"
  /** The zone that wall times are read in, as it was given. */
  readonly timezone: string
  /** The first slot after `after` (exclusive), always greater; null when there is none any more. */
  readonly next: (after: number) => number | null
  /** The last slot before `before` (exclusive); null when there is none. */
  readonly previous: (before: number) => number | null
  /** Up to `n` slots after `from` (exclusive), in order. */
  readonly upcoming: (from: number, n: number) => ReadonlyArray<number>
  /** How many slots lie in [from, to); its cost grows with the days between, not with the slots. */
  readonly count: (from: number, to: number) => number
  /** In words, in English. */
  readonly describe: string
  /**
   * What a person should know of it who looks at the slots in (from, to), one sentence each: what the clock changes do
   * (a year ahead at least), what `H` stands for, and what the expression does that may not be meant.
   */
  readonly notes: Notes
}

/** What a trigger is read with: the job's name (for `H`), the start of `every`, and the zone when it names none. */
export interface RecurrenceContext {
  /** Empty while the job has none. */
  readonly name: string
  readonly anchor: number
  readonly timezone: string
  /** Whether no job has the trigger yet, so that the anchor is assumed. */
  readonly draft?: boolean
}

type Issues = readonly [RecurrenceIssue, ...Array<RecurrenceIssue>]
type Made = Either.Either<Recurrence, Issues>

const issue = (path: RecurrenceIssue["path"], message: string): Issues => [{ path, message }]

const recurrence = (
  kind: Recurrence["kind"],
  timezone: string,
  slots: Slots,
  describe: () => string,
  notes: Notes
): Recurrence => ({
  kind,
  timezone,
  next: slots.next,
  previous: slots.previous,
  count: slots.count,
  upcoming: (from, n) => {
    const found: Array<number> = []
    let slot: number | null = from
    while (found.length < n) {
      slot = slots.next(slot)
      if (slot === null) break
      found.push(slot)
    }
    return found
  },
  // In words only when asked: a service holds many recurrences and describes few.
  get describe() {
    return describe()
  },
  notes
})

const onlySlot = ({ one_shot }: TriggerSpec, slots: Slots, { anchor }: RecurrenceContext): OnlySlot | null => {
  const slot = one_shot === true ? slots.next(anchor) : null
  return slot === null ? null : { after: anchor, slot }
}

const readCronTrigger = (text: string, trigger: TriggerSpec, zone: Zone, context: RecurrenceContext): Made =>
  Either.gen(function* () {
    const cron = yield* Either.mapLeft(
      readCron(text, context.name),
      ([first = "", ...rest]): Issues => [
        { path: "cron_expr", message: first },
        ...rest.map((message) => ({ path: "cron_expr" as const, message }))
      ]
    )
    const days = makeDays(cron.dayOfMonth, cron.month, cron.dayOfWeek)
    const times = makeTimes(cron.second.values, cron.minute.values, cron.hour.values)
    const elapsed = cron.minute.wildcard || cron.hour.wildcard
    const wall = cronWall(days, times)
    const transition: Transition = {
      gap: trigger.dst?.gap ?? (elapsed ? "skip" : "run_after"),
      fold: trigger.dst?.fold ?? (elapsed ? "both" : "first")
    }
    const slots = makeSlots(wall, zone, transition)
    if (!days.any) {
      return yield* Either.left(issue("cron_expr", `${JSON.stringify(text)} never fires: no month has such a day`))
    }
    if (slots.next(context.anchor) === null) {
      const why = `its only times are skipped by the clock of ${zone.name}; set dst.gap to run_after`
      return yield* Either.left(issue("cron_expr", `${JSON.stringify(text)} never fires: ${why}`))
    }
    const timezone = trigger.timezone ?? context.timezone
    return recurrence(
      "cron",
      timezone,
      slots,
      () => describeCron(cron),
      cronNotes(
        { cron, days, wall, transition },
        { zone, timezone },
        { name: context.name, dst: trigger.dst, only: onlySlot(trigger, slots, context) }
      )
    )
  })

/** Many jobs share few expressions, and reading one takes long. */
const crons = new Map<string, Recurrence>()
const mostCrons = 1_000

/** What an expression means depends on the job and its anchor only by `H` and as the first slot of a one-shot. */
const makeCron = (text: string, trigger: TriggerSpec, zone: Zone, context: RecurrenceContext): Made => {
  if (trigger.one_shot === true || /h/i.test(text)) return readCronTrigger(text, trigger, zone, context)
  const timezone = trigger.timezone ?? context.timezone
  const { fold = "", gap = "" } = trigger.dst ?? {}
  const key = `${text}\n${timezone}\n${gap}\n${fold}`
  const known = crons.get(key)
  if (known !== undefined) return Either.right(known)
  return Either.map(readCronTrigger(text, trigger, zone, context), (made) => {
    if (crons.size >= mostCrons) crons.clear()
    crons.set(key, made)
    return made
  })
}

const makeEvery = (
  path: "cron_expr" | "every",
  text: string,
  trigger: TriggerSpec,
  zone: Zone,
  context: RecurrenceContext
): Made => {
  const period = parseDuration(text)
  if (Option.isNone(period)) {
    return Either.left(
      issue(path, `${JSON.stringify(text.slice(0, 60))} is no positive duration; use one such as 90s, 5m or 1h30m`)
    )
  }
  if (trigger.dst !== undefined) {
    return Either.left(issue("dst", "a period counts elapsed time and knows no DST; remove dst, or use cron_expr"))
  }
  const slots = everySlots(context.anchor, period.value)
  if (slots.next(context.anchor) === null) return Either.left(issue(path, `${JSON.stringify(text)} never fires`))
  const timezone = trigger.timezone ?? context.timezone
  const assumed = context.draft === true ? context.anchor : null
  const notes = everyNotes(period.value, { zone, timezone }, assumed, onlySlot(trigger, slots, context))
  return Either.right(recurrence("every", timezone, slots, () => describeEvery(period.value), notes))
}

const makeAt = (text: string, trigger: TriggerSpec, zone: Zone, context: RecurrenceContext): Made =>
  Either.mapBoth(readAt(text, zone, trigger.dst ?? {}), {
    onLeft: (message) => issue("at", message),
    onRight: (at) => {
      const timezone = trigger.timezone ?? context.timezone
      const describe = () => describeAt(at.instant, zone, timezone)
      return recurrence("at", timezone, singleSlot(at.instant), describe, atNotes(at, { zone, timezone }, trigger.dst))
    }
  })

const makeTrigger = (trigger: TriggerSpec, context: RecurrenceContext): Made => {
  const set = (["cron_expr", "every", "at"] as const).filter((key) => trigger[key] !== undefined)
  if (set.length !== 1) {
    const found = set.length === 0 ? "none is set" : `${set.join(" and ")} are set`
    return Either.left(issue("", `set exactly one of cron_expr, every and at; ${found}`))
  }
  const timezone = trigger.timezone ?? context.timezone
  const zone = zoneOf(timezone)
  if (Option.isNone(zone)) {
    const text = JSON.stringify(timezone.slice(0, 60))
    return Either.left(issue("timezone", `${text} is no known IANA time zone; use one such as UTC or America/New_York`))
  }
  if (trigger.every !== undefined) return makeEvery("every", trigger.every, trigger, zone.value, context)
  if (trigger.at !== undefined) return makeAt(trigger.at, trigger, zone.value, context)
  const text = trigger.cron_expr ?? ""
  const every = /^\s*@every\s+(.*?)\s*$/i.exec(text)
  return every === null
    ? makeCron(text, trigger, zone.value, context)
    : makeEvery("cron_expr", every[1] ?? "", trigger, zone.value, context)
}

/** The instant of an ISO 8601 text in UTC ms; without an offset it is read in the zone, a date alone as its midnight. */
export const readInstant = (text: string, timezone: string): Either.Either<number, string> =>
  Option.match(zoneOf(timezone), {
    onNone: () => Either.left(`${JSON.stringify(timezone)} is no known IANA time zone`),
    onSome: (zone) => Either.map(readAt(text, zone, {}), ({ instant }) => instant)
  })

/** The first slot after the anchor alone. */
const once = (every: Recurrence, anchor: number): Recurrence => {
  const first = every.next(anchor)
  if (every.kind === "at" || first === null) return every
  const describe = () => `Once, at the first slot of: ${every.describe}`
  return recurrence(every.kind, every.timezone, singleSlot(first), describe, every.notes)
}

/** Reads a trigger; on the left everything wrong with it. */
export const make = (trigger: TriggerSpec, context: RecurrenceContext): Either.Either<Recurrence, RecurrenceError> =>
  Either.mapBoth(makeTrigger(trigger, context), {
    onLeft: (issues) => new RecurrenceError({ issues }),
    onRight: (made) => (trigger.one_shot === true ? once(made, context.anchor) : made)
  })
