import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as Data from "effect/Data"
import * as Schema from "effect/Schema"
import type { AgentFailure, AgentNotFound } from "../Domain/Agent.ts"
import type { FilesRefused } from "../Domain/Apply.ts"
import type { ApprovalClosed, ApprovalNotFound, NotAnApprover } from "../Domain/Approval.ts"
import type { BackfillInvalid } from "../Domain/Backfill.ts"
import type { DeliveryNotFound } from "../Domain/Delivery.ts"
import {
  Issue,
  type JobInvalid,
  type JobNameTaken,
  type JobNotFound,
  type JobStateConflict,
  type JobUnreadable,
  type JobVersionMismatch
} from "../Domain/Job.ts"
import type { KeyInvalid, KeyNameTaken, KeyNotFound, KeyUnknown, LastAdminKey, RateLimited } from "../Domain/Key.ts"
import type { ConcurrencyLimitReached, IdempotencyConflict, RunEnded, RunNotFound } from "../Domain/Run.ts"
import type { SessionInUse } from "../Domain/Session.ts"
import type { WhyInvalid } from "../Domain/Why.ts"

/** The body of every error answer: a text for people, a code for programs, and what was wrong where. */
export const ErrorBody = Schema.Struct({
  error: Schema.String,
  code: Schema.String,
  details: Schema.Array(Issue)
}).annotations({ identifier: "Error" })
export type ErrorBody = typeof ErrorBody.Type

interface Body {
  readonly code: string
  readonly message: string
  readonly details: ReadonlyArray<Issue>
}

/** 400: the request is malformed, or says something that cannot be. */
export class InvalidRequest extends Data.TaggedError("InvalidRequest")<Body> {}
/** 401: an API key is needed, or the one that was sent is not known. */
export class Unauthorized extends Data.TaggedError("Unauthorized")<Body> {}
/** 403: the request is not one that this service answers. */
export class Forbidden extends Data.TaggedError("Forbidden")<Body> {}
/** 404: no such job, run, agent or route. */
export class NotFound extends Data.TaggedError("NotFound")<Body> {}
/** 405: the route knows other methods; they are in `Allow`. */
export class MethodNotAllowed extends Data.TaggedError("MethodNotAllowed")<Body> {}
/** 409: it cannot be done in the present state. */
export class Conflict extends Data.TaggedError("Conflict")<Body> {}
/** 412: the job is no longer at the version of `If-Match`. */
export class PreconditionFailed extends Data.TaggedError("PreconditionFailed")<Body> {}
/** 413: the body is larger than the route takes. */
export class TooLarge extends Data.TaggedError("TooLarge")<Body> {}
/** 415: the body is not JSON. */
export class UnsupportedMediaType extends Data.TaggedError("UnsupportedMediaType")<Body> {}
/** 429: too much was asked in too short a time; `Retry-After` says when to ask again. */
export class TooManyRequests extends Data.TaggedError("TooManyRequests")<Body> {}
/** 500: a defect of the service; its log knows more. */
export class InternalError extends Data.TaggedError("InternalError")<Body> {}
/** 502: an agent run by hand failed. */
export class AgentRunFailed extends Data.TaggedError("AgentRunFailed")<Body> {}
/** 503: the service is shutting down. */
export class Unavailable extends Data.TaggedError("Unavailable")<Body> {}
/** 504: an agent run by hand took too long. */
export class AgentRunTimedOut extends Data.TaggedError("AgentRunTimedOut")<Body> {}
/** 507: the disk is full, read-only, or reports errors. */
export class StorageFull extends Data.TaggedError("StorageFull")<Body> {}

/** Any error of the API. */
export type HttpError =
  | InvalidRequest
  | Unauthorized
  | Forbidden
  | NotFound
  | MethodNotAllowed
  | Conflict
  | PreconditionFailed
  | TooLarge
  | UnsupportedMediaType
  | TooManyRequests
  | InternalError
  | AgentRunFailed
  | Unavailable
  | AgentRunTimedOut
  | StorageFull

const answer = <E extends HttpError>(status: number, Class: new (body: Body) => E, description: string) =>
  Schema.transform(ErrorBody, Schema.instanceOf(Class), {
    strict: true,
    decode: ({ error, code, details }) => new Class({ message: error, code, details }),
    encode: ({ message, code, details }) => ({ error: message, code, details })
  }).annotations(HttpApiSchema.annotations({ status, description }))

/** Each error as it stands in the API: its status, and the one body shape that all share. */
export const answers = {
  invalid: answer(400, InvalidRequest, "The request is not valid; `details` names each place."),
  unauthorized: answer(401, Unauthorized, "An API key is needed, or this one is not known; see `WWW-Authenticate`."),
  forbidden: answer(
    403,
    Forbidden,
    "The key has not the scope, or the request came from another site or under a foreign host name."
  ),
  notFound: answer(404, NotFound, "No such job, run, delivery, agent or route."),
  methodNotAllowed: answer(405, MethodNotAllowed, "The route knows other methods; see `Allow`."),
  conflict: answer(409, Conflict, "It cannot be done in the present state."),
  preconditionFailed: answer(412, PreconditionFailed, "The job changed since the version of `If-Match`."),
  tooLarge: answer(413, TooLarge, "The body is larger than 1 MiB (64 MiB for apply)."),
  unsupportedMediaType: answer(415, UnsupportedMediaType, "The body is not JSON."),
  tooManyRequests: answer(429, TooManyRequests, "Too much in too short a time; see `Retry-After`."),
  internal: answer(500, InternalError, "A defect of the service; its log knows more."),
  agentFailed: answer(502, AgentRunFailed, "The agent failed."),
  unavailable: answer(503, Unavailable, "The service is shutting down."),
  agentTimedOut: answer(504, AgentRunTimedOut, "The agent took too long."),
  storageFull: answer(507, StorageFull, "The disk is full, read-only or failing; nothing was stored.")
} as const

const classes = [
  InvalidRequest,
  Unauthorized,
  Forbidden,
  NotFound,
  MethodNotAllowed,
  Conflict,
  PreconditionFailed,
  TooLarge,
  UnsupportedMediaType,
  TooManyRequests,
  InternalError,
  AgentRunFailed,
  Unavailable,
  AgentRunTimedOut,
  StorageFull
]

/** Whether something is an error of the API. */
export const isHttpError = (error: unknown): error is HttpError => classes.some((Class) => error instanceof Class)

/** Any error of the domain that the API answers. */
export type DomainError =
  | WhyInvalid
  | JobInvalid
  | JobNotFound
  | JobNameTaken
  | JobVersionMismatch
  | JobStateConflict
  | JobUnreadable
  | RunNotFound
  | RunEnded
  | ConcurrencyLimitReached
  | IdempotencyConflict
  | BackfillInvalid
  | SessionInUse
  | FilesRefused
  | ApprovalNotFound
  | ApprovalClosed
  | NotAnApprover
  | DeliveryNotFound
  | AgentNotFound
  | AgentFailure
  | KeyInvalid
  | KeyNameTaken
  | KeyNotFound
  | KeyUnknown
  | LastAdminKey
  | RateLimited

interface Statuses {
  readonly WhyInvalid: InvalidRequest
  readonly JobInvalid: InvalidRequest
  readonly JobNotFound: NotFound
  readonly JobNameTaken: Conflict
  readonly JobVersionMismatch: PreconditionFailed
  readonly JobStateConflict: Conflict
  readonly JobUnreadable: Conflict
  readonly RunNotFound: NotFound
  readonly RunEnded: Conflict
  readonly ConcurrencyLimitReached: Conflict
  readonly IdempotencyConflict: Conflict
  readonly BackfillInvalid: InvalidRequest
  readonly SessionInUse: Conflict
  readonly FilesRefused: InvalidRequest
  readonly ApprovalNotFound: NotFound
  readonly ApprovalClosed: Conflict
  readonly NotAnApprover: Forbidden
  readonly DeliveryNotFound: NotFound
  readonly AgentNotFound: NotFound
  readonly AgentFailure: AgentRunFailed | AgentRunTimedOut
  readonly KeyInvalid: InvalidRequest
  readonly KeyNameTaken: Conflict
  readonly KeyNotFound: NotFound
  readonly KeyUnknown: Unauthorized
  readonly LastAdminKey: Conflict
  readonly RateLimited: TooManyRequests
}

const body = (code: string, error: Error, details: ReadonlyArray<Issue> = []): Body => ({
  code,
  message: error.message,
  details
})

const table: { readonly [Tag in keyof Statuses]: (error: Extract<DomainError, { _tag: Tag }>) => Statuses[Tag] } = {
  WhyInvalid: (error) => new InvalidRequest(body("INVALID_INSTANT", error, [{ path: "at", message: error.message }])),
  JobInvalid: (error) => new InvalidRequest(body("INVALID_JOB", error, error.issues)),
  JobNotFound: (error) => new NotFound(body("JOB_NOT_FOUND", error)),
  JobNameTaken: (error) => new Conflict(body("JOB_NAME_TAKEN", error)),
  JobVersionMismatch: (error) => new PreconditionFailed(body("JOB_CHANGED", error)),
  JobStateConflict: (error) => new Conflict(body("JOB_STATE_CONFLICT", error)),
  JobUnreadable: (error) => new Conflict(body("JOB_UNREADABLE", error)),
  RunNotFound: (error) => new NotFound(body("RUN_NOT_FOUND", error)),
  RunEnded: (error) => new Conflict(body("RUN_ENDED", error)),
  ConcurrencyLimitReached: (error) => new Conflict(body("CONCURRENCY_LIMIT", error)),
  IdempotencyConflict: (error) => new Conflict(body("IDEMPOTENCY_CONFLICT", error)),
  BackfillInvalid: (error) => new InvalidRequest(body("INVALID_BACKFILL", error, error.issues)),
  SessionInUse: (error) => new Conflict(body("SESSION_IN_USE", error)),
  FilesRefused: (error) => new InvalidRequest(body("INVALID_FILES", error, error.issues)),
  ApprovalNotFound: (error) => new NotFound(body("APPROVAL_NOT_FOUND", error)),
  ApprovalClosed: (error) => new Conflict(body("APPROVAL_CLOSED", error)),
  NotAnApprover: (error) => new Forbidden(body("NOT_AN_APPROVER", error)),
  DeliveryNotFound: (error) => new NotFound(body("DELIVERY_NOT_FOUND", error)),
  AgentNotFound: (error) => new NotFound(body("AGENT_NOT_FOUND", error)),
  AgentFailure: (error) => {
    const details = [{ path: "kind", message: error.kind as string }]
    if (error.exit_code !== undefined) details.push({ path: "exit_code", message: String(error.exit_code) })
    return error.kind === "timeout"
      ? new AgentRunTimedOut(body("AGENT_TIMED_OUT", error, details))
      : new AgentRunFailed(body("AGENT_FAILED", error, details))
  },
  KeyInvalid: (error) => new InvalidRequest(body("INVALID_KEY", error, error.issues)),
  KeyNameTaken: (error) => new Conflict(body("KEY_NAME_TAKEN", error)),
  KeyNotFound: (error) => new NotFound(body("KEY_NOT_FOUND", error)),
  KeyUnknown: (error) => new Unauthorized(body("UNAUTHORIZED", error)),
  LastAdminKey: (error) => new Conflict(body("LAST_ADMIN_KEY", error)),
  RateLimited: (error) => new TooManyRequests(body("RATE_LIMITED", error))
}

/** The answer to an error of the domain; the table above is the only place that says which status and code each has. */
export function toHttp<E extends DomainError>(error: E): Statuses[E["_tag"]]
export function toHttp(error: DomainError): HttpError {
  const convert: (error: never) => HttpError = table[error._tag]
  return convert(error as never)
}

/** The same error under another code. */
export const withCode =
  (code: string) =>
  <E extends HttpError>({ constructor, details, message }: E): E =>
    // Each of the classes is made from a body alone.
    new (constructor as new (body: Body) => E)({ code, message, details })
