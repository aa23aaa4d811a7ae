import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { Backfill, BackfillRequest } from "../Domain/Backfill.ts"
import { JobId } from "../Domain/Ids.ts"
import { Instant } from "../Domain/Instant.ts"
import { Job, JobDefinition, JobPatch, JobStatus, JobWithWarnings } from "../Domain/Job.ts"
import { Run, RunStatus, RunSummary } from "../Domain/Run.ts"
import { TriggerSpec } from "../Domain/Schedule.ts"
import { Why } from "../Domain/Why.ts"
import { Authorized, needs } from "./Access.ts"
import { answers } from "./Errors.ts"
import { Count, Cursor, JobPath, Limit, Switch, strict } from "./Params.ts"

const header = (schema: Schema.Schema<string> = Schema.String) => Schema.optionalWith(schema, { exact: true })

/** Which jobs to list; the filters combine. */
export const ListParams = Schema.Struct({
  status: Schema.optionalWith(JobStatus, { exact: true }),
  agent_id: Schema.optionalWith(Schema.String, { exact: true }),
  label: Schema.optionalWith(Schema.String, { exact: true }),
  limit: Limit,
  cursor: Cursor
})

/** Which runs to list; filtered before they are counted. */
export const HistoryParams = Schema.Struct({
  status: Schema.optionalWith(RunStatus, { exact: true }),
  limit: Limit,
  cursor: Cursor
})

const RunInput = Schema.Struct({ input: Schema.optionalWith(Schema.String, { exact: true }) })

/** What a run by hand is given; without a body, the job's own input. */
export const RunRequest = Schema.transform(Schema.NullOr(RunInput), RunInput, {
  strict: true,
  decode: (request) => request ?? {},
  encode: (request) => request
})

/** What the trigger would do: its next instants, and as the zone shows them, with what a person should know. */
export const PreviewAnswer = Schema.Struct({
  description: Schema.String,
  timezone: Schema.String,
  upcoming: Schema.Array(Instant),
  local: Schema.Array(Schema.String),
  notes: Schema.Array(Schema.String)
}).annotations({ identifier: "Preview" })

const askedFor = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/** When a job is due next. With `count` the answer also has a preview, and in `starts` the slots with their jitter. */
export const NextRun = Schema.Struct({
  next_run: Schema.NullOr(Instant),
  description: askedFor(PreviewAnswer.fields.description),
  timezone: askedFor(PreviewAnswer.fields.timezone),
  upcoming: askedFor(PreviewAnswer.fields.upcoming),
  local: askedFor(PreviewAnswer.fields.local),
  starts: askedFor(Schema.Array(Instant)),
  notes: askedFor(PreviewAnswer.fields.notes)
}).annotations({ identifier: "NextRun" })

const { max_jitter, policy } = JobDefinition.fields

/** A trigger to try out, and what else of a job bears on it. `from` is exclusive; `name` decides what `H` stands for. */
export const PreviewRequest = Schema.Struct({
  ...TriggerSpec.fields,
  from: Schema.optionalWith(Instant, { exact: true }),
  count: Schema.optionalWith(
    Schema.Int.pipe(Schema.between(1, 1_000, { message: () => "a whole number from 1 to 1000" })),
    { exact: true }
  ),
  name: Schema.optionalWith(JobDefinition.fields.name, { exact: true }),
  policy,
  max_jitter
}).annotations({ identifier: "PreviewRequest" })

/** What is left of a deleted job. */
export const Deleted = Schema.Struct({ id: JobId, deleted: Schema.Literal(true) }).annotations({
  identifier: "Deleted"
})

const changes = <const Name extends "pause" | "resume" | "reset">(name: Name, summary: string) =>
  HttpApiEndpoint.post(name, `/schedule/:job_id/${name}`)
    .setPath(JobPath)
    .addSuccess(Job)
    .addError(answers.notFound)
    .addError(answers.conflict)
    .annotateContext(needs("operate"))
    .annotate(OpenApi.Summary, summary)

/** Everything about jobs. */
export class ScheduleApi extends HttpApiGroup.make("schedule")
  .add(
    HttpApiEndpoint.post("create", "/schedule")
      .setPayload(strict(JobDefinition))
      .addSuccess(JobWithWarnings, { status: 201 })
      .addError(answers.conflict)
      .annotateContext(needs("operate"))
      .annotate(OpenApi.Summary, "Create a job")
  )
  .add(
    HttpApiEndpoint.get("list", "/schedule")
      .setUrlParams(strict(ListParams))
      .addSuccess(Schema.Array(Job))
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "List jobs, in the order of their creation; the next page is in the Link header")
  )
  .add(
    HttpApiEndpoint.post("preview", "/schedule/preview")
      .setPayload(strict(PreviewRequest))
      .addSuccess(PreviewAnswer)
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "Say when a trigger would fire; nothing is stored")
  )
  .add(
    HttpApiEndpoint.get("get", "/schedule/:job_id")
      .setPath(JobPath)
      .addSuccess(Job)
      .addError(answers.notFound)
      .addError(answers.conflict)
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "Get a job")
  )
  .add(
    HttpApiEndpoint.put("update", "/schedule/:job_id")
      .setPath(JobPath)
      .setHeaders(Schema.Struct({ "if-match": header() }))
      .setPayload(strict(JobPatch))
      .addSuccess(JobWithWarnings)
      .addError(answers.notFound)
      .addError(answers.conflict)
      .addError(answers.preconditionFailed)
      .annotateContext(needs("operate"))
      .annotate(OpenApi.Summary, "Change some fields of a job; null clears a field")
  )
  .add(
    HttpApiEndpoint.del("remove", "/schedule/:job_id")
      .setPath(JobPath)
      .addSuccess(Deleted)
      .addError(answers.notFound)
      .annotateContext(needs("operate"))
      .annotate(OpenApi.Summary, "Delete a job; its runs stay readable, and those in flight finish")
  )
  .add(changes("pause", "Pause a job"))
  .add(changes("resume", "Resume a paused job"))
  .add(changes("reset", "Make a dead-lettered job active again"))
  .add(
    HttpApiEndpoint.post("run", "/schedule/:job_id/run")
      .setPath(JobPath)
      .setUrlParams(strict(Schema.Struct({ queue: Switch })))
      .setHeaders(
        Schema.Struct({
          "idempotency-key": header(
            Schema.String.pipe(Schema.length({ min: 1, max: 255 }, { message: () => "a text of 1 to 255 characters" }))
          )
        })
      )
      .setPayload(strict(RunRequest))
      .addSuccess(Run, { status: 202 })
      .addError(answers.notFound)
      .addError(answers.conflict)
      .annotateContext(needs("operate"))
      .annotate(OpenApi.Summary, "Run a job now, outside its schedule")
  )
  .add(
    HttpApiEndpoint.post("backfill", "/schedule/:job_id/backfill")
      .setPath(JobPath)
      .setPayload(strict(BackfillRequest))
      .addSuccess(Backfill, { status: 202 })
      .addError(answers.notFound)
      .addError(answers.conflict)
      .annotateContext(needs("operate"))
      .annotate(OpenApi.Summary, "Run a job's past slots, each as a run of its own; a dry run stores nothing")
  )
  .add(
    HttpApiEndpoint.get("history", "/schedule/:job_id/history")
      .setPath(JobPath)
      .setUrlParams(strict(HistoryParams))
      .addSuccess(Schema.Array(RunSummary))
      .addError(answers.notFound)
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "List a job's runs, newest first")
  )
  .add(
    HttpApiEndpoint.get("nextRun", "/schedule/:job_id/next_run")
      .setPath(JobPath)
      .setUrlParams(strict(Schema.Struct({ count: Count })))
      .addSuccess(NextRun)
      .addError(answers.notFound)
      .addError(answers.conflict)
      .annotateContext(needs("read"))
      .annotate(
        OpenApi.Summary,
        "Say when a job is due next; with `count` also its next instants, their starts, and notes"
      )
  )
  .add(
    HttpApiEndpoint.get("why", "/schedule/:job_id/why")
      .setPath(JobPath)
      .setUrlParams(strict(Schema.Struct({ at: askedFor(Schema.String) })))
      .addSuccess(Why)
      .addError(answers.notFound)
      .addError(answers.conflict)
      .annotateContext(needs("read"))
      .annotate(
        OpenApi.Summary,
        "Say why a job ran or did not at an instant (ISO 8601, in its zone unless it has an offset), or its latest run"
      )
  )
  .middleware(Authorized)
  .prefix("/api/v1")
  .annotate(OpenApi.Title, "Schedule") {}
