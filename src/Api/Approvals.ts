import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { Approval, ApprovalState } from "../Domain/Approval.ts"
import { Authorized, needs } from "./Access.ts"
import { answers } from "./Errors.ts"
import { ApprovalPath, Cursor, Limit, strict } from "./Params.ts"

/** Which approvals to list: those that wait, those in another state, or `all`. */
export const ApprovalParams = Schema.Struct({
  state: Schema.optionalWith(Schema.Literal(...ApprovalState.literals, "all"), { exact: true }),
  limit: Limit,
  cursor: Cursor
})

const Given = Schema.Struct({
  reason: Schema.optionalWith(Schema.String.pipe(Schema.maxLength(2_000)), { exact: true })
})

/** Why somebody decides as they do; a body is not needed. */
export const Verdict = Schema.transform(Schema.NullOr(Given), Given, {
  strict: true,
  decode: (verdict) => verdict ?? {},
  encode: (verdict) => verdict
})

const decision = <const Name extends "approve" | "deny">(name: Name, summary: string) =>
  HttpApiEndpoint.post(name, `/approvals/:approval_id/${name}`)
    .setPath(ApprovalPath)
    .setPayload(strict(Verdict))
    .addSuccess(Approval)
    .addError(answers.notFound)
    .addError(answers.conflict)
    .annotateContext(needs("approve"))
    .annotate(OpenApi.Summary, summary)

/** Runs that wait for a person. */
export class ApprovalsApi extends HttpApiGroup.make("approvals")
  .add(
    HttpApiEndpoint.get("list", "/approvals")
      .setUrlParams(strict(ApprovalParams))
      .addSuccess(Schema.Array(Approval))
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "List approvals, newest first: those that wait, unless `state` says otherwise")
  )
  .add(
    HttpApiEndpoint.get("get", "/approvals/:approval_id")
      .setPath(ApprovalPath)
      .addSuccess(Approval)
      .addError(answers.notFound)
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "Get an approval, by its id or its run's")
  )
  .add(decision("approve", "Let the run go on"))
  .add(decision("deny", "End the run without calling its agent"))
  .middleware(Authorized)
  .prefix("/api/v1")
  .annotate(OpenApi.Title, "Approvals") {}
