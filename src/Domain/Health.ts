import * as Schema from "effect/Schema"

/** The scheduler's health, key for key as the guide prints it. */
export const SchedulerHealth = Schema.Struct({
  status: Schema.Literal("healthy", "degraded", "unhealthy"),
  active_jobs: Schema.Int,
  paused_jobs: Schema.Int,
  in_flight_jobs: Schema.Int,
  metrics: Schema.Struct({
    runs_total: Schema.Int,
    runs_succeeded: Schema.Int,
    /** Runs that failed, timed out or were interrupted. */
    runs_failed: Schema.Int,
    avg_execution_time_ms: Schema.Number
  })
}).annotations({ identifier: "SchedulerHealth" })
export type SchedulerHealth = typeof SchedulerHealth.Type
