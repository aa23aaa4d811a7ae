import * as Effect from "effect/Effect"
import { toHttp } from "../Api.ts"
import { Apply } from "../Apply.ts"
import { definitionsOf, exportedJobs, printJobs } from "../Export.ts"
import { Jobs } from "../Jobs.ts"
import { json, whole } from "./Answer.ts"
import { mayGiveCommands } from "./Commands.ts"
import { handlersOf } from "./Routes.ts"

/** The routes about jobs as files. */
export const FilesHttp = Effect.gen(function* () {
  const { apply } = yield* Apply
  const jobs = yield* Jobs

  return handlersOf("files", {
    apply: ({ payload, principal }) =>
      Effect.mapError(apply(payload, principal.actor, { commands: mayGiveCommands(principal) }), toHttp),
    export: ({ urlParams }) =>
      Effect.map(Effect.provideService(exportedJobs, Jobs, jobs), (all) =>
        urlParams.format === "json"
          ? json(200, definitionsOf(all))
          : whole(200, "text/plain; charset=utf-8", printJobs(all))
      )
  })
})
