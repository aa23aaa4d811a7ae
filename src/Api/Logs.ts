import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { LogEntry, LogLevelName } from "../Domain/Log.ts"
import { Authorized, needs } from "./Access.ts"
import { Lines, Switch, strict } from "./Params.ts"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/** Which entries of the service's log to give. */
export const LogParams = Schema.Struct({
  filter: optional(
    Schema.NonEmptyString.annotations({
      description:
        "A component such as scheduler or delivery, or the beginning of its name; a job's name; the id of a job, run or delivery."
    })
  ),
  level: optional(LogLevelName.annotations({ description: "The least level; without it, the one that is logged." })),
  lines: Lines,
  follow: Switch
})

/** What the service says about itself. Defects and paths of the machine may stand there, so only admins read it. */
export class LogsApi extends HttpApiGroup.make("logs")
  .add(
    HttpApiEndpoint.get("read", "/logs")
      .setUrlParams(strict(LogParams))
      .setHeaders(Schema.Struct({ "last-event-id": optional(Schema.String) }))
      .addSuccess(Schema.Array(LogEntry))
      .annotateContext(needs("admin"))
      .annotate(
        OpenApi.Summary,
        "Read the service's log, oldest first; with follow=true as server-sent events, on and on"
      )
  )
  .middleware(Authorized)
  .prefix("/api/v1")
  .annotate(OpenApi.Title, "Logs") {}
