import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Effect from "effect/Effect"
import { Api, toHttp } from "../Api.ts"
import { SessionDesk } from "../Sessions.ts"
import { actor } from "./Actor.ts"

/** The routes about shared sessions. */
export const SessionsHttp = HttpApiBuilder.group(Api, "sessions", (handlers) =>
  Effect.gen(function* () {
    const desk = yield* SessionDesk

    return handlers
      .handle("get", ({ path }) => Effect.mapError(desk.get(path.job_id), toHttp))
      .handle("clear", ({ path }) =>
        actor.pipe(
          Effect.flatMap((who) => desk.clear(path.job_id, who)),
          Effect.mapError(toHttp)
        )
      )
  })
)
