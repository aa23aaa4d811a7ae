import type { CompatDetail, CompatRun, CompatSummary } from "../Api.ts"
import type { AgentAnswer, AgentDefinition } from "../Domain/Agent.ts"
import type { Applied } from "../Domain/Apply.ts"
import type { Approval } from "../Domain/Approval.ts"
import type { AuditCheckpoint, AuditEvent, AuditVerdict } from "../Domain/Audit.ts"
import type { Backfill } from "../Domain/Backfill.ts"
import type { BudgetLine } from "../Domain/Budget.ts"
import type { Delivery, ListedDelivery } from "../Domain/Delivery.ts"
import type { SchedulerHealth } from "../Domain/Health.ts"
import type { Job } from "../Domain/Job.ts"
import type { ApiKey } from "../Domain/Key.ts"
import type { PolicyEvaluation } from "../Domain/Policy.ts"
import type { Attempt, Run, RunSummary } from "../Domain/Run.ts"
import type { SessionInfo } from "../Domain/Session.ts"
import type { Why } from "../Domain/Why.ts"

/** Ids of the examples; what they name is the same everywhere. */
export const ids = {
  approval: "apr_01m7z3ngc3brjrfak7ax5r5hj1",
  audit: "aud_01m7z3ng962ks1tagbda9epmc5",
  delivery: "dlv_01m7z3neht9zea7d31zd5xnnsx",
  job: "job_01m7z3nec6fhe0ssk19mpng0tx",
  key: "key_01m7z3nhgh2jvv22rxrgbmbnjp",
  run: "run_01m7z3nefra25vdpbs9mc4z4jf",
  session: "ses_01m7z3negc001xeg9c14jzr5aa"
} as const

export const job = {
  name: "daily-report",
  agent_id: "reporter",
  cron_expr: "0 9 * * *",
  timezone: "Europe/Berlin",
  input: "Summarise yesterday",
  session_mode: "ephemeral_with_summary",
  delivery: ["log_file"],
  max_concurrent: 1,
  overlap: "skip",
  labels: ["reports"],
  id: ids.job,
  status: "active",
  paused_by: null,
  next_run: "2026-02-16T08:00:00.000Z",
  quiet_until: null,
  last_run: null,
  failure_count: 0,
  created_at: "2026-02-15T13:10:23.874Z",
  updated_at: "2026-02-15T13:10:23.874Z",
  version: 1,
  source_file: null
} satisfies typeof Job.Encoded

export const delivery = {
  id: ids.delivery,
  run_id: ids.run,
  job_id: ids.job,
  channel: "log_file",
  kind: "output",
  destination: "log_file",
  about: null,
  state: "delivered",
  attempts: 1,
  created_at: "2026-02-15T13:10:24.050Z",
  next_attempt_at: null,
  delivered_at: "2026-02-15T13:10:24.079Z",
  error: null
} satisfies typeof Delivery.Encoded

export const listedDelivery = { ...delivery, job_name: job.name } satisfies typeof ListedDelivery.Encoded

const attempt = {
  number: 1,
  started_at: "2026-02-15T13:10:23.997Z",
  finished_at: "2026-02-15T13:10:24.050Z",
  outcome: "succeeded",
  failure: null,
  error_message: null
} satisfies typeof Attempt.Encoded

export const runSummary = {
  id: ids.run,
  job_id: ids.job,
  job_name: job.name,
  agent_id: job.agent_id,
  trigger: "manual",
  status: "succeeded",
  scheduled_for: "2026-02-15T13:10:23.986Z",
  start_at: null,
  next_attempt_at: null,
  started_at: "2026-02-15T13:10:23.997Z",
  finished_at: "2026-02-15T13:10:24.050Z",
  execution_time_ms: 38,
  attempts: [attempt],
  input: "Check production database",
  error_message: null,
  reason: null,
  decision: { _tag: "Allow" },
  requested_by: "api",
  approval_id: null,
  session_id: ids.session,
  stop_reason: null,
  usage: null,
  iteration_count: null,
  context_bytes: 25,
  saved: null,
  deliveries: [delivery],
  missed_count: null,
  missed_from: null,
  missed_to: null
} satisfies typeof RunSummary.Encoded

const evaluation = {
  time: "2026-02-15T13:10:24.017Z",
  decision: { _tag: "Allow" },
  environment: "production",
  capabilities: ["reporting"],
  identity: null,
  approved_by: null
} satisfies typeof PolicyEvaluation.Encoded

export const run = {
  ...runSummary,
  output: "All 12 checks passed",
  evaluations: [evaluation],
  iterations: [],
  tool_calls: []
} satisfies typeof Run.Encoded

/** The same run as it has just begun. */
export const startedRun = {
  ...run,
  status: "running",
  finished_at: null,
  execution_time_ms: null,
  attempts: [{ ...attempt, finished_at: null, outcome: null }],
  decision: null,
  session_id: null,
  context_bytes: null,
  deliveries: [],
  output: null,
  evaluations: []
} satisfies typeof Run.Encoded

export const cancelledRun = {
  ...startedRun,
  status: "cancelled",
  finished_at: "2026-02-15T13:10:31.402Z",
  execution_time_ms: 7_405,
  attempts: [{ ...attempt, finished_at: "2026-02-15T13:10:31.402Z", outcome: "cancelled" }],
  reason: { code: "cancelled", text: "cancelled by api" }
} satisfies typeof Run.Encoded

export const why = {
  answer: "It ran and succeeded in 38ms. It started at 2026-02-15T13:10:23.997Z. Delivered.",
  run: runSummary,
  events: [
    { time: "2026-02-15T13:10:23.986Z", what: "asked for by hand by api" },
    { time: "2026-02-15T13:10:23.997Z", what: "attempt 1 started" },
    { time: "2026-02-15T13:10:24.050Z", what: "attempt 1 succeeded" }
  ],
  evaluations: [evaluation],
  approval: null,
  next_steps: []
} satisfies typeof Why.Encoded

export const backfill = {
  job_id: ids.job,
  job_name: job.name,
  timezone: "Europe/Berlin",
  from: "2026-01-31T23:00:00.000Z",
  to: "2026-02-02T23:00:00.000Z",
  dry_run: true,
  slots: 2,
  already: 0,
  pruned: 0,
  runs: [
    { id: null, scheduled_for: "2026-02-01T08:00:00.000Z", status: "pending" },
    { id: null, scheduled_for: "2026-02-02T08:00:00.000Z", status: "pending" }
  ]
} satisfies typeof Backfill.Encoded

export const session = {
  job_id: ids.job,
  job_name: job.name,
  mode: "shared_persistent",
  id: ids.session,
  turns: 2,
  bytes: 4_120,
  max_bytes: 1_048_576,
  archived_bytes: 0,
  created_at: "2026-02-15T13:10:25.897Z",
  updated_at: "2026-02-15T13:10:25.897Z"
} satisfies typeof SessionInfo.Encoded

export const approval = {
  id: ids.approval,
  state: "pending",
  run_id: ids.run,
  job_id: ids.job,
  job_name: job.name,
  agent_id: job.agent_id,
  trigger: "manual",
  scheduled_for: "2026-02-15T13:10:23.986Z",
  input: "Summarise yesterday",
  approvers: [],
  submitted_by: "api",
  requested_at: "2026-02-15T13:10:25.915Z",
  expires_at: "2026-02-16T13:10:25.915Z",
  expires_by: "approval_timeout",
  approval_default: "deny",
  decided_at: null,
  decided_by: null,
  reason: null,
  binding: "db63ac0cc8ffc457cb13f5d6daa959f9c14ebdfdd6f5d225060c8a9aadb4ca75",
  over_budget: null
} satisfies typeof Approval.Encoded

/** The same approval as somebody decided it. */
export const decided = (state: "approved" | "denied", reason: string) =>
  ({
    ...approval,
    state,
    decided_at: "2026-02-15T13:22:10.500Z",
    decided_by: ids.key,
    reason
  }) satisfies typeof Approval.Encoded

export const budgetLine = {
  of: "agent",
  name: "reporter",
  period: "day",
  span: "2026-02-15",
  caps: { cost_usd: 5 },
  spent: { runs: 12, tokens: 57_100, cost_usd: 0.28 },
  reserved: { tokens: 0, cost_usd: 0 },
  at_cap: "deny"
} satisfies typeof BudgetLine.Encoded

export const agent = {
  id: "reporter",
  kind: "command",
  command: ["./report.sh"],
  env: {},
  capabilities: ["reporting"]
} satisfies typeof AgentDefinition.Encoded

export const agentAnswer = { output: "All 12 checks passed", exit_code: 0 } satisfies typeof AgentAnswer.Encoded

export const applied = {
  dry_run: true,
  created: [
    {
      name: "weekly",
      job_id: null,
      changes: [
        { field: "name", before: null, after: "weekly" },
        { field: "cron_expr", before: null, after: "0 9 * * MON" }
      ],
      next_before: [],
      next_after: ["2026-02-16T09:00:00.000Z", "2026-02-23T09:00:00.000Z"],
      notes: []
    }
  ],
  updated: [],
  resumed: [],
  paused: [],
  deleted: [],
  unchanged: [],
  warnings: [],
  diagnostics: []
} satisfies typeof Applied.Encoded

export const auditEvent = {
  id: ids.audit,
  time: "2026-02-15T13:10:23.874Z",
  type: "CronJobCreated",
  actor: "api",
  job_id: ids.job,
  job_name: job.name,
  run_id: null,
  reason: null,
  before: null,
  after: { name: "daily-report", agent_id: "reporter", cron_expr: "0 9 * * *" }
} satisfies typeof AuditEvent.Encoded

const head = { seq: 7, hash: "e424ee432e327e2ccc310f6e5469ae161c172b347565798d855274f51f7601d8", count: 7 }

export const auditVerdict = { ok: true, entries: 7, head } satisfies typeof AuditVerdict.Encoded

export const checkpoint = {
  ...head,
  time: "2026-02-15T13:10:26.947Z",
  signature: "jOUPAlG1TPrydj7EJ98NyKraVxYZq3UABhE70dDMq87kIzHPY3h06uI8PWzWj3HGQVjjXkgY5R5dZHAj8B1iAw==",
  public_key: "MCowBQYDK2VwAyEAphEaYjYV8wtU8vjMh8bx5BEtz3WD++HtBIKqDF0agbw="
} satisfies typeof AuditCheckpoint.Encoded

export const key = {
  id: ids.key,
  name: "ops",
  scopes: ["admin"],
  created_at: "2026-02-15T13:10:27.089Z",
  created_by: "api",
  last_used_at: null,
  expires_at: null,
  revoked_at: null
} satisfies typeof ApiKey.Encoded

export const health = {
  status: "healthy",
  active_jobs: 15,
  paused_jobs: 3,
  in_flight_jobs: 2,
  metrics: { runs_total: 1_234, runs_succeeded: 1_180, runs_failed: 54, avg_execution_time_ms: 850 }
} as const satisfies typeof SchedulerHealth.Encoded

export const compatSummary = {
  job_id: ids.job,
  name: job.name,
  cron_expression: job.cron_expr,
  timezone: job.timezone,
  status: "active",
  enabled: true,
  next_run: job.next_run,
  run_count: 41
} satisfies typeof CompatSummary.Encoded

export const compatDetail = {
  ...compatSummary,
  one_shot: false,
  last_run: "2026-02-15T08:00:00.000Z",
  failure_count: 2,
  created_at: job.created_at,
  updated_at: job.updated_at
} satisfies typeof CompatDetail.Encoded

export const compatRun = {
  run_id: ids.run,
  started_at: run.started_at,
  completed_at: run.finished_at,
  status: "succeeded",
  error: null,
  execution_time_ms: 38
} satisfies typeof CompatRun.Encoded
