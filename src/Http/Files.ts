import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Api, toHttp } from "../Api.ts"
import { Apply } from "../Apply.ts"
import { definitionsOf, exportedJobs, printJobs } from "../Export.ts"
import { Jobs } from "../Jobs.ts"
import { actor } from "./Actor.ts"
import { mayGiveCommands } from "./Commands.ts"

/** The routes about jobs as files. */
export const FilesHttp = HttpApiBuilder.group(Api, "files", (handlers) =>
  Effect.gen(function* () {
    const { apply } = yield* Apply
    const jobs = yield* Jobs

    return handlers
      .handle("apply", ({ payload }) =>
        Effect.all([actor, mayGiveCommands]).pipe(
          Effect.flatMap(([who, commands]) => apply(payload, who, { commands })),
          Effect.mapError(toHttp)
        )
      )
      .handleRaw("export", ({ urlParams }) =>
        Effect.map(Effect.provideService(exportedJobs, Jobs, jobs), (all) =>
          urlParams.format === "json"
            ? HttpServerResponse.unsafeJson(definitionsOf(all))
            : HttpServerResponse.text(printJobs(all), { contentType: "text/plain; charset=utf-8" })
        )
      )
  })
).pipe(Layer.provide(Apply.Default))
