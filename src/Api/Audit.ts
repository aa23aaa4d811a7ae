import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { AuditCheckpoint, AuditEvent, AuditType, AuditVerdict, DayOrInstant } from "../Domain/Audit.ts"
import { Authorized, needs } from "./Access.ts"
import { Limit, strict } from "./Params.ts"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/** Which entries to list; the filters combine. */
export const AuditParams = Schema.Struct({
  type: optional(AuditType),
  since: optional(DayOrInstant.annotations({ description: "From this instant on." })),
  until: optional(DayOrInstant.annotations({ description: "Before this instant." })),
  job: optional(
    Schema.NonEmptyString.annotations({
      description: "A job's id, or the name that it had when the entry was written."
    })
  ),
  run: optional(Schema.NonEmptyString),
  actor: optional(Schema.NonEmptyString),
  limit: Limit,
  cursor: optional(Schema.String.pipe(Schema.pattern(/^\d{1,15}$/, { message: () => "a cursor from a Link header" })))
})

/** Most checkpoints that are compared at once. */
export const maxCheckpoints = 1_000

/** Checkpoints that were kept elsewhere. */
export const AuditVerification = Schema.Struct({
  checkpoints: Schema.Array(AuditCheckpoint).pipe(
    Schema.maxItems(maxCheckpoints, { message: () => `at most ${maxCheckpoints} checkpoints` })
  )
}).annotations({ identifier: "AuditVerification" })

/** Everything about the audit log. */
export class AuditApi extends HttpApiGroup.make("audit")
  .add(
    HttpApiEndpoint.get("query", "/audit")
      .setUrlParams(strict(AuditParams))
      .addSuccess(Schema.Array(AuditEvent))
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "List what was done and by whom, newest first; the next page is in the Link header")
  )
  .add(
    HttpApiEndpoint.get("verify", "/audit/verify")
      .addSuccess(AuditVerdict)
      .annotateContext(needs("read"))
      .annotate(
        OpenApi.Summary,
        "Compute the log's hash chain again, compare it with the checkpoints in the data folder, and name the first entry that is broken"
      )
  )
  .add(
    HttpApiEndpoint.post("compare", "/audit/verify")
      .setPayload(strict(AuditVerification))
      .addSuccess(AuditVerdict)
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "Verify the log, and compare it with checkpoints that were kept elsewhere")
  )
  .add(
    HttpApiEndpoint.post("checkpoint", "/audit/checkpoint")
      .addSuccess(AuditCheckpoint)
      .annotateContext(needs("read"))
      .annotate(
        OpenApi.Summary,
        "Sign how far the log reaches now; kept elsewhere, it shows later what was cut or rewritten"
      )
  )
  .middleware(Authorized)
  .prefix("/api/v1")
  .annotate(OpenApi.Title, "Audit") {}
