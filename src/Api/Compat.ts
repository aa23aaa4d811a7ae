import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { Instant } from "../Domain/Instant.ts"
import { JobStatus } from "../Domain/Job.ts"
import { RunStatus } from "../Domain/Run.ts"
import { Authorized, needs } from "./Access.ts"
import { answers } from "./Errors.ts"
import { JobPath } from "./Params.ts"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true, nullable: true })

/** Of a query; it may be there more than once, as all of a query is read leniently. */
const parameter = Schema.optional(
  Schema.Union(Schema.String, Schema.Array(Schema.String)).annotations({ jsonSchema: { type: "string" } })
)

const changeable = {
  timezone: optional(Schema.String),
  policy_ids: optional(Schema.Array(Schema.String)),
  one_shot: optional(Schema.Boolean)
}

/** A schedule to create; what is not known here is ignored, as the published SDKs expect. */
export const CompatCreate = Schema.Struct({
  name: Schema.String,
  cron_expression: Schema.String,
  agent_name: Schema.String,
  ...changeable
}).annotations({ identifier: "CompatCreateSchedule" })
export type CompatCreate = typeof CompatCreate.Type

/** What to change of a schedule. */
export const CompatUpdate = Schema.Struct({ cron_expression: optional(Schema.String), ...changeable }).annotations({
  identifier: "CompatUpdateSchedule"
})
export type CompatUpdate = typeof CompatUpdate.Type

/** A schedule that was created. */
export const CompatCreated = Schema.Struct({
  job_id: Schema.String,
  next_run: Schema.NullOr(Instant),
  status: Schema.Literal("created")
}).annotations({ identifier: "CompatScheduleCreated" })

const common = {
  job_id: Schema.String,
  name: Schema.String,
  cron_expression: Schema.String,
  timezone: Schema.String,
  status: JobStatus,
  enabled: Schema.Boolean
}

/** A schedule as lists show it. */
export const CompatSummary = Schema.Struct({
  ...common,
  next_run: Schema.NullOr(Instant),
  run_count: Schema.Int
}).annotations({ identifier: "CompatScheduleSummary" })
export type CompatSummary = typeof CompatSummary.Type

/** A schedule, whole. */
export const CompatDetail = Schema.Struct({
  ...common,
  one_shot: Schema.Boolean,
  next_run: Schema.NullOr(Instant),
  last_run: Schema.NullOr(Instant),
  run_count: Schema.Int,
  failure_count: Schema.Int,
  created_at: Instant,
  updated_at: Instant
}).annotations({ identifier: "CompatScheduleDetail" })
export type CompatDetail = typeof CompatDetail.Type

const action = <const A extends string, const S extends string>(name: A, status: S) =>
  Schema.Struct({ job_id: Schema.String, action: Schema.Literal(name), status: Schema.Literal(status) })

/** A run as the history shows it. */
export const CompatRun = Schema.Struct({
  run_id: Schema.String,
  started_at: Instant,
  completed_at: Schema.NullOr(Instant),
  status: RunStatus,
  error: Schema.NullOr(Schema.String),
  execution_time_ms: Schema.NullOr(Schema.Int)
}).annotations({ identifier: "CompatRun" })
export type CompatRun = typeof CompatRun.Type

/** The scheduler's health in 13 keys. */
export const CompatHealth = Schema.Struct({
  is_running: Schema.Boolean,
  store_accessible: Schema.Boolean,
  jobs_total: Schema.Int,
  jobs_active: Schema.Int,
  jobs_paused: Schema.Int,
  jobs_dead_letter: Schema.Int,
  global_active_runs: Schema.Int,
  max_concurrent: Schema.Int,
  runs_total: Schema.Int,
  runs_succeeded: Schema.Int,
  runs_failed: Schema.Int,
  average_execution_time_ms: Schema.Number,
  longest_run_ms: Schema.Int
}).annotations({ identifier: "CompatSchedulerHealth" })

const schedule = "/schedules/:job_id"

/**
 * The dialect of the published Symbiont SDKs, over the same jobs. Answers have exactly these keys, as the Python SDK
 * refuses any other; queries are read leniently.
 */
export class CompatApi extends HttpApiGroup.make("compat")
  .add(
    HttpApiEndpoint.get("list", "/schedules")
      .addSuccess(Schema.Array(CompatSummary))
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "List all schedules, in the order of their creation")
  )
  .add(
    HttpApiEndpoint.post("create", "/schedules")
      .setPayload(CompatCreate)
      .addSuccess(CompatCreated, { status: 201 })
      .addError(answers.conflict)
      .annotateContext(needs("operate"))
      .annotate(OpenApi.Summary, "Create a schedule")
  )
  .add(
    HttpApiEndpoint.get("get", schedule)
      .setPath(JobPath)
      .addSuccess(CompatDetail)
      .addError(answers.notFound)
      .addError(answers.conflict)
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "Get a schedule")
  )
  .add(
    HttpApiEndpoint.put("update", schedule)
      .setPath(JobPath)
      .setPayload(CompatUpdate)
      .addSuccess(CompatDetail)
      .addError(answers.notFound)
      .addError(answers.conflict)
      .annotateContext(needs("operate"))
      .annotate(OpenApi.Summary, "Change a schedule")
  )
  .add(
    HttpApiEndpoint.del("remove", schedule)
      .setPath(JobPath)
      .addSuccess(Schema.Struct({ job_id: Schema.String, deleted: Schema.Literal(true) }))
      .addError(answers.notFound)
      .annotateContext(needs("operate"))
      .annotate(OpenApi.Summary, "Delete a schedule")
  )
  .add(
    HttpApiEndpoint.post("pause", `${schedule}/pause`)
      .setPath(JobPath)
      .addSuccess(action("pause", "paused"))
      .addError(answers.notFound)
      .addError(answers.conflict)
      .annotateContext(needs("operate"))
      .annotate(OpenApi.Summary, "Pause a schedule")
  )
  .add(
    HttpApiEndpoint.post("resume", `${schedule}/resume`)
      .setPath(JobPath)
      .addSuccess(action("resume", "active"))
      .addError(answers.notFound)
      .addError(answers.conflict)
      .annotateContext(needs("operate"))
      .annotate(OpenApi.Summary, "Resume a schedule")
  )
  .add(
    HttpApiEndpoint.post("trigger", `${schedule}/trigger`)
      .setPath(JobPath)
      .addSuccess(action("trigger", "triggered"))
      .addError(answers.notFound)
      .addError(answers.conflict)
      .annotateContext(needs("operate"))
      .annotate(OpenApi.Summary, "Run a schedule's job now")
  )
  .add(
    HttpApiEndpoint.get("history", `${schedule}/history`)
      .setPath(JobPath)
      .setUrlParams(Schema.Struct({ limit: parameter }))
      .addSuccess(Schema.Struct({ job_id: Schema.String, history: Schema.Array(CompatRun) }))
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "List a schedule's runs, newest first; none of a schedule that is not known")
  )
  .add(
    HttpApiEndpoint.get("nextRuns", `${schedule}/next-runs`)
      .setPath(JobPath)
      .setUrlParams(Schema.Struct({ count: parameter }))
      .addSuccess(Schema.Struct({ job_id: Schema.String, next_runs: Schema.Array(Instant) }))
      .addError(answers.notFound)
      .addError(answers.conflict)
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "Say when a schedule is due next")
  )
  .add(
    HttpApiEndpoint.get("health", "/health/scheduler")
      .addSuccess(CompatHealth)
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "Say how the scheduler is")
  )
  .middleware(Authorized)
  .prefix("/compat/api/v1")
  .annotate(OpenApi.Title, "Compat") {}
