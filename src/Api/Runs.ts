import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { Run } from "../Domain/Run.ts"
import { Why } from "../Domain/Why.ts"
import { Authorized, needs } from "./Access.ts"
import { answers } from "./Errors.ts"
import { RunPath, Switch, strict } from "./Params.ts"

/** Everything about single runs. */
export class RunsApi extends HttpApiGroup.make("runs")
  .add(
    HttpApiEndpoint.get("get", "/runs/:run_id")
      .setPath(RunPath)
      .addSuccess(Run)
      .addError(answers.notFound)
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "Get a run, whole")
  )
  .add(
    HttpApiEndpoint.get("log", "/runs/:run_id/log")
      .setPath(RunPath)
      .setUrlParams(strict(Schema.Struct({ follow: Switch })))
      .addSuccess(HttpApiSchema.Text())
      .addError(answers.notFound)
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "Read a run's log; with follow=true as server-sent events, until the run ends")
  )
  .add(
    HttpApiEndpoint.post("cancel", "/runs/:run_id/cancel")
      .setPath(RunPath)
      .addSuccess(Run)
      .addError(answers.notFound)
      .addError(answers.conflict)
      .annotateContext(needs("operate"))
      .annotate(OpenApi.Summary, "Cancel a run")
  )
  .add(
    HttpApiEndpoint.get("why", "/runs/:run_id/why")
      .setPath(RunPath)
      .addSuccess(Why)
      .addError(answers.notFound)
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "Say why a run ran, did not, waits, failed or was not delivered")
  )
  .middleware(Authorized)
  .prefix("/api/v1")
  .annotate(OpenApi.Title, "Runs") {}
