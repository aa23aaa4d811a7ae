import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import { SessionInfo } from "../Domain/Session.ts"
import { Authorized, needs } from "./Access.ts"
import { answers } from "./Errors.ts"
import { JobPath } from "./Params.ts"

/** Everything about shared sessions. */
export class SessionsApi extends HttpApiGroup.make("sessions")
  .add(
    HttpApiEndpoint.get("get", "/schedule/:job_id/session")
      .setPath(JobPath)
      .addSuccess(SessionInfo)
      .addError(answers.notFound)
      .addError(answers.conflict)
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "Say how large a job's shared session is, and how much of it is archived")
  )
  .add(
    HttpApiEndpoint.del("clear", "/schedule/:job_id/session")
      .setPath(JobPath)
      .addSuccess(SessionInfo)
      .addError(answers.notFound)
      .addError(answers.conflict)
      .annotateContext(needs("operate"))
      .annotate(OpenApi.Summary, "Archive a job's shared session; its next run starts a new one")
  )
  .middleware(Authorized)
  .prefix("/api/v1")
  .annotate(OpenApi.Title, "Sessions") {}
