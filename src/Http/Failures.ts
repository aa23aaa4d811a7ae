import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiError from "@effect/platform/HttpApiError"
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerError from "@effect/platform/HttpServerError"
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import {
  Api,
  InternalError,
  InvalidRequest,
  isHttpError,
  issueText,
  MethodNotAllowed,
  NotFound,
  readableIssues,
  StorageFull
} from "../Api.ts"

const routes: Array<{ readonly method: string; readonly pattern: RegExp }> = []

HttpApi.reflect(Api, {
  onGroup: () => undefined,
  onEndpoint: ({ endpoint }) => {
    routes.push({
      method: endpoint.method,
      pattern: new RegExp(`^${endpoint.path.replaceAll(".", "\\.").replaceAll(/:\w+/g, "[^/]+")}/?$`, "i")
    })
  }
})

const noRoute = (request: HttpServerRequest.HttpServerRequest) => {
  const path = request.url.split("?")[0] ?? ""
  const methods = routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method)
  const name = `${request.method} ${path.slice(0, 200)}`
  if (methods.length === 0 || methods.some((method) => method === request.method)) {
    const message = `no route ${name}; see /docs for the API`
    return Effect.fail(new NotFound({ code: "ROUTE_NOT_FOUND", message, details: [] }))
  }
  const allow = [...new Set(methods)].join(", ")
  const message = `no route ${name}; this path knows ${allow}`
  return HttpApp.appendPreResponseHandler((_, response) =>
    Effect.succeed(HttpServerResponse.setHeader(response, "allow", allow))
  ).pipe(Effect.andThen(new MethodNotAllowed({ code: "METHOD_NOT_ALLOWED", message, details: [] })))
}

const isFullDisk = (defect: unknown): boolean => {
  let error = defect
  for (let depth = 0; depth < 8 && typeof error === "object" && error !== null; depth++) {
    if ("code" in error && (error.code === "SQLITE_FULL" || error.code === "ENOSPC")) return true
    error = "cause" in error ? error.cause : undefined
  }
  return false
}

type Refusal = InvalidRequest | NotFound | MethodNotAllowed | StorageFull | InternalError

const refuse = (failure: unknown, cause: Cause.Cause<unknown>): Effect.Effect<never, Refusal> => {
  if (failure instanceof HttpApiError.HttpApiDecodeError) {
    const details = readableIssues(failure.issues)
    const message = `the request is not valid: ${issueText(details)}`
    return Effect.fail(new InvalidRequest({ code: "INVALID_REQUEST", message, details }))
  }
  if (failure instanceof HttpServerError.RouteNotFound) return noRoute(failure.request)
  if (isFullDisk(failure)) {
    const message = "the disk is full: nothing was stored; free some space and try again"
    return Effect.zipRight(
      Effect.logError("the disk is full"),
      new StorageFull({ code: "STORAGE_FULL", message, details: [] })
    )
  }
  const message = "the service failed at this request; its log says more"
  return Effect.zipRight(
    Effect.logError("a request failed", cause),
    new InternalError({ code: "INTERNAL", message, details: [] })
  )
}

/** Turns whatever went wrong into one of the API's errors; what nobody foresaw is logged and answered without detail. */
export const shapeErrors = <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E | Refusal, R> =>
  Effect.catchAllCause(app, (cause): Effect.Effect<never, E | Refusal> => {
    const failure = Cause.squash(cause)
    return Cause.isInterruptedOnly(cause) || isHttpError(failure) ? Effect.failCause(cause) : refuse(failure, cause)
  })
