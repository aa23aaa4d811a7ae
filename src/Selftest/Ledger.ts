import * as Schema from "effect/Schema"

/** A job as the ledger knows it; instants are UTC ms. */
export interface LedgerJob {
  readonly id: string
  readonly name: string
  /** The slots it has had, oldest first: from its creation up to its cursor; null where nothing tells them. */
  readonly slots: ReadonlyArray<number> | null
}

/** A run as the ledger knows it: one slot, or a range of missed ones. */
export const LedgerRun = Schema.Struct({
  id: Schema.String,
  job_id: Schema.String,
  trigger: Schema.String,
  status: Schema.String,
  scheduled_for: Schema.Number,
  missed_count: Schema.NullOr(Schema.Number),
  missed_from: Schema.NullOr(Schema.Number),
  missed_to: Schema.NullOr(Schema.Number)
})
export type LedgerRun = typeof LedgerRun.Type

/** A delivery as the ledger knows it. */
export const LedgerDelivery = Schema.Struct({
  id: Schema.String,
  run_id: Schema.String,
  channel: Schema.String,
  state: Schema.String
})
export type LedgerDelivery = typeof LedgerDelivery.Type

/** What a store holds when all has come to rest. */
export interface LedgerRows {
  readonly jobs: ReadonlyArray<LedgerJob>
  readonly runs: ReadonlyArray<LedgerRun>
  readonly deliveries: ReadonlyArray<LedgerDelivery>
}

/** What of the ledger is not as it must be: for which job or run, in words. */
export interface Violation {
  readonly law: "one_row_per_slot" | "range" | "at_rest" | "delivered_once" | "known_job"
  readonly subject: string
  readonly message: string
}

/** Slots belong to schedules only: manual runs and backfills are beside the equation. */
const isOfSlot = ({ trigger }: LedgerRun): boolean => trigger === "schedule" || trigger === "catch_up"

const open: ReadonlySet<string> = new Set(["pending", "running"])

const instants = (slots: ReadonlyArray<number>): string =>
  `${slots
    .slice(0, 3)
    .map((slot) => new Date(slot).toISOString())
    .join(", ")}${slots.length > 3 ? ` and ${slots.length - 3} more` : ""}`

const ofJob = (
  job: { readonly name: string; readonly slots: ReadonlyArray<number> },
  runs: ReadonlyArray<LedgerRun>
): ReadonlyArray<Violation> => {
  const violations: Array<Violation> = []
  const counted = new Map<number, number>()
  const count = (slot: number) => counted.set(slot, (counted.get(slot) ?? 0) + 1)
  for (const { id, missed_count, missed_from, missed_to, scheduled_for } of runs.filter(isOfSlot)) {
    if (missed_from === null || missed_to === null) {
      count(scheduled_for)
      continue
    }
    const range = job.slots.filter((slot) => slot >= missed_from && slot <= missed_to)
    range.forEach(count)
    if (missed_count !== range.length || range[0] !== missed_from || range.at(-1) !== missed_to) {
      const message = `says ${missed_count} slots from ${missed_from} to ${missed_to}; there are ${range.length}`
      violations.push({ law: "range", subject: id, message })
    }
  }
  const known = new Set(job.slots)
  const wrong = (slots: ReadonlyArray<number>, what: string) => {
    if (slots.length === 0) return
    violations.push({ law: "one_row_per_slot", subject: job.name, message: `${what}: ${instants(slots)}` })
  }
  wrong(
    job.slots.filter((slot) => !counted.has(slot)),
    "slots without a row"
  )
  wrong(
    [...counted.keys()].filter((slot) => (counted.get(slot) ?? 0) > 1),
    "slots with more than one row"
  )
  wrong(
    [...counted.keys()].filter((slot) => !known.has(slot)),
    "rows for what is no slot"
  )
  return violations
}

/**
 * The ledger equation on the rows of a store at rest: every slot of every job has exactly one row or lies in exactly
 * one missed range, every run has ended, and no output goes to one channel under two ids. Empty when all is well.
 */
export const ledgerViolations = ({ deliveries, jobs, runs }: LedgerRows): ReadonlyArray<Violation> => {
  const byJob = new Map<string, Array<LedgerRun>>(jobs.map(({ id }) => [id, []]))
  const violations: Array<Violation> = []
  for (const run of runs) {
    const ofIts = byJob.get(run.job_id)
    if (ofIts === undefined) violations.push({ law: "known_job", subject: run.id, message: `of no job: ${run.job_id}` })
    ofIts?.push(run)
    if (open.has(run.status)) violations.push({ law: "at_rest", subject: run.id, message: `is still ${run.status}` })
  }
  for (const { id, name, slots } of jobs) {
    if (slots !== null) violations.push(...ofJob({ name, slots }, byJob.get(id) ?? []))
  }
  const told = new Set<string>()
  for (const { channel, id, run_id, state } of deliveries) {
    const pair = `${run_id} ${channel}`
    if (told.has(pair)) violations.push({ law: "delivered_once", subject: id, message: `a second delivery of ${pair}` })
    told.add(pair)
    if (state === "pending") violations.push({ law: "at_rest", subject: id, message: "is still pending" })
  }
  return violations
}

/** The slots of a job of every `step` ms with this anchor, up to its cursor and without it. */
export const slotsEvery = (anchor: number, step: number, cursor: number): ReadonlyArray<number> =>
  Array.from({ length: Math.max(0, Math.ceil((cursor - anchor) / step) - 1) }, (_, n) => anchor + (n + 1) * step)
