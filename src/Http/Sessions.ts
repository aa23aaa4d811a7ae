import * as Effect from "effect/Effect"
import { toHttp } from "../Api.ts"
import { SessionDesk } from "../Sessions.ts"
import { handlersOf } from "./Routes.ts"

/** The routes about shared sessions. */
export const SessionsHttp = Effect.gen(function* () {
  const desk = yield* SessionDesk

  return handlersOf("sessions", {
    get: ({ path }) => Effect.mapError(desk.get(path.job_id), toHttp),
    clear: ({ path, principal }) => Effect.mapError(desk.clear(path.job_id, principal.actor), toHttp)
  })
})
