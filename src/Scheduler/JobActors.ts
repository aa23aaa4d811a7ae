import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberMap from "effect/FiberMap"
import * as FiberSet from "effect/FiberSet"
import type * as LogLevel from "effect/LogLevel"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as RcMap from "effect/RcMap"
import * as Ref from "effect/Ref"
import { OutboxSignal } from "../Delivery.ts"
import type { Actor, AuditDraft } from "../Domain/Audit.ts"
import type { BootId, JobId, RunId } from "../Domain/Ids.ts"
import type { Reason, Run } from "../Domain/Run.ts"
import { isTerminal } from "../Domain/Run.ts"
import { JobStore, type StartedRun } from "../JobStore.ts"
import { recordInFlight } from "../Observability.ts"
import { RunLogs } from "../RunLogs.ts"
import { Settings } from "../Settings.ts"
import { RunTraces } from "../Telemetry.ts"
import { cancelledWait } from "./ApprovalRules.ts"
import { BootIdentity } from "./BootIdentity.ts"
import { FailedRunLevel } from "./FailedRunLevel.ts"
import { endWaiting } from "./JobAfter.ts"
import { settle } from "./Outcome.ts"
import { type Ended, Pipeline, type Stopped } from "./Pipeline.ts"
import { RunObserver } from "./RunObserver.ts"
import { storableEnd, whyUnstorable } from "./Unstorable.ts"
import { WakeSignal } from "./WakeSignal.ts"

type Command =
  | { readonly _tag: "Fire"; readonly started: StartedRun; readonly done: Deferred.Deferred<void> }
  | { readonly _tag: "Stop"; readonly run_id: RunId; readonly stopped: Stopped; readonly done: Deferred.Deferred<void> }

/** Commands that may wait for one actor. */
const mailboxCapacity = 1_024

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

/** What the log says of the end of an attempt. */
const tellEnd = (run: Run, failedLevel: LogLevel.LogLevel) => {
  const { error_message: error, execution_time_ms: ms, id: run_id, job_id, job_name, reason, status } = run
  const facts = { component: "scheduler", job_id, job_name, run_id, attempt: run.attempts.length, status, ms }
  const hasFailed = status === "failed" || status === "timed_out" || status === "interrupted"
  if (hasFailed)
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
 * One actor per job with live work, started by its first run and gone with its last: a mailbox of commands, and the
 * job's run fibers. It holds nothing that the store does not. A run that dies is recorded; no other run notices.
 */
export class JobActors extends Effect.Service<JobActors>()("symbiont/Scheduler/JobActors", {
  scoped: Effect.gen(function* () {
    const store = yield* JobStore
    const pipeline = yield* Pipeline
    const settings = yield* Settings
    const logs = yield* RunLogs
    const wake = yield* WakeSignal
    const outbox = yield* OutboxSignal
    const observer = yield* RunObserver
    const traces = yield* RunTraces
    const failedLevel = yield* FailedRunLevel
    const { id: owner }: { readonly id: BootId } = yield* BootIdentity
    const inFlight = yield* Ref.make(0)

    const record = Effect.fn("JobActors.record")(function* (started: StartedRun, ended: Ended) {
      const now = yield* Clock.currentTimeMillis
      yield* observer.entered(started.run.id, "record")
      const run: Run = yield* store.finish(
        { run_id: started.run.id, attempt: started.attempt.number, owner },
        now,
        (current, job) => {
          const end = settle(ended.end, ended.record, current, job ?? started.job, settings.scheduler, now)
          return { session: ended.session, ...end }
        }
      )
      if (isTerminal(run.status)) {
        yield* logs.end(run.id)
        yield* traces.ended(run)
      }
      yield* tellEnd(run, failedLevel)
    })

    // An end that meets a full disk is tried until there is room. A shutdown ends the waiting; a restart recovers the run.
    const recordSafely = (
      started: StartedRun,
      ended: Ended & { readonly replaced?: boolean },
      waitMillis = firstRetryMillis
    ): Effect.Effect<void> =>
      record(started, ended).pipe(
        Effect.catchTag("FencedOut", (error) => Effect.logWarning(error.message)),
        Effect.catchAllCause((cause) => {
          const why = ended.replaced ? undefined : whyUnstorable(cause)
          if (why !== undefined) {
            return Effect.logError("the end of a run cannot be stored as it is; it fails", started.run.id, cause).pipe(
              Effect.andThen(recordSafely(started, { ...storableEnd(ended, started.run, why), replaced: true }))
            )
          }
          return Effect.logError("the end of a run could not be stored; trying again", started.run.id, cause).pipe(
            Effect.andThen(Effect.interruptible(Effect.sleep(waitMillis))),
            Effect.andThen(recordSafely(started, ended, Math.min(waitMillis * 2, maxRetryMillis)))
          )
        })
      )

    const makeActor = Effect.fn("JobActor.make")(function* (_job: JobId) {
      const mailbox = yield* Mailbox.make<Command>({ capacity: mailboxCapacity })
      const fibers = yield* FiberMap.make<RunId, void>()
      const stopReasons = new Map<RunId, Stopped>()

      // Only the agent's work is interruptible: however a run is stopped, its end is recorded.
      const runToEnd = (started: StartedRun) =>
        pipeline
          .attempt(
            started,
            Effect.sync(() => stopReasons.get(started.run.id) ?? shutdown)
          )
          .pipe(
            Effect.tap(({ end }) => traces.note({ "symbiont.attempt.end": end._tag })),
            Effect.flatMap((ended) => traces.stage("record")(recordSafely(started, ended))),
            traces.attempt({ run: started.run, attempt: started.attempt.number }),
            Effect.ensuring(Effect.sync(() => stopReasons.delete(started.run.id)))
          )

      const handle = Effect.fnUntraced(function* (command: Command) {
        switch (command._tag) {
          case "Fire": {
            // Forked uninterruptible, which FiberMap.run cannot: a stop before its first step would leave no end.
            const fiber = yield* Effect.uninterruptible(Effect.forkDaemon(runToEnd(command.started)))
            yield* FiberMap.set(fibers, command.started.run.id, fiber)
            fiber.addObserver(() => Deferred.unsafeDone(command.done, Effect.void))
            return
          }
          case "Stop": {
            const fiber = yield* FiberMap.get(fibers, command.run_id).pipe(Effect.option)
            if (Option.isSome(fiber)) {
              stopReasons.set(command.run_id, command.stopped)
              fiber.value.addObserver(() => Deferred.unsafeDone(command.done, Effect.void))
              yield* Fiber.interruptFork(fiber.value)
            } else {
              yield* Deferred.succeed(command.done, undefined)
            }
            return
          }
        }
      })

      yield* mailbox.take.pipe(
        Effect.flatMap(handle),
        Effect.forever,
        Effect.catchTag("NoSuchElementException", () => Effect.void),
        Effect.catchAllCause((cause) => Effect.logError("a job's actor died", _job, cause)),
        Effect.annotateLogs("component", "scheduler"),
        Effect.forkScoped
      )
      return mailbox
    })

    const actors = yield* RcMap.make({ lookup: makeActor })
    const stops = yield* FiberSet.make<void>()
    const runs = yield* FiberSet.make<void>()

    const withActor = (job_id: JobId, command: (done: Deferred.Deferred<void>) => Command) =>
      Effect.scoped(
        Effect.gen(function* () {
          const mailbox = yield* RcMap.get(actors, job_id)
          const done = yield* Deferred.make<void>()
          yield* mailbox.offer(command(done))
          yield* Deferred.await(done)
        })
      )

    const setGauge = Effect.flatMap(Ref.get(inFlight), recordInFlight)
    yield* setGauge

    /** Hands a started run to its job's actor; returns at once. */
    const fire = Effect.fn("JobActors.fire")(function* (started: StartedRun) {
      yield* Ref.update(inFlight, (n) => n + 1)
      yield* setGauge
      yield* FiberSet.run(
        runs,
        withActor(started.job.id, (done) => ({ _tag: "Fire", started, done })).pipe(
          // The caller may be uninterruptible, and the actor would be as its caller: no stop would ever end it.
          Effect.interruptible,
          Effect.ensuring(
            Effect.andThen(
              Ref.update(inFlight, (n) => n - 1),
              Effect.all([setGauge, wake.notify, outbox.wake], { discard: true })
            )
          )
        )
      )
    })

    const stop = (job_id: JobId, run_id: RunId, stopped: Stopped) =>
      withActor(job_id, (done) => ({ _tag: "Stop", run_id, stopped, done }))

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

    const drain = FiberSet.awaitEmpty(runs).pipe(
      Effect.interruptible,
      Effect.timeoutOption(`${settings.scheduler.shutdown_timeout_seconds} seconds`),
      Effect.timed,
      Effect.flatMap(([took]) => outbox.spend(Duration.toMillis(took)))
    )

    // Runs in flight may end by themselves; what then still runs is interrupted with its actor, and recorded.
    yield* Effect.addFinalizer(() => drain)

    return { cancel, cancelSoon, fire, inFlight: Ref.get(inFlight) } as const
  })
}) {}
