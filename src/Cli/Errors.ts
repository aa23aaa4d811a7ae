import type * as HttpApiError from "@effect/platform/HttpApiError"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as Data from "effect/Data"
import type * as ParseResult from "effect/ParseResult"
import { type HttpError, isHttpError } from "../Api.ts"

/** What the exit codes of the CLI mean. */
export const exitCodes = {
  failed: 1,
  usage: 2,
  notFound: 3,
  auth: 4,
  conflict: 5,
  unreachable: 6
} as const

/** The command ends: one text for people, one exit code for programs. */
export class CliError extends Data.TaggedError("CliError")<{
  readonly kind: keyof typeof exitCodes
  readonly message: string
}> {}

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

type ClientError =
  | HttpError
  | HttpClientError.HttpClientError
  | HttpApiError.HttpApiDecodeError
  | ParseResult.ParseError

const timedOut = (cause: unknown): boolean => /timeout/i.test(String(cause instanceof Error ? cause.cause : cause))

/** What a failed request means to the person at the terminal. */
export const fromClient = (error: ClientError, server: string): CliError => {
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
  const status = error._tag === "ResponseError" ? ` (HTTP ${error.response.status})` : ""
  return new CliError({
    kind: "failed",
    message: `what answers at ${server} is not a Symbiont Scheduler of this version${status}`
  })
}
