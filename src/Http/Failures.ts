import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as ParseResult from "effect/ParseResult"
import {
  answers,
  type ErrorBody,
  firstIssues,
  type HttpError,
  InternalError,
  InvalidRequest,
  isHttpError,
  issueText,
  MethodNotAllowed,
  NotFound,
  StorageFull,
  Unavailable
} from "../Api.ts"
import { type Refusal as DiskRefusal, refusalOf, refusalTexts } from "../StorageHealth.ts"
import { Refusal } from "./Admission.ts"
import { type Answer, json } from "./Answer.ts"

const statusOf: { readonly [Tag in HttpError["_tag"]]: number } = {
  InvalidRequest: HttpApiSchema.getStatusError(answers.invalid),
  Unauthorized: HttpApiSchema.getStatusError(answers.unauthorized),
  Forbidden: HttpApiSchema.getStatusError(answers.forbidden),
  NotFound: HttpApiSchema.getStatusError(answers.notFound),
  MethodNotAllowed: HttpApiSchema.getStatusError(answers.methodNotAllowed),
  Conflict: HttpApiSchema.getStatusError(answers.conflict),
  PreconditionFailed: HttpApiSchema.getStatusError(answers.preconditionFailed),
  TooLarge: HttpApiSchema.getStatusError(answers.tooLarge),
  UnsupportedMediaType: HttpApiSchema.getStatusError(answers.unsupportedMediaType),
  TooManyRequests: HttpApiSchema.getStatusError(answers.tooManyRequests),
  InternalError: HttpApiSchema.getStatusError(answers.internal),
  AgentRunFailed: HttpApiSchema.getStatusError(answers.agentFailed),
  Unavailable: HttpApiSchema.getStatusError(answers.unavailable),
  AgentRunTimedOut: HttpApiSchema.getStatusError(answers.agentTimedOut),
  StorageFull: HttpApiSchema.getStatusError(answers.storageFull)
}

/** An error of the API as its answer. */
export const answerOf = (
  { _tag, code, details, message }: HttpError,
  headers?: Readonly<Record<string, string>>
): Answer => json(statusOf[_tag], { error: message, code, details } satisfies ErrorBody, headers)

/** What a request is refused with that says something invalid. */
export const undecodable = (issue: ParseResult.ParseIssue): InvalidRequest => {
  const details = firstIssues(issue)
  return new InvalidRequest({
    code: "INVALID_REQUEST",
    message: `the request is not valid: ${issueText(details)}`,
    details
  })
}

/** What a request is refused with whose path nothing answers, or not by this method but by those. */
export const noRoute = (method: string, url: string, methods: ReadonlyArray<string>): Refusal => {
  const name = `${method} ${(url.split("?")[0] ?? "").slice(0, 200)}`
  if (methods.length === 0) {
    const message = `no route ${name}; see /docs for the API`
    return new Refusal(new NotFound({ code: "ROUTE_NOT_FOUND", message, details: [] }))
  }
  const allow = methods.join(", ")
  const message = `no route ${name}; this path knows ${allow}`
  return new Refusal(new MethodNotAllowed({ code: "METHOD_NOT_ALLOWED", message, details: [] }), { allow })
}

const storageCodes: Readonly<Record<DiskRefusal, string>> = {
  full: "STORAGE_FULL",
  read_only: "STORAGE_READ_ONLY",
  failing: "STORAGE_FAILING"
}

const nothing = Effect.void

/** Any failure as an error of the API, and what is to be logged of it: what nobody foresaw is told without detail. */
export const errorOf = (
  cause: Cause.Cause<unknown>
): { readonly error: HttpError; readonly log: Effect.Effect<void> } => {
  const failure = Cause.squash(cause)
  if (isHttpError(failure)) return { error: failure, log: nothing }
  if (Cause.isInterruptedOnly(cause)) {
    const message = "the service is shutting down"
    return { error: new Unavailable({ code: "SHUTTING_DOWN", message, details: [] }), log: nothing }
  }
  const refusal = refusalOf(failure)
  if (refusal !== undefined) {
    const { next_step, what } = refusalTexts[refusal]
    const message = `${what}: nothing was stored; ${next_step} and try again`
    const error = new StorageFull({ code: storageCodes[refusal], message, details: [] })
    return { error, log: Effect.logDebug(what, cause) }
  }
  const message = "the service failed at this request; its log says more"
  const error = new InternalError({ code: "INTERNAL", message, details: [] })
  return { error, log: Effect.logError("a request failed", cause) }
}
