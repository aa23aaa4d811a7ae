import type * as HttpApiError from "@effect/platform/HttpApiError"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as ParseResult from "effect/ParseResult"
import { type HttpError, isHttpError } from "../Api.ts"
import { placeOf } from "../Domain/Redaction.ts"
import { CliError, type exitCodes } from "./Errors.ts"

const kinds: { readonly [Tag in HttpError["_tag"]]: keyof typeof exitCodes } = {
  InvalidRequest: "usage",
  Unauthorized: "auth",
  Forbidden: "auth",
  NotFound: "notFound",
  MethodNotAllowed: "failed",
  Conflict: "conflict",
  PreconditionFailed: "conflict",
  TooLarge: "usage",
  UnsupportedMediaType: "failed",
  TooManyRequests: "failed",
  InternalError: "failed",
  AgentRunFailed: "failed",
  Unavailable: "unreachable",
  AgentRunTimedOut: "failed",
  StorageFull: "failed"
}

/** What a request can end in. */
export type ClientError =
  | HttpError
  | HttpClientError.HttpClientError
  | HttpApiError.HttpApiDecodeError
  | ParseResult.ParseError

const timedOut = (cause: unknown): boolean => /timeout/i.test(String(cause instanceof Error ? cause.cause : cause))

/** What a failed request means to the person at the terminal. */
export const fromClient = (error: ClientError, address: string): CliError => {
  const server = placeOf(address)
  if (error._tag === "Unauthorized") {
    return new CliError({ kind: "auth", message: `${error.message} (it is taken from SYMBI_API_KEY)` })
  }
  if (isHttpError(error)) return new CliError({ kind: kinds[error._tag], message: error.message })
  if (error._tag === "RequestError") {
    const message = timedOut(error.cause)
      ? `the service at ${server} did not answer in time`
      : `no service answers at ${server}; start one with \`symbi up\`, or name another with --server`
    return new CliError({ kind: "unreachable", message })
  }
  if (error._tag === "ResponseError" && (error.response.status === 401 || error.response.status === 403)) {
    return new CliError({ kind: "auth", message: `the service at ${server} refuses this key; set SYMBI_API_KEY` })
  }
  if (error._tag === "ResponseError" && error.reason === "StatusCode" && error.response.status >= 502) {
    return new CliError({
      kind: "unreachable",
      message: `no service answers behind ${server} (HTTP ${error.response.status}); see whether it runs, and try again`
    })
  }
  const status = error._tag === "ResponseError" ? ` (HTTP ${error.response.status})` : ""
  return new CliError({
    kind: "failed",
    message: `what answers at ${server} is not a Symbiont Scheduler of this version${status}`
  })
}
