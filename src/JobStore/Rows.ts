import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type { StoredColumns } from "../AuditLog.ts"
import { decoderOf } from "../Codec.ts"
import { Approval } from "../Domain/Approval.ts"
import { AuditEvent } from "../Domain/Audit.ts"
import { Delivery, ListedDelivery } from "../Domain/Delivery.ts"
import { BootId } from "../Domain/Ids.ts"
import { definitionKeys, definitionOf, JobDefinition, StoredJob } from "../Domain/Job.ts"
import { Attempt, Run } from "../Domain/Run.ts"
import { Session } from "../Domain/Session.ts"
import { partitionOf } from "../Domain/StableHash.ts"
import { rowsOf } from "./Columns.ts"
import type { Row } from "./Database.ts"
import { remembering } from "./Remembered.ts"

type ColumnFields<F extends Record<string, Schema.Schema.Any>> = {
  readonly [K in keyof F]: Schema.SchemaClass<Schema.Schema.Type<F[K]>>
}

/** Columns hold the decoded form of a field: instants are integers of UTC ms. */
const columns = <F extends Record<string, Schema.Schema.Any>>(fields: F): ColumnFields<F> =>
  Object.fromEntries(
    Object.entries(fields).map(([key, field]) => [key, Schema.typeSchema(field as Schema.Schema<unknown>)])
  ) as unknown as ColumnFields<F>

const json = <A, I>(schema: Schema.Schema<A, I>) => Schema.parseJson(Schema.typeSchema(schema))
const jsonOrNull = <A, I>(schema: Schema.Schema<A, I>) => Schema.NullOr(Schema.parseJson(Schema.typeSchema(schema)))

const bit = Schema.transform(Schema.Literal(0, 1), Schema.Boolean, {
  strict: true,
  decode: (value) => value === 1,
  encode: (value) => (value ? 1 : 0)
})

/** What is wrong with a row, in one line. */
export const describe = (error: ParseResult.ParseError): string =>
  ParseResult.ArrayFormatter.formatErrorSync(error)
    .map((issue) => `${issue.path.join(".")}: ${issue.message}`)
    .join("; ")

const job = StoredJob.fields

/** A row of `jobs`, but for what only the database looks at. */
export const JobRow = Schema.Struct({
  ...columns({
    id: job.id,
    name: job.name,
    agent_id: job.agent_id,
    status: job.status,
    paused_by: job.paused_by,
    next_run: job.next_run,
    last_run: job.last_run,
    failure_count: job.failure_count,
    anchor: job.anchor,
    defined_by: job.defined_by,
    version: job.version,
    source_file: job.source_file,
    last_summary: job.last_summary,
    gate_seen: job.gate_seen,
    all_clears: job.all_clears,
    quiet_until: job.quiet_until,
    created_at: job.created_at,
    updated_at: job.updated_at
  }),
  partition: Schema.Int,
  last_usage: jsonOrNull(job.last_usage),
  definition: Schema.parseJson(JobDefinition),
  applied: Schema.NullOr(Schema.parseJson(JobDefinition))
})

/** A row with its definitions as they are written: those seldom change, while each run changes the state. */
const WrittenJobRow = Schema.Struct({
  ...JobRow.omit("definition", "applied").fields,
  definition: Schema.String,
  applied: Schema.NullOr(Schema.String)
})

const writtenJobRows = rowsOf(WrittenJobRow)
const decodeDefinitionText = Schema.decodeEither(Schema.parseJson(JobDefinition))
const decodeDefinitionQuickly = decoderOf(JobDefinition)
const decodeDefinition = (text: string): Either.Either<JobDefinition, ParseResult.ParseError> => {
  try {
    const decoded = decodeDefinitionQuickly(JSON.parse(text))
    if (Either.isRight(decoded)) return Either.right(decoded.right)
  } catch {
    // Said by the schema's own words.
  }
  return decodeDefinitionText(text)
}
const definitionIn = (column: string, text: string) =>
  Either.mapLeft(decodeDefinition(text), (error) => `${column}: ${describe(error)}`)
const jobRows = rowsOf(JobRow)
/** Columns of `jobs` in the order of {@link jobValues}. */
export const jobNames = writtenJobRows.names
const definitionAt = jobNames.indexOf("definition")
const appliedAt = jobNames.indexOf("applied")
/** The columns of what is given of a job's state, for updates. Each end of a run makes one. */
export const jobColumns = <P extends Partial<Pick<StoredJob, "last_usage">>>({ last_usage, ...columns }: P) =>
  last_usage === undefined
    ? columns
    : { ...columns, last_usage: last_usage === null ? null : JSON.stringify(last_usage) }

// Here and below, field by field, or into a copy that has all fields: V8 takes a hundred times as long for an object
// that is made of several others.
const stateOf = (row: typeof WrittenJobRow.Type, applied: StoredJob["applied"]) => ({
  id: row.id,
  name: row.name,
  agent_id: row.agent_id,
  status: row.status,
  paused_by: row.paused_by,
  next_run: row.next_run,
  last_run: row.last_run,
  failure_count: row.failure_count,
  anchor: row.anchor,
  defined_by: row.defined_by,
  version: row.version,
  source_file: row.source_file,
  last_summary: row.last_summary,
  gate_seen: row.gate_seen,
  all_clears: row.all_clears,
  quiet_until: row.quiet_until,
  created_at: row.created_at,
  updated_at: row.updated_at,
  last_usage: row.last_usage,
  applied
})

const jobOf = (row: typeof WrittenJobRow.Type, definition: JobDefinition, applied: StoredJob["applied"]): StoredJob => {
  const state = stateOf(row, applied)
  const { agent_id, name } = state
  return Object.assign(state, definition, { name, agent_id })
}

/**
 * A stored job from its row, or what is wrong with the row. A job whose row is as it was when it was read last is the
 * same object.
 */
export const {
  forget: forgetJob,
  keep: keepJob,
  read: jobFromValues
} = remembering<StoredJob, string>((values, before) => {
  const decoded = writtenJobRows.decode(values)
  if (Either.isLeft(decoded)) return Either.left(describe(decoded.left))
  const { applied, definition } = decoded.right
  const isDefinedAs = before !== undefined && before.values[definitionAt] === definition
  if (isDefinedAs && before.values[appliedAt] === applied) {
    return Either.right(Object.assign({ ...before.value }, stateOf(decoded.right, before.value.applied)))
  }
  const defined = definitionIn("definition", definition)
  if (Either.isLeft(defined)) return Either.left(defined.left)
  if (applied === null) return Either.right(jobOf(decoded.right, defined.right, applied))
  return Either.map(definitionIn("applied", applied), (applied) => jobOf(decoded.right, defined.right, applied))
})

/** {@link jobFromValues} of a row by the names of its columns. */
export const jobFromRow = (row: Row) => jobFromValues(writtenJobRows.inOrder(row))

const stateKeys = Object.keys(StoredJob.fields).filter((key) => !definitionKeys.some((one) => one === key))

/** The definition of a job; the object that was applied where that says the same, which is then written out once. */
const definitionToWrite = (stored: StoredJob): JobDefinition => {
  const { applied } = stored
  if (applied === null) return definitionOf(stored)
  const keys = Object.keys(applied) as ReadonlyArray<keyof JobDefinition>
  const isSame =
    Object.keys(stored).length === stateKeys.length + keys.length && keys.every((key) => stored[key] === applied[key])
  return isSame ? applied : definitionOf(stored)
}

const jobRecord = (stored: StoredJob): typeof JobRow.Type => ({
  id: stored.id,
  name: stored.name,
  agent_id: stored.agent_id,
  status: stored.status,
  paused_by: stored.paused_by,
  next_run: stored.next_run,
  quiet_until: stored.quiet_until,
  last_run: stored.last_run,
  failure_count: stored.failure_count,
  version: stored.version,
  source_file: stored.source_file,
  created_at: stored.created_at,
  updated_at: stored.updated_at,
  anchor: stored.anchor,
  applied: stored.applied,
  defined_by: stored.defined_by,
  last_summary: stored.last_summary,
  last_usage: stored.last_usage,
  gate_seen: stored.gate_seen,
  all_clears: stored.all_clears,
  partition: partitionOf(stored.id),
  definition: definitionToWrite(stored)
})

/** The row of a stored job. */
export const jobToRow = (stored: StoredJob) => jobRows.row(jobRecord(stored))
/** {@link jobToRow}, as the values of {@link jobNames}. */
export const jobValues = (stored: StoredJob) => jobRows.values(jobRecord(stored))

const run = Run.fields

/** A row of `runs`. */
export const RunRow = Schema.Struct({
  ...columns({
    id: run.id,
    job_id: run.job_id,
    job_name: run.job_name,
    agent_id: run.agent_id,
    trigger: run.trigger,
    status: run.status,
    scheduled_for: run.scheduled_for,
    start_at: run.start_at,
    next_attempt_at: run.next_attempt_at,
    started_at: run.started_at,
    finished_at: run.finished_at,
    execution_time_ms: run.execution_time_ms,
    input: run.input,
    requested_by: run.requested_by,
    approval_id: run.approval_id,
    error_message: run.error_message,
    session_id: run.session_id,
    stop_reason: run.stop_reason,
    context_bytes: run.context_bytes,
    iteration_count: run.iteration_count,
    missed_count: run.missed_count,
    missed_from: run.missed_from,
    missed_to: run.missed_to,
    output: run.output
  }),
  reason: jsonOrNull(run.reason),
  decision: jsonOrNull(run.decision),
  usage: jsonOrNull(run.usage),
  saved: jsonOrNull(run.saved),
  evaluations: json(run.evaluations),
  iterations: json(run.iterations),
  tool_calls: json(run.tool_calls),
  ready_at: Schema.NullOr(Schema.Int),
  holds_permit: bit,
  attempt: Schema.Int,
  owner: Schema.NullOr(BootId),
  partition: Schema.Int,
  created_at: Schema.Int
})
export type RunRow = typeof RunRow.Type

const runRows = rowsOf(RunRow)
/** A row of `runs` from the values of {@link runNames}. */
export const decodeRunValues = runRows.decode
/** {@link decodeRunValues} of a row by the names of its columns. */
export const runValuesOf = runRows.inOrder
/** Columns of `runs` in the order of {@link runValues}. */
export const runNames = runRows.names
export const runValues = runRows.values
/** Encodes only the columns that are given, for updates. */
export const encodeRunPatch = runRows.part

/** A run from its row, its attempts and its deliveries. */
export const runFromRow = (
  row: RunRow,
  attempts: ReadonlyArray<Attempt>,
  deliveries: ReadonlyArray<Delivery>
): Run => ({
  id: row.id,
  job_id: row.job_id,
  job_name: row.job_name,
  agent_id: row.agent_id,
  trigger: row.trigger,
  status: row.status,
  scheduled_for: row.scheduled_for,
  start_at: row.start_at,
  next_attempt_at: row.next_attempt_at,
  started_at: row.started_at,
  finished_at: row.finished_at,
  execution_time_ms: row.execution_time_ms,
  input: row.input,
  requested_by: row.requested_by,
  approval_id: row.approval_id,
  error_message: row.error_message,
  session_id: row.session_id,
  stop_reason: row.stop_reason,
  context_bytes: row.context_bytes,
  iteration_count: row.iteration_count,
  missed_count: row.missed_count,
  missed_from: row.missed_from,
  missed_to: row.missed_to,
  output: row.output,
  reason: row.reason,
  decision: row.decision,
  usage: row.usage,
  saved: row.saved,
  evaluations: row.evaluations,
  iterations: row.iterations,
  tool_calls: row.tool_calls,
  attempts,
  deliveries
})

const approval = Approval.fields

/** A row of `approvals`, with what its run says. */
export const ApprovalRow = Schema.Struct({
  ...columns({
    id: approval.id,
    state: approval.state,
    run_id: approval.run_id,
    job_id: approval.job_id,
    job_name: approval.job_name,
    agent_id: approval.agent_id,
    trigger: approval.trigger,
    scheduled_for: approval.scheduled_for,
    input: approval.input,
    submitted_by: approval.submitted_by,
    requested_at: approval.requested_at,
    expires_at: approval.expires_at,
    expires_by: approval.expires_by,
    approval_default: approval.approval_default,
    decided_at: approval.decided_at,
    decided_by: approval.decided_by,
    reason: approval.reason,
    binding: approval.binding,
    over_budget: approval.over_budget
  }),
  approvers: json(approval.approvers)
})
export const decodeApprovalRow = Schema.decodeUnknownEither(ApprovalRow)

/** A row of `attempts`. */
export const AttemptRow = Schema.Struct({ run_id: columns({ id: run.id }).id, ...columns(Attempt.fields) })
const attemptRows = rowsOf(AttemptRow)
export const decodeAttemptRow = (row: Row) => attemptRows.decode(attemptRows.inOrder(row))

/** A row of `deliveries`. */
export const DeliveryRow = Schema.Struct(columns(Delivery.fields))
const deliveryRows = rowsOf(DeliveryRow)
export const decodeDeliveryRow = (row: Row) => deliveryRows.decode(deliveryRows.inOrder(row))
export const decodeListedDeliveryRow = Schema.decodeUnknownEither(Schema.Struct(columns(ListedDelivery.fields)))

const session = Session.fields

/** A row of `sessions`. */
export const SessionRow = Schema.Struct({
  ...columns({
    id: session.id,
    job_id: session.job_id,
    created_at: session.created_at,
    updated_at: session.updated_at
  }),
  turns: json(session.turns)
})
export const decodeSessionRow = Schema.decodeUnknownEither(SessionRow)
export const encodeSessionRow = Schema.encodeSync(SessionRow)

const audit = AuditEvent.fields

/** A row of `audit`, but for its sequence number. */
export const AuditRow = Schema.Struct({
  ...columns({
    id: audit.id,
    time: audit.time,
    type: audit.type,
    actor: audit.actor,
    job_id: audit.job_id,
    job_name: audit.job_name,
    run_id: audit.run_id,
    reason: audit.reason
  }),
  before: Schema.NullOr(Schema.parseJson(Schema.Unknown)),
  after: Schema.NullOr(Schema.parseJson(Schema.Unknown))
})
export const decodeAuditRow = Schema.decodeUnknownEither(AuditRow)
const auditRows = rowsOf(AuditRow)
export const encodeAuditRow = (event: typeof AuditRow.Type) => auditRows.row(event) as StoredColumns
