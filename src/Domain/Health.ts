import * as Schema from "effect/Schema"

/** The scheduler's health, key for key as the guide prints it. */
export const SchedulerHealth = Schema.Struct({
  /** `degraded` while a finding of severity `error` stands. */
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

/** What the scanner looks for. */
export const HealthCheck = Schema.Literal(
  "storage",
  "dispatcher_stopped",
  "overdue_job",
  "stale_lease",
  "run_too_long",
  "run_not_started",
  "approval_overdue",
  "delivery_not_attempted",
  "delivery_undelivered",
  "quarantined_job",
  "unknown_state",
  "audit_chain",
  "checkpoints_behind",
  "scan_failed"
)
export type HealthCheck = typeof HealthCheck.Type

/** Something that must not be so, or that a person should look at: how many, which, and what to do. */
export const Finding = Schema.Struct({
  check: HealthCheck,
  severity: Schema.Literal("warning", "error"),
  message: Schema.String,
  next_step: Schema.String,
  /** How many there are; counted up to 100. */
  count: Schema.Int,
  /** Ids of up to 5 of them. */
  examples: Schema.Array(Schema.String)
}).annotations({ identifier: "Finding" })
export type Finding = typeof Finding.Type
