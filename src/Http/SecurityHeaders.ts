import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"

/** Headers of every answer that does not set its own: nothing here is to be stored, framed, guessed at or executed. */
export const securityHeaders = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY"
} as const

/** An answer with {@link securityHeaders}, but for those that it sets itself. */
export const secured = (response: HttpServerResponse.HttpServerResponse): HttpServerResponse.HttpServerResponse =>
  "x-frame-options" in response.headers
    ? response
    : HttpServerResponse.setHeaders(response, { ...securityHeaders, ...response.headers })

/** Adds {@link securityHeaders} to every answer, errors too: those become answers only after this. */
export const withSecurityHeaders = <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E, R> =>
  Effect.matchCauseEffect(app, {
    onSuccess: (response) => Effect.succeed(secured(response)),
    onFailure: (cause) =>
      Effect.zipRight(
        HttpApp.appendPreResponseHandler((_, response) => Effect.succeed(secured(response))),
        Effect.failCause(cause)
      )
  })
