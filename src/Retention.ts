import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type { RunId } from "./Domain/Ids.ts"
import { formatInstant } from "./Domain/Instant.ts"
import { RetentionStore, type RunCursor } from "./Retention/RetentionStore.ts"
import { clockSeen, isTrusted } from "./Retention/StableClock.ts"
import { RunLogs } from "./RunLogs.ts"
import { Sessions } from "./Sessions.ts"
import { retentionMillis, Settings } from "./Settings.ts"

export {
  type KeepsRuns,
  type Pruned,
  type Removed,
  RetentionStore,
  type RunCursor
} from "./Retention/RetentionStore.ts"
export { type ClockSeen, clockSeen, isTrusted } from "./Retention/StableClock.ts"

/** Rows deleted in one transaction. */
const batch = 500

/** How long an idempotency key is remembered, in ms. */
const idempotencyWindow = 86_400_000

/** Time between two passes, in ms. */
const paceMillis = 3_600_000

/**
 * Deletes what `[scheduler.retention]` and the jobs' `keep_runs` no longer want: a pass at start and one an hour, in
 * small batches between which others write. Nothing is deleted by a clock that leapt until it has gone on for a day.
 */
export class Retention extends Effect.Service<Retention>()("symbiont/Retention", {
  effect: Effect.gen(function* () {
    const store = yield* RetentionStore
    const logs = yield* RunLogs
    const sessions = yield* Sessions
    const { retention } = (yield* Settings).scheduler

    const removeRuns = Effect.fnUntraced(function* (ids: ReadonlyArray<RunId>, why: "age" | "keep_runs") {
      // Before the rows: what is left of a pass that is cut off is found by the next.
      yield* Effect.forEach(ids, logs.remove, { discard: true })
      const count = yield* store.removeRuns(ids, why)
      yield* Effect.yieldNow()
      return count
    })

    const oldRuns = Effect.fnUntraced(function* (before: number) {
      let removed = 0
      let after: RunCursor | null = null
      do {
        const page: Effect.Effect.Success<ReturnType<typeof store.endedBefore>> = yield* store.endedBefore(
          before,
          after,
          batch
        )
        removed += yield* removeRuns(page.ids, "age")
        after = page.next
      } while (after !== null)
      return removed
    })

    const crowdedRuns = Effect.gen(function* () {
      let removed = 0
      let after = ""
      while (true) {
        const jobs = yield* store.keepers(after, batch)
        for (const job of jobs) {
          let before: number | null = null
          do {
            const page: Effect.Effect.Success<ReturnType<typeof store.beyond>> = yield* store.beyond(job, before, batch)
            removed += yield* removeRuns(page.ids, "keep_runs")
            before = page.next
          } while (before !== null)
          after = job.id
        }
        if (jobs.length < batch) return removed
      }
    })

    const inBatches = <A>(remove: Effect.Effect<A>, countOf: (removed: A) => number) =>
      Effect.gen(function* () {
        let total = 0
        while (true) {
          const count = countOf(yield* remove)
          total += count
          yield* Effect.yieldNow()
          if (count < batch) return total
        }
      })

    const withFolders = (remove: ReturnType<typeof store.removeArchives>) =>
      inBatches(
        Effect.tap(remove, ({ gone }) => sessions.forget(gone)),
        ({ count }) => count
      )

    /** Deletes what is too old now; gives how many rows of each kind. */
    const pass = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const { after: clock, before: last } = yield* store.lookAtClock((before) => clockSeen(before, now))
      if (last !== null && clock.since !== last.since) {
        yield* Effect.logWarning(
          `the clock went from ${formatInstant(last.seen)} to ${formatInstant(now)} since old runs and sessions were last looked for: nothing is deleted for being old until it has gone on evenly for a day`
        )
      }
      const runsBefore = now - retentionMillis(retention.runs)
      const sessionsBefore = now - retentionMillis(retention.sessions)
      // By the order in which runs were made: no clock is asked.
      const crowded = yield* crowdedRuns
      if (!isTrusted(clock)) return { runs: crowded, sessions: 0, archived: 0 }
      yield* inBatches(store.forgetKeys(now - idempotencyWindow, batch), (count) => count)
      const runs = crowded + (yield* oldRuns(runsBefore))
      const archived = yield* inBatches(store.archiveSessions(sessionsBefore, now, batch), (count) => count)
      const sessions = yield* withFolders(store.removeArchives(sessionsBefore, batch))
      yield* inBatches(store.removeJobs(runsBefore, batch), (count) => count)
      return { runs, sessions, archived }
    }).pipe(
      Effect.tap(({ archived, runs, sessions }) =>
        runs + sessions + archived === 0
          ? Effect.void
          : Effect.logInfo(
              `retention: deleted ${runs} ended runs and ${sessions} parts of archived sessions, archived ${archived} idle sessions`
            )
      ),
      Effect.withSpan("Retention.pass")
    )

    return { pass } as const
  })
}) {
  /** Passes for as long as the scope lives; one that fails is logged, and the next comes in its turn. */
  static readonly layer = Layer.scopedDiscard(
    Effect.flatMap(Retention, ({ pass }) => {
      const safely = Effect.catchAllCause(pass, (cause) =>
        Effect.logError("old runs and sessions could not be deleted", cause)
      )
      return Effect.forkScoped(
        Effect.annotateLogs(Effect.repeat(safely, Schedule.spaced(paceMillis)), "component", "retention")
      )
    })
  )
}
