import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"

/** Logs what was asked for, but for what was only read: the method, the path without its query, and the status. */
export const logRequests = <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E, R> =>
  Effect.tap(app, ({ status }) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ method, url }) =>
      method === "GET" && status < 400
        ? Effect.void
        : Effect.logDebug("request", { method, path: url.split("?")[0], status })
    )
  )
