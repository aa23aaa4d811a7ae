import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import type * as Schema from "effect/Schema"
import {
  type CompatCreate,
  type CompatDetail,
  type CompatRun,
  type CompatSummary,
  type CompatUpdate,
  InvalidRequest,
  issuesOf,
  issueText
} from "../../Api.ts"
import { type Issue, isOneShot, type Job, JobDefinition, JobPatch } from "../../Domain/Job.ts"
import type { RunSummary } from "../../Domain/Run.ts"
import type { JobTotals } from "../../RunTotals.ts"

const theirNames: Readonly<Record<string, string>> = {
  agent_id: "agent_name",
  at: "cron_expression",
  cron_expr: "cron_expression",
  every: "cron_expression",
  policy_ref: "policy_ids"
}

/** Issues under the keys of the dialect. */
export const theirIssues = (issues: ReadonlyArray<Issue>): ReadonlyArray<Issue> =>
  issues.map(({ message, path }) => ({ path: theirNames[path] ?? path, message }))

/** 400 under a code of the dialect. */
export const invalid = (code: string, issues: ReadonlyArray<Issue>): InvalidRequest => {
  const details = theirIssues(issues)
  return new InvalidRequest({ code, message: issueText(details), details })
}

const instantText = /^\s*@at\s+(.*?)\s*$/i

/** A trigger as the dialect knows it, one expression: `@every 90s` and `@at 2026-02-15T14:30:00Z` for other kinds. */
const expressionOf = ({ at, cron_expr, every }: Job): string =>
  cron_expr ?? (every === undefined ? `@at ${at ?? ""}` : `@every ${every}`)

const triggerOf = (expression: string) => {
  const at = instantText.exec(expression)?.[1]
  return at === undefined ? { cron_expr: expression } : { at }
}

const atRunsOnce: Issue = {
  path: "one_shot",
  message: "an instant (@at) comes once, so false cannot be; give a cron_expression as well"
}

/** Policies go by name, at most one to a job; anything else would be dropped, so it is refused. */
const policyOf = (ids: ReadonlyArray<string> | undefined, known: ReadonlyMap<string, unknown>) => {
  const [first, second] = ids ?? []
  if (first === undefined) return { policy_ref: null, issues: [] }
  if (second !== undefined) {
    return { policy_ref: null, issues: [{ path: "policy_ids", message: "a job refers to one policy at most" }] }
  }
  if (known.has(first)) return { policy_ref: first, issues: [] }
  const message = `no policy named ${JSON.stringify(first)} is provided to this service; leave policy_ids empty, or give the job a policy of its own by /api/v1/schedule`
  return { policy_ref: null, issues: [{ path: "policy_ids.0", message }] }
}

const read = <A, I>(schema: Schema.Schema<A, I>, code: string, raw: unknown, issues: ReadonlyArray<Issue>) =>
  ParseResult.decodeUnknown(schema, { errors: "all" })(raw).pipe(
    Effect.mapError((error) => invalid(code, [...issues, ...issuesOf(ParseResult.parseError(error))])),
    Effect.filterOrFail(
      () => issues.length === 0,
      () => invalid(code, issues)
    )
  )

/** The definition that a new schedule asks for. Its zone is UTC unless it says so, whatever the service's own. */
export const definitionFrom = (
  { agent_name, cron_expression, name, one_shot, policy_ids, timezone }: CompatCreate,
  known: ReadonlyMap<string, unknown>,
  code: string
): Effect.Effect<JobDefinition, InvalidRequest> => {
  const { issues, policy_ref } = policyOf(policy_ids, known)
  const raw = {
    name,
    agent_id: agent_name,
    ...triggerOf(cron_expression),
    timezone: timezone ?? "UTC",
    ...(one_shot === true ? { one_shot } : {}),
    ...(policy_ref === null ? {} : { policy_ref })
  }
  return read(JobDefinition, code, raw, issues)
}

/** The patch that a change of a schedule asks for: whatever it does not name stays, also that the job runs once. */
export const patchFrom = (
  { cron_expression, one_shot, policy_ids, timezone }: CompatUpdate,
  job: Job,
  known: ReadonlyMap<string, unknown>,
  code: string
): Effect.Effect<JobPatch, InvalidRequest> => {
  const policy = policyOf(policy_ids, known)
  const trigger = cron_expression === undefined ? {} : triggerOf(cron_expression)
  const atInstant = "at" in trigger || (job.at !== undefined && !("cron_expr" in trigger))
  const issues = one_shot === false && atInstant ? [...policy.issues, atRunsOnce] : policy.issues
  const once = one_shot ?? (cron_expression === undefined ? undefined : isOneShot(job))
  const raw = {
    ...trigger,
    ...(timezone === undefined ? {} : { timezone }),
    ...(once === undefined ? {} : { one_shot: once ? true : null }),
    ...(policy_ids === undefined ? {} : { policy_ref: policy.policy_ref })
  }
  return read(JobPatch, code, raw, issues)
}

interface Context {
  readonly totals: JobTotals | undefined
  /** The zone of jobs that name none. */
  readonly timezone: string
}

const common = (job: Job, { timezone, totals }: Context) => ({
  job_id: job.id,
  name: job.name,
  cron_expression: expressionOf(job),
  timezone: job.timezone ?? timezone,
  status: job.status,
  enabled: job.status === "active",
  next_run: job.status === "active" ? job.next_run : null,
  run_count: totals?.runs ?? 0
})

/** A job as the dialect's lists show it. */
export const summaryOf = (job: Job, context: Context): CompatSummary => common(job, context)

/** A job as the dialect shows it. `failure_count` is of all its runs, not only of those in a row. */
export const detailOf = (job: Job, context: Context): CompatDetail => ({
  ...common(job, context),
  one_shot: isOneShot(job),
  last_run: job.last_run,
  failure_count: context.totals?.failures ?? 0,
  created_at: job.created_at,
  updated_at: job.updated_at
})

/** A run as the dialect shows it; one that never started stands at the instant that it was due. */
export const runOf = (run: RunSummary): CompatRun => ({
  run_id: run.id,
  started_at: run.started_at ?? run.scheduled_for,
  completed_at: run.finished_at,
  status: run.status,
  error: run.error_message ?? run.reason?.text ?? null,
  execution_time_ms: run.execution_time_ms
})

/**
 * A number of a query from 1 to 1,000, the first of several; anything else is taken for the default, as the dialect
 * ignores queries.
 */
export const countOf = (given: string | ReadonlyArray<string> | undefined, otherwise: number): number => {
  const text = typeof given === "string" ? given : given?.[0]
  const count = /^\d{1,9}$/.test(text ?? "") ? Number(text) : 0
  return count === 0 ? otherwise : Math.min(count, 1_000)
}
