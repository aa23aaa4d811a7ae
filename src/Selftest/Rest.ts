import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { processesWith } from "../ProcessGroup.ts"
import { eventually, type Running } from "./Child.ts"
import { ledgerViolations } from "./Ledger.ts"
import { skipsMissed, tells } from "./Load.ts"
import type { Place } from "./Place.ts"
import type { Receiver } from "./Receiver.ts"
import { counted, NotSeen, some } from "./Report.ts"
import { behind, damageOf, readStored, type Stored, type StoredFile, unended } from "./Stored.ts"

/** For what faults left to be caught up with. */
const patience = "90 seconds"

/** Lets a service claim what is due, pauses its jobs, waits until all has ended, and stops it. */
export const bringToRest = Effect.fnUntraced(function* (service: Running, db: StoredFile) {
  const now = yield* Clock.currentTimeMillis
  const caughtUp = Effect.sync(() => (behind(db, now) === 0 ? true : undefined))
  yield* eventually("every slot is claimed", caughtUp, patience)
  const active = db.prepare("SELECT id FROM jobs WHERE status = 'active'").pluck().all().map(String)
  yield* Effect.forEach(active, (job_id) => service.client.schedule.pause({ path: { job_id } })).pipe(
    Effect.mapError((error) => new NotSeen({ message: `a job could not be paused: ${error.message}` }))
  )
  const atRest = Effect.sync(() => (unended(db) === 0 ? true : undefined))
  yield* eventually("every run has ended and every delivery is made", atRest, patience)
  yield* service.signal("SIGTERM")
  const code = yield* service.exitCode
  if (code !== 0) return yield* new NotSeen({ message: `the service ended with ${code}; it said:\n${service.said()}` })
})

const endings: ReadonlySet<string> = new Set(["succeeded", "failed", "timed_out", "interrupted"])

/** What is wrong with the deliveries to the webhook. */
const undelivered = ({ deliveries, jobs, runs }: Stored, { taken }: Receiver): ReadonlyArray<string> => {
  const telling = new Set(jobs.filter(({ name }) => tells(name)).map(({ id }) => id))
  const hooked = deliveries.filter(({ channel }) => channel === "webhook")
  const told = new Set(hooked.map(({ run_id }) => run_id))
  const known = new Set(hooked.map(({ id }) => id))
  const untold = runs.filter(({ id, job_id, status }) => telling.has(job_id) && endings.has(status) && !told.has(id))
  const lost = hooked.filter(({ id, run_id, state }) => {
    const arrivals = taken.get(id) ?? []
    return state !== "delivered" || arrivals.length === 0 || arrivals.some((arrived) => arrived !== run_id)
  })
  const strange = [...taken.keys()].filter((id) => !known.has(id))
  return [
    ...(untold.length === 0 ? [] : [`ended and told nobody: ${some(untold.map(({ id }) => id))}`]),
    ...(lost.length === 0 ? [] : [`not delivered: ${some(lost.map(({ id }) => id))}`]),
    ...(strange.length === 0 ? [] : [`arrived, and the database knows nothing of it: ${some(strange)}`])
  ]
}

/** Violations that are told one by one. */
const shown = 10

/** The ledger's violations in words; too many are counted. */
export const violationsIn = (stored: Stored): ReadonlyArray<string> => {
  const all = ledgerViolations(stored).map(({ message, subject }) => `${subject}: ${message}`)
  return all.length > shown ? [...all.slice(0, shown), `and ${counted(all.length - shown, "more violation")}`] : all
}

const failing: ReadonlySet<string> = new Set(["failed", "timed_out", "denied"])

/** Runs of the self-test's own agents that failed, which none of them should. */
export const failedRuns = ({ runs }: Pick<Stored, "runs">): ReadonlyArray<string> => {
  const failed = runs.filter(({ status }) => failing.has(status))
  const [first] = failed
  if (first === undefined) return []
  return [`${counted(failed.length, "run")} failed: ${first.error_message ?? first.status}`]
}

/** All that must hold of a service that has come to rest: its ledger, its deliveries, its agents, its file. */
export const problemsAtRest = Effect.fnUntraced(function* (place: Place, db: StoredFile, receiver: Receiver) {
  const stored = readStored(db)
  const skipping = new Set(stored.jobs.filter(({ name }) => skipsMissed(name)).map(({ id }) => id))
  const unwanted = stored.runs.filter(({ job_id, trigger }) => trigger === "catch_up" && skipping.has(job_id))
  const left = yield* processesWith(place.mark)
  const problems = [
    ...failedRuns(stored),
    ...violationsIn(stored),
    ...(unwanted.length === 0
      ? []
      : [`caught up with, against misfire = "skip": ${some(unwanted.map(({ id }) => id))}`]),
    ...undelivered(stored, receiver),
    ...(left.length === 0 ? [] : [`agents outlived their service, as processes ${some(left.map(String))}`]),
    ...damageOf(db)
  ]
  return { stored, problems }
})
