import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { Finding, SchedulerHealth } from "../Domain/Health.ts"
import { Authorized, needs } from "./Access.ts"
import { answers } from "./Errors.ts"

/** The process answers. */
export const Live = Schema.Struct({ status: Schema.Literal("ok"), version: Schema.String }).annotations({
  identifier: "Live"
})

const Working = Schema.Struct({ ...SchedulerHealth.fields, status: Schema.Literal("healthy", "degraded") }).annotations(
  {
    identifier: "WorkingScheduler"
  }
)

const Down = Schema.Struct({ ...SchedulerHealth.fields, status: Schema.Literal("unhealthy") }).annotations({
  identifier: "UnhealthyScheduler"
})

/** How the service is. */
export class HealthApi extends HttpApiGroup.make("health")
  .add(
    HttpApiEndpoint.get("live", "/health")
      .addSuccess(Live)
      .annotateContext(needs("nothing"))
      .annotate(OpenApi.Summary, "Say that the process answers")
  )
  .add(
    HttpApiEndpoint.get("scheduler", "/health/scheduler")
      .addSuccess(Working)
      .addSuccess(Down, { status: 503 })
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "Say how the scheduler is; 503 when its store or its loop is down")
  )
  .add(
    HttpApiEndpoint.get("findings", "/health/findings")
      .addSuccess(Schema.Array(Finding))
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "Say what is not as it should be, errors first; empty when all is well")
  )
  .middleware(Authorized)
  .prefix("/api/v1")
  .annotate(OpenApi.Title, "Health") {}

/** What is served beside the API: metrics, and its description for programs and for people. */
export class MetaApi extends HttpApiGroup.make("meta")
  .add(
    HttpApiEndpoint.get("metrics", "/metrics")
      .addSuccess(HttpApiSchema.Text({ contentType: "text/plain; version=0.0.4; charset=utf-8" }))
      .addError(answers.notFound)
      .annotateContext(needs("read"))
      .annotate(OpenApi.Summary, "Metrics in the Prometheus text format")
  )
  .add(
    HttpApiEndpoint.get("openapi", "/openapi.json")
      .addSuccess(Schema.Unknown)
      .annotateContext(needs("nothing"))
      .annotate(OpenApi.Exclude, true)
  )
  .add(
    HttpApiEndpoint.get("docs", "/docs")
      .addSuccess(HttpApiSchema.Text({ contentType: "text/html; charset=utf-8" }))
      .annotateContext(needs("nothing"))
      .annotate(OpenApi.Exclude, true)
  )
  .middleware(Authorized)
  .annotate(OpenApi.Title, "Meta") {}
