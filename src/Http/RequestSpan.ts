import type { IncomingMessage } from "node:http"
import * as Headers from "@effect/platform/Headers"
import * as HttpTraceContext from "@effect/platform/HttpTraceContext"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Answer } from "./Answer.ts"

/** The span of a request, within that of its caller where it names one (W3C Trace Context). */
export const withRequestSpan = (
  { headers, method, socket, url = "/" }: IncomingMessage,
  route: string,
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
        "url.path": url.split("?")[0],
        "client.address": socket.remoteAddress,
        "user_agent.original": headers["user-agent"]
      }
    },
    (span) =>
      Effect.tap(Effect.withParentSpan(answer, span), ({ status }) =>
        Effect.sync(() => span.attribute("http.response.status_code", status))
      )
  )
