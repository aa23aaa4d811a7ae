import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** What stands before a service answers so when the service is not there. */
const withoutService: ReadonlySet<number> = new Set([502, 503, 504])

/** Whether an answer is an error as the service words them. */
const isOwnError = (text: string): boolean => /^\s*\{[\s\S]*"code"\s*:\s*"[A-Z_]+"/.test(text)

/** Reads an answer to its end; what was read is in the answer that this gives. */
const readWhole = (response: HttpClientResponse.HttpClientResponse) =>
  Effect.flatMap(response.arrayBuffer, (bytes) => {
    const { headers, request, status } = response
    if (withoutService.has(status) && !isOwnError(new TextDecoder().decode(bytes))) {
      return new HttpClientError.ResponseError({ request, response, reason: "StatusCode" })
    }
    // An answer such as 204 must have no body at all.
    const body = bytes.byteLength === 0 ? null : bytes
    return Effect.succeed(HttpClientResponse.fromWeb(request, new Response(body, { status, headers })))
  })

/**
 * A client whose answers are read whole within `patience`, null for any time. A gateway that has no service behind it
 * is told by a status that is not accepted.
 */
export const patientClient = (client: HttpClient.HttpClient, patience: Duration.DurationInput | null) =>
  HttpClient.transform(client, (answer, request) => {
    const whole = Effect.flatMap(answer, readWhole)
    if (patience === null) return whole
    return Effect.timeoutFail(whole, {
      duration: patience,
      onTimeout: () => new HttpClientError.RequestError({ request, reason: "Transport", cause: "timeout" })
    })
  })
