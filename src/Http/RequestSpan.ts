import type { IncomingMessage } from "node:http"
import * as Headers from "@effect/platform/Headers"
import * as HttpTraceContext from "@effect/platform/HttpTraceContext"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Answer } from "./Answer.ts"

/** What a request is counted as whose client went away before its answer: nginx's 499. */
export const clientGone = 499

/** The span of a request, within that of its caller where it names one (W3C Trace Context). */
export const withRequestSpan = (
  { headers, method, socket }: IncomingMessage,
  { path, route }: { readonly path: string; readonly route: string },
  answer: Effect.Effect<Answer>
): Effect.Effect<Answer> =>
  Effect.useSpan(
    `http.server ${method}`,
    {
      parent: Option.getOrUndefined(HttpTraceContext.fromHeaders(Headers.fromInput(headers))),
      kind: "server",
      captureStackTrace: false,
      attributes: {
        "http.request.method": method,
        "http.route": route,
        "url.path": path,
        ...(socket.remoteAddress === undefined ? {} : { "client.address": socket.remoteAddress }),
        ...(headers["user-agent"] === undefined ? {} : { "user_agent.original": headers["user-agent"] })
      }
    },
    (span) =>
      Effect.withParentSpan(answer, span).pipe(
        Effect.tap(({ status }) => Effect.sync(() => span.attribute("http.response.status_code", status))),
        Effect.onInterrupt(() => Effect.sync(() => span.attribute("http.response.status_code", clientGone)))
      )
  )
