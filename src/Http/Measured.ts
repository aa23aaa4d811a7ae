import * as HttpApp from "@effect/platform/HttpApp"
import { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { MetricsEnabled, recordRequest } from "../Observability.ts"

const routes = new WeakMap<WeakKey, string>()

const isKey = (source: unknown): source is WeakKey => typeof source === "object" && source !== null

/** Says which route answers a request, by its template: its path would give each job a series of its own. */
export const routed = ({ source }: HttpServerRequest, template: string): Effect.Effect<void> =>
  Effect.sync(() => {
    if (isKey(source)) routes.set(source, template)
  })

const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])

const counted = (begun: bigint, request: HttpServerRequest, status: number): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeNanos, (now) =>
    recordRequest({
      method: methods.has(request.method) ? request.method : "other",
      route: (isKey(request.source) ? routes.get(request.source) : undefined) ?? "none",
      status,
      seconds: Number(now - begun) / 1e9
    })
  )

/** Counts requests, and the time until the head of their answer: an answer that is followed live has no end. */
export const measured = <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E, R> =>
  Effect.flatMap(MetricsEnabled, (enabled) =>
    enabled
      ? Effect.flatMap(Clock.currentTimeNanos, (begun) =>
          Effect.matchCauseEffect(app, {
            onSuccess: (response) =>
              Effect.flatMap(HttpServerRequest, (request) =>
                Effect.as(counted(begun, request, response.status), response)
              ),
            // What an error becomes is known only then.
            onFailure: (cause) =>
              Effect.zipRight(
                HttpApp.appendPreResponseHandler((request, response) =>
                  Effect.as(counted(begun, request, response.status), response)
                ),
                Effect.failCause(cause)
              )
          })
        )
      : app
  )
