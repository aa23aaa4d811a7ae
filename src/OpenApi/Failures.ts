import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  answers,
  type DomainError,
  type ErrorBody,
  Forbidden,
  type HttpError,
  InternalError,
  InvalidRequest,
  NotFound,
  StorageFull,
  TooLarge,
  TooManyRequests,
  toHttp,
  Unauthorized,
  Unavailable,
  UnsupportedMediaType,
  withCode
} from "../Api.ts"
import { AgentFailure, AgentNotFound } from "../Domain/Agent.ts"
import { FilesRefused } from "../Domain/Apply.ts"
import { ApprovalClosed, ApprovalNotFound, NotAnApprover } from "../Domain/Approval.ts"
import { BackfillInvalid } from "../Domain/Backfill.ts"
import { DeliveryNotFound } from "../Domain/Delivery.ts"
import { ApprovalId, JobId, RunId } from "../Domain/Ids.ts"
import {
  JobInvalid,
  JobNameTaken,
  JobNotFound,
  JobStateConflict,
  JobUnreadable,
  JobVersionMismatch
} from "../Domain/Job.ts"
import { KeyInvalid, KeyNameTaken, KeyNotFound, KeyUnknown, LastAdminKey, RateLimited } from "../Domain/Key.ts"
import { ConcurrencyLimitReached, IdempotencyConflict, RunEnded, RunNotFound } from "../Domain/Run.ts"
import { SessionInUse } from "../Domain/Session.ts"
import { WhyInvalid } from "../Domain/Why.ts"
import { ids } from "./Samples.ts"

/** Name of a domain error that the API answers. */
export type ErrorTag = DomainError["_tag"]

type Samples = { readonly [Tag in ErrorTag]: ReadonlyArray<Extract<DomainError, { readonly _tag: Tag }>> }

const name = "daily-report"
const job = JobId.make(ids.job)
const run = RunId.make(ids.run)
const approval = ApprovalId.make(ids.approval)

/** One of each error that is answered by a code of its own. */
const samples: Samples = {
  WhyInvalid: [new WhyInvalid({ message: '"soon" is no date and time; use ISO 8601 such as 2026-02-15T14:30:00Z' })],
  JobInvalid: [new JobInvalid({ issues: [{ path: "cron_expr", message: "minute: 61 is out of range 0-59" }] })],
  JobNotFound: [new JobNotFound({ job: name })],
  JobNameTaken: [new JobNameTaken({ name, id: job })],
  JobVersionMismatch: [new JobVersionMismatch({ job: name, version: 4 })],
  JobStateConflict: [
    new JobStateConflict({
      job: name,
      status: "dead_letter",
      message: `cannot pause job "${name}": it is dead-lettered; \`symbi cron reset\` makes it active again`
    })
  ],
  JobUnreadable: [new JobUnreadable({ job: name, detail: "status: Expected a job status" })],
  RunNotFound: [new RunNotFound({ run: ids.run })],
  RunEnded: [new RunEnded({ run, status: "succeeded" })],
  ConcurrencyLimitReached: [new ConcurrencyLimitReached({ job: name, max_concurrent: 1 })],
  IdempotencyConflict: [new IdempotencyConflict({ key: "deploy-42" })],
  BackfillInvalid: [
    new BackfillInvalid({ issues: [{ path: "from", message: '"soon" is no date and time; use ISO 8601' }] })
  ],
  SessionInUse: [new SessionInUse({ job: name })],
  FilesRefused: [
    new FilesRefused({ issues: [{ path: "/srv/team/reports.symbi:3:9", message: "this schedule names no agent" }] })
  ],
  ApprovalNotFound: [new ApprovalNotFound({ approval: ids.approval })],
  ApprovalClosed: [new ApprovalClosed({ approval, state: "denied", reason: null })],
  NotAnApprover: [new NotAnApprover({ approval, message: `only ops may decide approval ${ids.approval}` })],
  DeliveryNotFound: [new DeliveryNotFound({ delivery: ids.delivery })],
  AgentNotFound: [new AgentNotFound({ agent_id: "reportr", known: ["reporter"] })],
  AgentFailure: [
    new AgentFailure({ kind: "permanent", message: "it exited with code 3", exit_code: 3 }),
    new AgentFailure({ kind: "timeout", message: "it ran longer than 1h" })
  ],
  KeyInvalid: [new KeyInvalid({ issues: [{ path: "expires_at", message: "is already past" }] })],
  KeyNameTaken: [new KeyNameTaken({ name: "ops" })],
  KeyNotFound: [new KeyNotFound({ key: "ops" })],
  KeyUnknown: [new KeyUnknown()],
  LastAdminKey: [new LastAdminKey({ name: "ops" })],
  RateLimited: [new RateLimited({ message: "too many requests by this key; ask again in 1 s", retry_after: 1 })]
}

type ErrorsOf<F> = F extends (...args: never) => Effect.Effect<infer _A, infer E, infer _R>
  ? Extract<E, { readonly _tag: string }>["_tag"]
  : never

/**
 * Names of the errors that a method can give. The compiler holds the list against the method's type, so the document
 * cannot leave one out, nor name one that the method does not give.
 */
export const errorsOf = <F>(tags: Readonly<Record<ErrorsOf<F> & ErrorTag, true>>): ReadonlyArray<ErrorTag> =>
  Object.keys(tags) as ReadonlyArray<ErrorTag>

/** An error answer as the document shows it. */
export interface Failure {
  readonly status: number
  readonly code: string
  readonly body: ErrorBody
}

const failureOf = (error: HttpError): Failure => {
  for (const schema of Object.values(answers) as ReadonlyArray<Schema.Schema<HttpError, ErrorBody>>) {
    if (!Schema.is(schema)(error)) continue
    const body = Schema.encodeSync(schema)(error)
    return { status: HttpApiSchema.getStatusErrorAST(schema.ast), code: body.code, body }
  }
  throw new Error(`${error._tag} is no answer of the API`)
}

/** What a route answers when its service gives this error; a dialect has codes of its own. */
export const failuresOf = (tag: ErrorTag, code?: string): ReadonlyArray<Failure> =>
  samples[tag].map((error) => {
    const answer: HttpError = toHttp(error as DomainError)
    return failureOf(code === undefined ? answer : withCode(code)(answer))
  })

const general =
  (Class: new (body: ConstructorParameters<typeof InvalidRequest>[0]) => HttpError) =>
  (code: string, message: string, ...details: ReadonlyArray<{ path: string; message: string }>): Failure =>
    failureOf(new Class({ code, message, details }))

const invalid = general(InvalidRequest)
const forbidden = general(Forbidden)

/** Answers that come from no domain error: of every route, and of routes with something in common. */
export const commonFailures = {
  always: [
    invalid("HOST_MISSING", "the request names no host; send Host"),
    forbidden(
      "FORBIDDEN_HOST",
      'this service answers only under a loopback name such as localhost, not as "example.com"'
    ),
    forbidden("FORBIDDEN_ORIGIN", "requests from pages of other sites are refused"),
    general(InternalError)("INTERNAL", "the service failed at this request; its log says more")
  ],
  keyed: [
    invalid("TWO_CREDENTIALS", "Authorization and X-API-Key hold different keys; send one of them"),
    general(Unauthorized)("UNAUTHORIZED", "an API key is needed: Authorization: Bearer KEY"),
    forbidden("FORBIDDEN_SCOPE", 'this needs the scope operate; the key "dashboard" has read'),
    general(TooManyRequests)("RATE_LIMITED", "too many requests by this key; ask again in 1 s")
  ],
  asking: [
    invalid("INVALID_REQUEST", "the request is not valid: limit: a whole number from 1 to 1000", {
      path: "limit",
      message: "a whole number from 1 to 1000"
    })
  ],
  withBody: [
    invalid("MALFORMED_JSON", "the body is not valid JSON: Unexpected end of JSON input"),
    general(TooLarge)("BODY_TOO_LARGE", "the body is larger than 1 MiB (1048576 bytes)"),
    general(UnsupportedMediaType)(
      "UNSUPPORTED_MEDIA_TYPE",
      "the body must be JSON: send Content-Type: application/json, not text/xml"
    )
  ],
  writing: [
    general(StorageFull)("STORAGE_FULL", "the disk is full: nothing was stored; free some space and try again"),
    general(StorageFull)(
      "STORAGE_READ_ONLY",
      "the disk is read-only: nothing was stored; make the data folder and its disk writable and try again"
    ),
    general(StorageFull)(
      "STORAGE_FAILING",
      "the disk reports errors: nothing was stored; look at the disk and the system's log and try again"
    )
  ]
} as const

/** Answers of single routes that come from no domain error. */
export const ownFailures = {
  METRICS_OFF: general(NotFound)("METRICS_OFF", "metrics are off ([scheduler] enable_metrics)"),
  SHUTTING_DOWN: general(Unavailable)("SHUTTING_DOWN", "the service is shutting down"),
  LIST_SCHEDULES_FAILED: general(InternalError)(
    "LIST_SCHEDULES_FAILED",
    "the schedules cannot be read; the log of the service says more"
  ),
  SCHEDULER_HEALTH_FAILED: general(InternalError)(
    "SCHEDULER_HEALTH_FAILED",
    "the store does not answer; the log of the service says more"
  )
} as const
