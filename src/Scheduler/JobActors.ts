import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as FiberSet from "effect/FiberSet"
import * as HashMap from "effect/HashMap"
import * as LogLevel from "effect/LogLevel"
import * as Runtime from "effect/Runtime"
import * as RuntimeFlags from "effect/RuntimeFlags"
import * as Scope from "effect/Scope"
import { debugged } from "../Debugging.ts"
import { OutboxSignal } from "../Delivery.ts"
import type { Actor, AuditDraft } from "../Domain/Audit.ts"
import type { BootId, JobId, RunId } from "../Domain/Ids.ts"
import type { Reason, Run } from "../Domain/Run.ts"
import { isTerminal } from "../Domain/Run.ts"
import { JobStore, type StartedRun } from "../JobStore.ts"
import { inFlightGauge } from "../Observability.ts"
import { RunLogs } from "../RunLogs.ts"
import { Settings } from "../Settings.ts"
import { refusalIn } from "../StorageHealth.ts"
import { RunTraces } from "../Telemetry.ts"
import { cancelledWait } from "./ApprovalRules.ts"
import { BootIdentity } from "./BootIdentity.ts"
import { FailedRunLevel } from "./FailedRunLevel.ts"
import { endWaiting } from "./JobAfter.ts"
import { LiveRun, type Stopped } from "./LiveRun.ts"
import { settle } from "./Outcome.ts"
import { type Ended, Pipeline } from "./Pipeline.ts"
import { RunObserver, unobserved } from "./RunObserver.ts"
import { makeSignal } from "./Signal.ts"
import { storableEnd, whyUnstorable } from "./Unstorable.ts"
import { WakeSignal } from "./WakeSignal.ts"

const shutdown: Stopped = {
  kind: "interrupted",
  reason: { code: "shutdown", text: "the service was stopped while it ran" }
}

const cancelled = (run: Run, reason: Reason, actor: Actor): AuditDraft => ({
  type: "RunCancelled",
  actor,
  job_id: run.job_id,
  job_name: run.job_name,
  run_id: run.id,
  reason: reason.text
})

const hasFailed = ({ status }: Run): boolean =>
  status === "failed" || status === "timed_out" || status === "interrupted"

/** What the log says of the end of an attempt. */
const tellEnd = (run: Run, failedLevel: LogLevel.LogLevel) => {
  const { error_message: error, execution_time_ms: ms, id: run_id, job_id, job_name, reason, status } = run
  const facts = { component: "scheduler", job_id, job_name, run_id, attempt: run.attempts.length, status, ms }
  if (hasFailed(run))
    return Effect.logWithLevel(failedLevel, "run ended", {
      ...facts,
      error: error ?? reason?.text
    })
  return isTerminal(status)
    ? Effect.logDebug("run ended", { ...facts, reason: reason?.code })
    : Effect.logDebug("attempt ended; the run waits", { ...facts, error: error ?? undefined, reason: reason?.code })
}

/** How often a run that is on its way to its actor is looked for at once, and how often after that, in ms. */
const soonRounds = 1_000
const laterRoundMillis = 20

/** Waits between two tries to store the end of a run, in ms. */
const firstRetryMillis = 100
const maxRetryMillis = 5_000

/**
 * One actor per job with live work, made by its first run and gone with its last: its live runs, each a supervised fiber
 * that can be stopped. It holds nothing that the store does not. A run that dies is recorded; no other run notices.
 */
type JobActor = Map<RunId, LiveRun>

/** The actors of this node: what it executes at this moment, and how that is stopped. */
export class JobActors extends Effect.Service<JobActors>()("symbiont/Scheduler/JobActors", {
  scoped: Effect.gen(function* () {
    const store = yield* JobStore
    const pipeline = yield* Pipeline
    const settings = yield* Settings
    const logs = yield* RunLogs
    const wake = yield* WakeSignal
    const outbox = yield* OutboxSignal
    const { entered } = yield* RunObserver
    const isObserved = entered !== unobserved
    const isDebugged = yield* debugged
    const traces = yield* RunTraces
    const failedLevel = yield* FailedRunLevel
    const showInFlight = yield* inFlightGauge
    const { id: owner }: { readonly id: BootId } = yield* BootIdentity
    const clock = yield* Effect.clock
    // The same for all runs, and not that of whoever asks for one: a run is nobody's child. Runs have metrics of their own.
    const { context, fiberRefs, runtimeFlags } = (yield* Effect.runtime<never>()).pipe(
      Runtime.disableRuntimeFlag(RuntimeFlags.Interruption),
      Runtime.disableRuntimeFlag(RuntimeFlags.RuntimeMetrics)
    )
    const actors = new Map<JobId, JobActor>()
    const waits = new Set<Fiber.RuntimeFiber<void>>()
    const idle = makeSignal()
    const stops = yield* FiberSet.make<void>()
    let inFlight = 0
    let isClosing = false
    showInFlight(0)

    const record = Effect.fnUntraced(function* (started: StartedRun, ended: Ended) {
      const now = clock.unsafeCurrentTimeMillis()
      if (isObserved) yield* entered(started.run.id, "record")
      const run: Run = yield* store.finish(
        { run_id: started.run.id, attempt: started.attempt.number, owner },
        now,
        (current, job) => {
          const end = settle(ended.end, ended.record, current, job ?? started.job, settings.scheduler, now)
          return "session" in end ? end : Object.assign({ ...end }, { session: ended.session })
        }
      )
      // An older run that gives way to one that waits for approval can have something to tell, too.
      if (run.deliveries.length > 0 || run.status === "awaiting_approval") yield* outbox.wake
      if (isTerminal(run.status)) {
        yield* logs.end(run.id)
        yield* traces.ended(run)
      }
      if (isDebugged || hasFailed(run)) yield* tellEnd(run, failedLevel)
    })

    /** A pause in a fiber of its own: that of a run which was stopped cannot be made to wait any more. */
    const pause = Effect.fnUntraced(function* (millis: number) {
      const waiting = yield* Effect.forkDaemon(Effect.interruptible(Effect.sleep(millis)))
      waits.add(waiting)
      yield* Fiber.await(waiting)
      waits.delete(waiting)
    })

    // An end that meets a full disk is tried until there is room. A shutdown ends the waiting; a restart recovers the run.
    const recordSafely = (
      started: StartedRun,
      ended: Ended & { readonly replaced?: boolean },
      waitMillis = firstRetryMillis
    ): Effect.Effect<void> =>
      record(started, ended).pipe(
        Effect.catchTag("FencedOut", (error) => Effect.logWarning(error.message, { component: "scheduler" })),
        Effect.catchAllCause((cause) => {
          const why = ended.replaced ? undefined : whyUnstorable(cause)
          const told = [started.run.id, { component: "scheduler" }, cause]
          if (why !== undefined) {
            return Effect.logError("the end of a run cannot be stored as it is; it fails", ...told).pipe(
              Effect.andThen(recordSafely(started, { ...storableEnd(ended, started.run, why), replaced: true }))
            )
          }
          const level = refusalIn(cause) === undefined ? LogLevel.Error : LogLevel.Debug
          return Effect.logWithLevel(level, "the end of a run could not be stored; trying again", ...told).pipe(
            Effect.andThen(isClosing ? Effect.void : pause(waitMillis)),
            Effect.andThen(
              Effect.suspend(() =>
                isClosing ? Effect.void : recordSafely(started, ended, Math.min(waitMillis * 2, maxRetryMillis))
              )
            )
          )
        })
      )

    // Only the agent's work is interruptible: however a run is stopped, its end is recorded.
    const runToEnd = Effect.fnUntraced(function* (started: StartedRun, live: LiveRun) {
      const ended = yield* pipeline.attempt(started, live)
      yield* traces.note({ "symbiont.attempt.end": ended.end._tag })
      yield* traces.stage("record")(recordSafely(started, ended))
    })

    const begin = ({ job, run }: StartedRun, live: LiveRun) => {
      const actor = actors.get(job.id)
      if (actor === undefined) actors.set(job.id, new Map([[run.id, live]]))
      else actor.set(run.id, live)
      inFlight++
    }

    const end = ({ job, run }: StartedRun, live: LiveRun) => {
      const actor = actors.get(job.id)
      if (actor?.get(run.id) === live) actor.delete(run.id)
      if (actor?.size === 0) actors.delete(job.id)
      inFlight--
      showInFlight(inFlight)
      wake.ended()
      if (inFlight === 0) idle.raise()
    }

    // Its first step can be as little interrupted as its last: a stop before it would leave no end.
    const fireOne = (started: StartedRun) => (scope: Scope.CloseableScope) => {
      const { attempt, run } = started
      const live = new LiveRun(clock, scope)
      begin(started, live)
      const annotations = HashMap.make(
        ["component", "scheduler"],
        ["job_name", run.job_name],
        ["run_id", run.id],
        ["attempt", attempt.number]
      )
      const fiber = Runtime.runFork(
        Runtime.make({ context: Context.add(context, Scope.Scope, scope), fiberRefs, runtimeFlags }),
        traces.attempt({ run, attempt: attempt.number })(runToEnd(started, live)),
        {
          immediate: false,
          updateRefs: (refs, fiberId) =>
            FiberRefs.updateAs(refs, { fiberId, fiberRef: FiberRef.currentLogAnnotations, value: annotations })
        }
      )
      live.carriedBy(fiber)
      fiber.addObserver(() => end(started, live))
    }

    /** Hands started runs to their jobs' actors; returns at once. */
    const fire = (started: ReadonlyArray<StartedRun>) =>
      Effect.uninterruptible(
        Effect.zipRight(
          Effect.forEach(started, (one) => Effect.map(Scope.make(), fireOne(one)), { discard: true }),
          Effect.sync(() => showInFlight(inFlight))
        )
      )

    /** Stops a run; returns when its end is recorded. */
    const stop = (job_id: JobId, run_id: RunId, stopped: Stopped) =>
      Effect.suspend(() => actors.get(job_id)?.get(run_id)?.stop(stopped) ?? Effect.void)

    /** Ends a run that waits, or stops one that runs; gives the run as it is then. */
    const endOnce = Effect.fnUntraced(function* (run_id: RunId, reason: Reason, actor: Actor) {
      const now = yield* Clock.currentTimeMillis
      const waiting = yield* store.cancelWaiting(run_id, now, (run, job, approval) => ({
        end: endWaiting(run, job, "cancelled", reason, now),
        approval: approval === null ? null : cancelledWait(reason, actor, now),
        audit: [cancelled(run, reason, actor)]
      }))
      yield* wake.notify
      // Not one that had ended before.
      if (isTerminal(waiting.status) && waiting.reason === reason) {
        yield* logs.end(run_id)
        if (waiting.attempts.length > 0) yield* traces.ended(waiting)
      }
      if (waiting.status !== "running") return waiting
      yield* stop(waiting.job_id, run_id, { kind: "cancelled", reason, actor })
      return yield* store.findRun(run_id)
    })

    /** Ends a run that waits or runs, if it still does; returns when that is recorded. */
    const cancel = Effect.fn("JobActors.cancel")(function* (run_id: RunId, reason: Reason, actor: Actor) {
      // It may wait for a retry or an approval by now; or it was started, but has not come to its actor yet.
      for (let round = 0; !isTerminal((yield* endOnce(run_id, reason, actor)).status); round++) {
        yield* round < soonRounds ? Effect.yieldNow() : Effect.sleep(laterRoundMillis)
      }
    })

    /** {@link cancel} without waiting. */
    const cancelSoon = (run_id: RunId, reason: Reason, actor: Actor) =>
      Effect.asVoid(FiberSet.run(stops, Effect.ignore(cancel(run_id, reason, actor))))

    const allEnded: Effect.Effect<void> = Effect.suspend(() =>
      inFlight === 0 ? Effect.void : Effect.zipRight(idle.take, allEnded)
    )

    const drain = allEnded.pipe(
      Effect.interruptible,
      Effect.timeoutOption(`${settings.scheduler.shutdown_timeout_seconds} seconds`),
      Effect.timed,
      Effect.flatMap(([took]) => outbox.spend(Duration.toMillis(took)))
    )

    const stopAll = Effect.suspend(() => {
      isClosing = true
      for (const waiting of waits) waiting.unsafeInterruptAsFork(FiberId.none)
      for (const actor of actors.values()) for (const live of actor.values()) live.interrupt(shutdown)
      return allEnded
    })

    // Runs in flight may end by themselves; what then still runs is stopped, and recorded.
    yield* Effect.addFinalizer(() => Effect.zipRight(drain, stopAll))

    return { cancel, cancelSoon, fire, inFlight: Effect.sync(() => inFlight) } as const
  })
}) {}
