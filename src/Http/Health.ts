import * as Effect from "effect/Effect"
import { Invariants } from "../Invariants.ts"
import { JobStore, type StoreCounts } from "../JobStore.ts"
import { SchedulerStatus } from "../Scheduler/Status.ts"
import { StorageHealth } from "../StorageHealth.ts"
import { version } from "../Version.ts"
import { handlersOf } from "./Routes.ts"

const unknown: StoreCounts = {
  active_jobs: 0,
  paused_jobs: 0,
  quarantined_jobs: 0,
  running: 0,
  runs_succeeded: 0,
  runs_failed: 0,
  execution_time_ms_sum: 0,
  execution_time_count: 0
}

/** The routes about how the service is. */
export const HealthHttp = Effect.gen(function* () {
  const store = yield* JobStore
  const scheduler = yield* SchedulerStatus
  const { findings } = yield* Invariants
  const storage = yield* StorageHealth

  const read = store.ping.pipe(
    Effect.zipRight(store.counts),
    Effect.map((counts) => ({ counts, stored: true })),
    Effect.catchAllCause((cause) =>
      Effect.as(Effect.logError("the store does not answer", cause), { counts: unknown, stored: false })
    )
  )

  return handlersOf("health", {
    live: () => Effect.succeed({ status: "ok" as const, version }),
    scheduler: () =>
      Effect.gen(function* () {
        const { counts, stored } = yield* read
        const alive = (yield* scheduler.loopAlive) && (yield* storage.trouble) === null
        const wrong = counts.quarantined_jobs > 0 || (yield* findings).some(({ severity }) => severity === "error")
        const working = wrong ? ("degraded" as const) : ("healthy" as const)
        return {
          status: stored && alive ? working : ("unhealthy" as const),
          active_jobs: counts.active_jobs,
          paused_jobs: counts.paused_jobs,
          in_flight_jobs: yield* scheduler.inFlight,
          metrics: {
            runs_total: counts.runs_succeeded + counts.runs_failed,
            runs_succeeded: counts.runs_succeeded,
            runs_failed: counts.runs_failed,
            avg_execution_time_ms:
              counts.execution_time_count === 0
                ? 0
                : Math.round(counts.execution_time_ms_sum / counts.execution_time_count)
          }
        }
      }),
    findings: () => findings
  })
})
