import * as Schema from "effect/Schema"
import type { Delivery } from "../../src/Domain/Delivery.ts"
import { DeliveryId, JobId, RunId } from "../../src/Domain/Ids.ts"
import { StoredJob } from "../../src/Domain/Job.ts"
import { Run } from "../../src/Domain/Run.ts"

/** When the fixtures' run ended. */
export const endedAt = Date.UTC(2026, 1, 15, 14, 30)

/** A job of that name. */
export const jobNamed = (name: string): StoredJob =>
  Schema.decodeUnknownSync(StoredJob)({
    id: "job_01jq0000000000000000000000",
    name,
    agent_id: "probe",
    every: "1m",
    status: "active",
    paused_by: null,
    next_run: null,
    last_run: null,
    failure_count: 3,
    created_at: "2026-02-15T00:00:00Z",
    updated_at: "2026-02-15T00:00:00Z",
    version: 1,
    source_file: null,
    anchor: "2026-02-15T00:00:00Z",
    defined_by: "test",
    last_summary: null,
    last_usage: null,
    gate_seen: null,
    all_clears: 0,
    quiet_until: null,
    applied: null
  })

/** A run that succeeded with the output `fine`, changed as asked. */
export const finishedRun = (change: Partial<Run> = {}): Run => ({
  ...Schema.decodeUnknownSync(Run)({
    id: "run_01jq0000000000000000000000",
    job_id: "job_01jq0000000000000000000000",
    job_name: "nightly",
    agent_id: "probe",
    trigger: "schedule",
    status: "succeeded",
    scheduled_for: "2026-02-15T14:29:00Z",
    start_at: null,
    next_attempt_at: null,
    started_at: "2026-02-15T14:29:00Z",
    finished_at: "2026-02-15T14:30:00Z",
    execution_time_ms: 60_000,
    attempts: [],
    input: null,
    error_message: null,
    reason: null,
    decision: null,
    requested_by: null,
    approval_id: null,
    evaluations: [],
    session_id: null,
    stop_reason: null,
    usage: null,
    context_bytes: null,
    iteration_count: null,
    saved: null,
    deliveries: [],
    missed_count: null,
    missed_from: null,
    missed_to: null,
    output: "fine",
    iterations: [],
    tool_calls: []
  }),
  ...change
})

/** The n-th delivery to a channel, due at the epoch. */
export const pendingDelivery = (n: number, channel: Delivery["channel"]): Delivery => ({
  id: DeliveryId.make(`dlv_${String(n).padStart(26, "0")}`),
  run_id: RunId.make("run_01jq0000000000000000000000"),
  job_id: JobId.make("job_01jq0000000000000000000000"),
  channel,
  kind: "output",
  destination: channel,
  about: null,
  state: "pending",
  attempts: 0,
  created_at: 0,
  next_attempt_at: 0,
  delivered_at: null,
  error: null
})
