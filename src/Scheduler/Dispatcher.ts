import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as LogLevel from "effect/LogLevel"
import * as Ref from "effect/Ref"
import { OutboxSignal } from "../Delivery.ts"
import type { StoredJob } from "../Domain/Job.ts"
import type { Run } from "../Domain/Run.ts"
import { JobStore, type Look, type StartedRun } from "../JobStore.ts"
import { recordLook, recordStarts } from "../Observability.ts"
import { Settings } from "../Settings.ts"
import { refusalIn } from "../StorageHealth.ts"
import { expired } from "./ApprovalRules.ts"
import { BootIdentity } from "./BootIdentity.ts"
import { ClockWatch } from "./ClockWatch.ts"
import { JobActors } from "./JobActors.ts"
import { LookAhead } from "./LookAhead.ts"
import { recordOf, settle } from "./Outcome.ts"
import { Partitions } from "./Partitions.ts"
import { makeRecurrences } from "./Recurrences.ts"
import { makeSlotPlanner } from "./SlotPlanner.ts"
import { SchedulerStatus } from "./Status.ts"
import { WakeSignal } from "./WakeSignal.ts"

/** Due jobs claimed in one transaction. */
const claimBatch = 500
/** Looks made in a row where more is due than one may claim, and how long in ms; then what they started is handed over. */
const maxLooks = 20
const maxClaimMillis = 1_000
/** How long a node is taken to live after it last said so: several looks, and never less than 30 s. */
const minLeaseMillis = 30_000

interface Clockwork {
  readonly lastLook: number
  /** Of the latest look that left no room for a further run. */
  readonly lastFull: number
  readonly leaseUntil: number
}

const replaced = { code: "overlap", text: "replaced by a newer slot (overlap: cancel_previous)" }

const deadOwner = { code: "owner_died", text: "the service died while it ran" }

/**
 * One fiber per node that claims due slots and starts ready runs, then sleeps until the next instant at which it can
 * find work, a wake, or the tick, whichever is first.
 */
export class Dispatcher extends Effect.Service<Dispatcher>()("symbiont/Scheduler/Dispatcher", {
  scoped: Effect.gen(function* () {
    const store = yield* JobStore
    const actors = yield* JobActors
    const signal = yield* WakeSignal
    const outbox = yield* OutboxSignal
    const { scheduler } = yield* Settings
    const { id: owner } = yield* BootIdentity
    const { owned } = yield* Partitions
    const clockWatch = yield* ClockWatch
    const ahead = yield* LookAhead

    const tickMillis = scheduler.tick_interval_seconds * 1_000
    const leaseMillis = Math.max(minLeaseMillis, tickMillis * 5)
    const planSlots = makeSlotPlanner(scheduler, makeRecurrences(scheduler.timezone))
    const clockwork = yield* Ref.make<Clockwork>({ lastLook: 0, lastFull: 0, leaseUntil: 0 })

    const recover = (now: number) =>
      store
        .recover(now, owner, (run: Run, job: StoredJob | null) =>
          job === null
            ? unreadable(run, now)
            : settle({ _tag: "Interrupted", reason: deadOwner }, recordOf(run), run, job, scheduler, now)
        )
        .pipe(
          Effect.tap((count) =>
            count > 0
              ? Effect.zipRight(Effect.logInfo(`recovered ${count} runs of a service that died`), outbox.wake)
              : Effect.void
          ),
          Effect.repeat({ until: (count) => count === 0 })
        )

    const keepLease = Effect.fnUntraced(function* (now: number) {
      const { leaseUntil } = yield* Ref.get(clockwork)
      if (leaseUntil - now > (leaseMillis * 2) / 3 && leaseUntil - now <= leaseMillis) return
      if (leaseUntil === 0) {
        const lastSeen = yield* store.registerNode(owner, now, now + leaseMillis)
        if (lastSeen !== null) yield* clockWatch.checkStart(lastSeen, now)
      } else {
        yield* store.renewLease(owner, now, now + leaseMillis)
      }
      yield* Ref.update(clockwork, (before) => ({ ...before, leaseUntil: now + leaseMillis }))
      yield* recover(now)
    })

    const handOver = Effect.fnUntraced(function* (look: Look) {
      yield* Effect.logDebug("looked", {
        claimed: look.claimed,
        started: look.started.length,
        ended: look.ended.length,
        cancelled: look.cancel.length
      })
      yield* actors.fire(look.started)
      const now = yield* Clock.currentTimeMillis
      yield* recordStarts(look.started.filter(isPunctual).map(({ run }) => now - (run.start_at ?? run.scheduled_for)))
      // Not awaited: a run that takes its time to stop must not hold up the others' starts.
      yield* Effect.forEach(look.cancel, ({ run_id }) => actors.cancelSoon(run_id, replaced, "scheduler"), {
        discard: true
      })
      if (look.ended.length > 0) yield* outbox.wake
      yield* Effect.forEach(
        look.quarantined,
        ({ detail, job_id }) =>
          Effect.logError(`job ${job_id} is set aside, its row is damaged: ${detail}`).pipe(
            Effect.annotateLogs({ job_id })
          ),
        { discard: true }
      )
    })

    /** Claims what is due, all of it before any of it is begun, and tells `claimed` of each look. */
    const claim = Effect.fnUntraced(function* (due: number, permits: number, claimed: (look: Look) => void) {
      const partitions = yield* owned
      const begun = yield* Clock.currentTimeMillis
      let places = permits
      for (let looks = 0; looks < maxLooks; looks++) {
        const clock = yield* Clock.currentTimeMillis
        if (looks > 0 && clock - begun >= maxClaimMillis) return
        const now = Math.max(due, clock)
        const found = yield* store.look({
          now,
          owner,
          partitions,
          permits: places,
          batch: claimBatch,
          plan: (job, live) => planSlots(job, live, now),
          expire: expired(now)
        })
        claimed(found)
        places -= found.started.length
        if (found.claimed < claimBatch || places <= 0) return
      }
    })

    // A timer may ring a ms early, and the clock may have been set back since: waited for twice, not until it is so.
    const until = (instant: number) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        instant > now ? Effect.sleep(Math.min(instant - now, ahead)) : Effect.void
      ).pipe(Effect.repeatN(1))

    // Not to be interrupted between the claim and the handover: what was started must reach its actor.
    const look = Effect.gen(function* () {
      const { isAsked, waiters } = yield* signal.takeAsked
      const now = yield* Clock.currentTimeMillis
      yield* keepLease(now)
      yield* clockWatch.check(now)
      const partitions = yield* owned
      const permits = scheduler.max_concurrent_jobs - (yield* actors.inFlight)
      const due = yield* store.nextWake({ now: now + ahead, permits, partitions })
      const looks: Array<Look> = []
      const isDue = due !== null && due <= now + ahead
      if (isDue) {
        const handedOver = Effect.suspend(() => Effect.forEach(looks, handOver, { discard: true }))
        yield* claim(due, permits, (found) => looks.push(found)).pipe(
          Effect.ensuring(Effect.zipRight(until(due), handedOver))
        )
      }
      // What a person changed may have left something to tell, too.
      if (isAsked) yield* outbox.wake
      yield* recordLook
      const isFull = permits <= looks.reduce((count, { started }) => count + started.length, 0)
      yield* Ref.update(clockwork, (before) => ({
        ...before,
        lastLook: now,
        lastFull: isFull ? now : before.lastFull
      }))
      for (const told of waiters) told()
      if (looks.some(hasFound)) return 0
      return due === null || isDue ? tickMillis : Math.min(tickMillis, due - ahead - now)
    }).pipe(Effect.uninterruptible, Effect.withSpan("Dispatcher.look"))

    const loop = Effect.forever(
      Effect.flatMap(look, (millis) =>
        millis === 0 ? Effect.yieldNow() : Effect.raceFirst(Effect.sleep(millis), signal.take)
      )
    ).pipe(
      Effect.catchAllCause((cause) =>
        Cause.isInterruptedOnly(cause)
          ? Effect.failCause(cause)
          : Effect.andThen(
              // The log tells of the disk once, not at each look.
              Effect.logWithLevel(
                refusalIn(cause) === undefined ? LogLevel.Error : LogLevel.Debug,
                "the dispatcher failed and starts anew",
                cause
              ),
              Effect.sleep("1 second")
            )
      ),
      Effect.forever
    )

    yield* Effect.forkScoped(Effect.annotateLogs(loop, "component", "scheduler"))

    const loopAlive = Effect.gen(function* () {
      const { lastLook } = yield* Ref.get(clockwork)
      return (yield* Clock.currentTimeMillis) - lastLook <= Math.max(5_000, tickMillis * 3)
    })

    const lastFull = Effect.map(Ref.get(clockwork), ({ lastFull }) => lastFull)

    return { loopAlive, lastFull, inFlight: actors.inFlight } as const
  })
}) {}

const hasFound = ({ claimed, ended, started }: Look): boolean => claimed > 0 || started.length > 0 || ended.length > 0

/** Retries, runs by hand or of the past, and what waited for a person, are not late by the scheduler. */
const isPunctual = ({ attempt, run }: StartedRun): boolean =>
  run.trigger === "schedule" && attempt.number === 1 && run.approval_id === null

const unreadable = (run: Run, now: number) => ({
  attempt: { outcome: "interrupted" as const, failure: null, error_message: deadOwner.text },
  run: { status: "interrupted" as const, finished_at: now, error_message: deadOwner.text, reason: deadOwner },
  job: {},
  deliveries: [],
  audit: [
    { type: "RunInterrupted" as const, actor: "scheduler", job_id: run.job_id, job_name: run.job_name, run_id: run.id }
  ]
})

/** What the scheduler says of itself, for the health routes. */
export const statusLayer = Layer.effect(
  SchedulerStatus,
  Effect.map(Dispatcher, ({ inFlight, lastFull, loopAlive }) => SchedulerStatus.of({ inFlight, lastFull, loopAlive }))
)
