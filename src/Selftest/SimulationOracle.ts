import * as Arr from "effect/Array"
import { type SimulatedSchedule, slotsOf } from "./SimulationSlots.ts"

/** Of a job's rows in the ledger, and of what the oracle expects: a slot and how it came to its row, or a missed range. */
export type LedgerEntry =
  | { readonly trigger: "schedule" | "catch_up"; readonly slot: number }
  | { readonly trigger: "missed"; readonly from: number; readonly to: number; readonly count: number }

/** What the world did, in its order, by the wall clock (UTC ms). */
export type History =
  /** A service looks at the clock anew: it started, went on after a freeze, or the clock jumped. */
  | { readonly _tag: "Looks"; readonly at: number; readonly unhandled: ReadonlySet<string> }
  /** The service was up until then; `unhandled` are jobs whose slots at that very instant it did not come to. */
  | { readonly _tag: "Runs"; readonly to: number; readonly unhandled: ReadonlySet<string> }
  /** The clock was set back so far that it was noticed. */
  | { readonly _tag: "SetBack"; readonly to: number }
  | { readonly _tag: "Active"; readonly job: string; readonly at: number; readonly schedule: SimulatedSchedule }
  | { readonly _tag: "Inactive"; readonly job: string }

/** What the oracle knows of a job. */
export interface OracleJob {
  readonly name: string
  readonly misfire: "run_once" | "skip" | "run_all"
  readonly max_catchup: number
}

const grace = 60_000

interface Missed {
  slots: ReadonlyArray<number>
}

/**
 * What the ledger must hold of a job after a history, by the contract's words alone: each slot while it was active has one
 * entry, by when the service came to look at it.
 */
export const expectedLedger = (job: OracleJob, history: ReadonlyArray<History>): ReadonlyArray<LedgerEntry> => {
  const ends = history.flatMap((entry) =>
    entry._tag === "Looks" ? [entry.at] : entry._tag === "Runs" ? [entry.to] : []
  )
  const starts = history.flatMap((entry) => (entry._tag === "SetBack" ? [entry.to] : []))
  const farthest = Math.max(...ends)

  const done = new Set<number>()
  const rows: Array<{ readonly trigger: "schedule" | "catch_up"; readonly slot: number }> = []
  const missed: Array<Missed> = []
  let schedule = null as SimulatedSchedule | null
  let from = 0
  let slots: ReadonlyArray<number> = []

  const follow = (at: number, next: SimulatedSchedule) => {
    schedule = next
    from = at
    slots = slotsOf(next, Math.min(at, ...starts), farthest)
  }
  const dueUpTo = (to: number, inclusive: boolean): ReadonlyArray<number> =>
    schedule === null
      ? []
      : slots.filter((slot) => slot > from && (inclusive ? slot <= to : slot < to) && !done.has(slot))
  const enter = (trigger: "schedule" | "catch_up", slot: number) => {
    done.add(slot)
    rows.push({ trigger, slot })
  }

  for (const entry of history) {
    switch (entry._tag) {
      case "Active":
        if (entry.job === job.name) follow(entry.at, entry.schedule)
        break
      case "Inactive":
        if (entry.job === job.name) schedule = null
        break
      case "Runs":
        for (const slot of dueUpTo(entry.to, !entry.unhandled.has(job.name))) enter("schedule", slot)
        break
      case "Looks": {
        if (entry.unhandled.has(job.name)) break
        const due = dueUpTo(entry.at, true)
        const late = due.filter((slot) => slot < entry.at - grace)
        const wanted = job.misfire === "skip" ? 0 : job.misfire === "run_once" ? 1 : job.max_catchup
        const passedOver = late.slice(0, Math.max(0, late.length - wanted))
        // A slot that had its row before the clock was set back parts the ranges about it.
        const parts = [...done].filter((slot) => slot < entry.at).sort((a, b) => a - b)
        const ranges = Arr.groupBy(passedOver, (slot) => String(parts.findLastIndex((one) => one < slot)))
        for (const slots of Object.values(ranges)) missed.push({ slots })
        for (const slot of passedOver) done.add(slot)
        for (const slot of late.slice(passedOver.length)) enter("catch_up", slot)
        for (const slot of due.slice(late.length)) enter("schedule", slot)
        break
      }
      case "SetBack": {
        from = Math.min(from, entry.to)
        if (schedule !== null && "anchor" in schedule && schedule.anchor > entry.to) {
          follow(entry.to, {
            ...schedule,
            anchor: entry.to
          })
        }
        for (const range of missed) {
          for (const slot of range.slots) if (slot > entry.to) done.delete(slot)
          range.slots = range.slots.filter((slot) => slot <= entry.to)
        }
        break
      }
    }
  }
  return sorted([
    ...rows,
    ...missed.flatMap(({ slots }): ReadonlyArray<LedgerEntry> => {
      const [first] = slots
      const last = slots.at(-1)
      return first === undefined || last === undefined
        ? []
        : [{ trigger: "missed", from: first, to: last, count: slots.length }]
    })
  ])
}

const instantOf = (entry: LedgerEntry): number => (entry.trigger === "missed" ? entry.from : entry.slot)

/** Entries in the order of their slots. */
export const sorted = (entries: ReadonlyArray<LedgerEntry>): ReadonlyArray<LedgerEntry> =>
  entries.toSorted((a, b) => instantOf(a) - instantOf(b))

/** An entry in words. */
export const textOf = (entry: LedgerEntry): string =>
  entry.trigger === "missed"
    ? `missed ${new Date(entry.from).toISOString()}..${new Date(entry.to).toISOString()} (${entry.count})`
    : `${entry.trigger} ${new Date(entry.slot).toISOString()}`
