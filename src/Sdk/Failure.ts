import * as Schema from "effect/Schema"
import { ErrorBody } from "../Api.ts"

/** One thing wrong with a request: where and what. */
export type ErrorDetail = (typeof ErrorBody.Encoded)["details"][number]

/** What a {@link SymbiontError} is made of. */
export interface ErrorParts {
  readonly code: string
  readonly message: string
  readonly status?: number | undefined
  readonly details?: ReadonlyArray<ErrorDetail> | undefined
  readonly retryAfter?: number | undefined
  readonly cause?: unknown
}

/**
 * Any failure of a call. `code` is for programs: the service's own (`JOB_NOT_FOUND`), or one of this client:
 * `CONNECTION_FAILED`, `TIMEOUT`, `ABORTED`, `REDIRECTED`, `UNEXPECTED_ANSWER`, `INVALID_REQUEST`, `INVALID_OPTIONS`.
 */
export class SymbiontError extends Error {
  override readonly name = "SymbiontError"
  /** The HTTP status; undefined when there was no answer. */
  readonly status: number | undefined
  readonly code: string
  /** What was wrong with the request, place by place. */
  readonly details: ReadonlyArray<ErrorDetail>
  /** In how many seconds to ask again, where the service says so. */
  readonly retryAfter: number | undefined

  constructor({ cause, code, details, message, retryAfter, status }: ErrorParts) {
    super(message, cause === undefined ? {} : { cause })
    this.status = status
    this.code = code
    this.details = details ?? []
    this.retryAfter = retryAfter
  }
}

/** An answer as it came. */
export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isErrorBody = Schema.is(Schema.Struct({ ...ErrorBody.fields, details: Schema.Unknown }))
const isDetails = Schema.is(ErrorBody.fields.details)

/** The error that an answer tells of; of one that is not the service's, whatever answered in its place. */
export const fromAnswer = (server: string, { headers, status, text }: Answered, retryAfter?: number): SymbiontError => {
  const body = parsed(text)
  if (isErrorBody(body)) {
    const details = isDetails(body.details) ? body.details : []
    return new SymbiontError({ status, code: body.code, message: body.error, details, retryAfter })
  }
  if (status >= 300 && status < 400) {
    const message = `${server} redirects to ${headers["location"] ?? "elsewhere"}; set baseUrl to where the service is`
    return new SymbiontError({ status, code: "REDIRECTED", message })
  }
  const message = `what answers at ${server} is not a Symbiont Scheduler (HTTP ${status}); check baseUrl`
  return new SymbiontError({ status, code: "UNEXPECTED_ANSWER", message, retryAfter })
}

/** Reads the JSON of an answer. */
export const readJson = (server: string, answered: Answered): unknown => {
  const body = parsed(answered.text)
  return body === undefined ? fromAnswer(server, answered) : body
}

const codesOf = (cause: unknown): ReadonlyArray<string> => {
  if (!(cause instanceof Error)) return []
  const code = "code" in cause && typeof cause.code === "string" ? [cause.code] : []
  return [...code, ...codesOf(cause.cause)]
}

/** No answer in time. */
export const timedOut = (server: string, what: string, cause?: unknown): SymbiontError =>
  new SymbiontError({ code: "TIMEOUT", message: `the service at ${server} did not answer ${what}`, cause })

/** No answer, or half of one. */
export const fromNetwork = (server: string, cause: unknown): SymbiontError => {
  const codes = codesOf(cause)
  if (codes.some((code) => /_TIMEOUT$|^ETIMEDOUT$/.test(code))) return timedOut(server, "in time", cause)
  const why = codes.length === 0 ? "" : ` (${codes[0]})`
  const message = `no service answers at ${server}${why}; start one with \`symbi up\`, or check baseUrl`
  return new SymbiontError({ code: "CONNECTION_FAILED", message, cause })
}
