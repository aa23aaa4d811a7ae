import * as Schema from "effect/Schema"
import { AgentId, Usage } from "./Agent.ts"
import { Actor } from "./Audit.ts"
import { Budget } from "./Budget.ts"
import { DeliverOn, DeliveryChannel, deliverOnDefault, endingOf } from "./Delivery.ts"
import { DurationText } from "./Duration.ts"
import { Gate } from "./Gate.ts"
import { JobId } from "./Ids.ts"
import { Instant } from "./Instant.ts"
import { Policy } from "./Policy.ts"
import type { RunStatus } from "./Run.ts"
import { Misfire, OnInterrupt, Overlap, Retry, TriggerFields } from "./Schedule.ts"
import { Heartbeat, SessionMode } from "./Session.ts"
import { SuccessWhen } from "./Success.ts"

/** A job's unique name, for people. */
export const JobName = Schema.String.pipe(
  Schema.filter(
    (name) =>
      (name.length > 0 && name.length <= 200 && /^[^\p{Cc}]+$/u.test(name) && !/^job_[0-9a-z]{26}$/.test(name)) ||
      "a name of 1 to 200 characters without control characters, not shaped like a job id"
  ),
  Schema.brand("JobName")
)
export type JobName = typeof JobName.Type

const nonNegativeInt = Schema.Int.pipe(Schema.nonNegative())

const required = { name: JobName, agent_id: AgentId }

const optional = {
  ...TriggerFields,
  description: Schema.String.pipe(Schema.maxLength(2_000)),
  misfire: Misfire,
  max_catchup: Schema.Int.pipe(Schema.between(1, 1_000)),
  input: Schema.String,
  gate: Gate,
  heartbeat: Heartbeat,
  success_when: SuccessWhen,
  budget: Budget,
  webhook_url: Schema.String,
  webhook_headers: Schema.Record({ key: Schema.String, value: Schema.String }),
  /** Signs what is sent to the webhook, as Standard Webhooks says. */
  webhook_secret: Schema.String,
  /** Template of the whole request body in place of the JSON that is sent without it. */
  webhook_body: Schema.String,
  slack_channel: Schema.String,
  email_recipients: Schema.Array(Schema.String),
  deliver_on: Schema.Array(DeliverOn),
  /** Templates of the subject and the text of what tells how a run ended. */
  delivery_subject: Schema.String,
  delivery_body: Schema.String,
  policy: Policy,
  policy_ref: Schema.NonEmptyString,
  audit: Schema.String,
  max_retries: Schema.Int.pipe(Schema.between(1, 1_000)),
  retry: Retry,
  on_interrupt: OnInterrupt,
  max_runtime: Schema.Union(DurationText, Schema.Literal("none")),
  max_jitter: nonNegativeInt.pipe(Schema.lessThanOrEqualTo(86_400)),
  session_max_bytes: Schema.Int.pipe(Schema.between(1_024, 1_073_741_824)),
  /** At most so many ended runs are kept, the newest. */
  keep_runs: Schema.Int.pipe(Schema.between(1, 1_000_000)),
  agent_pin_jwt: Schema.String,
  /** Once, at the first match of `cron_expr` or after one `every`; what has `at` is a one-shot anyway. */
  one_shot: Schema.Boolean
}

const defaulted = {
  session_mode: SessionMode,
  delivery: Schema.Array(DeliveryChannel),
  max_concurrent: Schema.Int.pipe(Schema.between(1, 10_000)),
  overlap: Overlap,
  labels: Schema.Array(Schema.NonEmptyString)
}

type Fields = Record<string, Schema.Schema.Any>

const mapFields = <F extends Fields, Out>(fields: F, f: (schema: Schema.Schema.Any) => unknown): Out =>
  Object.fromEntries(Object.entries(fields).map(([key, schema]) => [key, f(schema)])) as Out

const optionalFields = <F extends Fields>(fields: F) =>
  mapFields<F, { readonly [K in keyof F]: Schema.optionalWith<F[K], { exact: true }> }>(fields, (schema) =>
    Schema.optionalWith(schema, { exact: true })
  )

const patchFields = <F extends Fields>(fields: F) =>
  mapFields<F, { readonly [K in keyof F]: Schema.optionalWith<Schema.NullOr<F[K]>, { exact: true }> }>(
    fields,
    (schema) => Schema.optionalWith(Schema.NullOr(schema), { exact: true })
  )

const definitionFields = {
  ...required,
  ...optionalFields(optional),
  session_mode: Schema.optionalWith(defaulted.session_mode, {
    exact: true,
    default: () => "ephemeral_with_summary" as const
  }),
  delivery: Schema.optionalWith(defaulted.delivery, { exact: true, default: () => ["log_file" as const] }),
  max_concurrent: Schema.optionalWith(defaulted.max_concurrent, { exact: true, default: () => 1 }),
  overlap: Schema.optionalWith(defaulted.overlap, { exact: true, default: () => "skip" as const }),
  labels: Schema.optionalWith(defaulted.labels, { exact: true, default: () => [] })
}

/**
 * What a person writes to define a job; the body of create, the payload of files. Field-level validity only: the rules
 * across fields (exactly one trigger, a trigger that fires, channels with their settings) are checked by Jobs.
 */
export const JobDefinition = Schema.Struct(definitionFields).annotations({ identifier: "JobDefinition" })
export type JobDefinition = typeof JobDefinition.Type

/** A partial update: any field of a definition; `null` clears an optional field. */
export const JobPatch = Schema.Struct({
  ...optionalFields({ ...required, ...defaulted }),
  ...patchFields(optional)
}).annotations({ identifier: "JobPatch" })
export type JobPatch = typeof JobPatch.Type

/** `completed`: a one-shot that succeeded. `failed`: a one-shot that never ran. `dead_letter`: too many failures. */
export const JobStatus = Schema.Literal("active", "paused", "completed", "failed", "dead_letter")
export type JobStatus = typeof JobStatus.Type

/** Who paused a job: a later apply of its file resumes only what apply paused; `budget`: it came to a cap. */
export const PausedBy = Schema.Literal("operator", "apply", "budget")

const stateFields = {
  id: JobId,
  status: JobStatus,
  paused_by: Schema.NullOr(PausedBy),
  next_run: Schema.NullOr(Instant),
  /** Until when a heartbeat with `backoff` sleeps through its slots; past, or null, when it does not. */
  quiet_until: Schema.NullOr(Instant),
  last_run: Schema.NullOr(Instant),
  failure_count: nonNegativeInt,
  created_at: Instant,
  updated_at: Instant,
  /** Grows by one with every change of definition or status by a person; the ETag. */
  version: Schema.Int,
  /** Path of the file that the job came from, if any. */
  source_file: Schema.NullOr(Schema.String)
}

/** A stored job: its definition and its state. */
export const Job = Schema.Struct({ ...definitionFields, ...stateFields }).annotations({ identifier: "Job" })
export type Job = typeof Job.Type

/** A job as it was just stored, with what is doubtful about it. */
export const JobWithWarnings = Schema.Struct({ ...Job.fields, warnings: Schema.Array(Schema.String) }).annotations({
  identifier: "JobWithWarnings"
})
export type JobWithWarnings = typeof JobWithWarnings.Type

/** Names of the definition's fields, in the order they are declared. */
export const definitionKeys = Object.keys(definitionFields) as ReadonlyArray<keyof typeof definitionFields>

/** The definition part of a job. */
export const definitionOf = (job: Job): JobDefinition => {
  const definition: Record<string, unknown> = {}
  for (const key of definitionKeys) if (key in job) definition[key] = job[key]
  return definition as JobDefinition
}

/** One thing wrong with some input: where and what. */
export const Issue = Schema.Struct({ path: Schema.String, message: Schema.String }).annotations({
  identifier: "ErrorDetail"
})
export type Issue = typeof Issue.Type

/** A definition that is well-formed but cannot be scheduled. */
export class JobInvalid extends Schema.TaggedError<JobInvalid>()("JobInvalid", {
  issues: Schema.NonEmptyArray(Issue)
}) {
  override get message() {
    return this.issues
      .map((issue) => (issue.path === "" ? issue.message : `${issue.path}: ${issue.message}`))
      .join("; ")
  }
}

/** No job of that id or name. */
export class JobNotFound extends Schema.TaggedError<JobNotFound>()("JobNotFound", { job: Schema.String }) {
  override get message() {
    return `no job with the id or name "${this.job}"`
  }
}

/** Another job has that name. */
export class JobNameTaken extends Schema.TaggedError<JobNameTaken>()("JobNameTaken", {
  name: Schema.String,
  id: JobId
}) {
  override get message() {
    return `a job named "${this.name}" exists already (${this.id}); update it, or choose another name`
  }
}

/** The job changed since the caller read it. */
export class JobVersionMismatch extends Schema.TaggedError<JobVersionMismatch>()("JobVersionMismatch", {
  job: Schema.String,
  version: Schema.Int
}) {
  override get message() {
    return `job "${this.job}" was changed meanwhile (it is at version ${this.version}); read it again and retry`
  }
}

/** The job is in a state in which that cannot be done. */
export class JobStateConflict extends Schema.TaggedError<JobStateConflict>()("JobStateConflict", {
  job: Schema.String,
  status: JobStatus,
  message: Schema.String
}) {}

const hints: Readonly<Record<JobStatus, string>> = {
  active: "it is active",
  paused: "it is paused",
  completed: "it has completed; give it a new trigger (`at`, say) to schedule it again",
  failed: "its only slot has ended without a run; give it a new trigger (`at`, say) to schedule it again",
  dead_letter: "it is dead-lettered; `symbi cron reset` makes it active again"
}

/** Why the status of a job does not let it be changed so. */
export const conflictText = (change: "pause" | "resume" | "reset", { name, status }: Pick<Job, "name" | "status">) =>
  `cannot ${change} job "${name}": ${change === "reset" ? `it is ${status}, not dead-lettered` : hints[status]}`

/** The stored row of a job cannot be read; the job is set aside until it is repaired or deleted. */
export class JobUnreadable extends Schema.TaggedError<JobUnreadable>()("JobUnreadable", {
  job: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `the stored row of job "${this.job}" is damaged and set aside: ${this.detail}; delete and create it again`
  }
}

/** A job as the store keeps it: what is shown, and what only the scheduler needs. */
export const StoredJob = Schema.Struct({
  ...Job.fields,
  /** When the trigger was given: the start of the count of an `every` trigger. */
  anchor: Instant,
  /** Who gave the job the definition that it has. */
  defined_by: Actor,
  /** Summary of the latest finished run, for the next one. */
  last_summary: Schema.NullOr(Schema.String),
  /** What the latest run spent whose agent was woken. */
  last_usage: Schema.NullOr(Usage),
  /** SHA-256 (hex) of what the gate gave for the latest successful run. */
  gate_seen: Schema.NullOr(Schema.String),
  /** How many beats in a row found nothing to do. */
  all_clears: nonNegativeInt,
  /** The definition as its file last stated it; edits made since show as drift. */
  applied: Schema.NullOr(JobDefinition)
})
export type StoredJob = typeof StoredJob.Type

/** Whether a job has one slot: an instant, or the first that its expression or period comes to. */
export const isOneShot = (job: Pick<Job, "at" | "one_shot">): boolean => job.at !== undefined || job.one_shot === true

/** What the job's agent remembers: a heartbeat's own context mode, else the session mode. */
export const sessionModeOf = (job: Pick<Job, "heartbeat" | "session_mode">): SessionMode =>
  job.heartbeat?.enabled === true ? (job.heartbeat.context_mode ?? job.session_mode) : job.session_mode

/** How many runs of a job may hold its permits at once: a shared session is used by one run at a time. */
export const runsAtOnce = (job: Pick<Job, "max_concurrent" | "heartbeat" | "session_mode">): number =>
  sessionModeOf(job) === "shared_persistent" ? 1 : job.max_concurrent

/** Whether a job tells its channels of something. */
export const deliversOn = (job: Pick<Job, "deliver_on">, what: DeliverOn): boolean =>
  (job.deliver_on ?? deliverOnDefault).includes(what)

/** The outputs that a job sends when a run of it ends so. */
export const deliveriesAtEnd = (
  job: Pick<Job, "delivery" | "deliver_on">,
  status: RunStatus
): ReadonlyArray<{ readonly channel: DeliveryChannel; readonly kind: "output" }> => {
  const ending = endingOf(status)
  if (ending === null || !deliversOn(job, ending)) return []
  return [...new Set(job.delivery)].map((channel) => ({ channel, kind: "output" }))
}
