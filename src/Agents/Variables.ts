import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Invocation } from "../Agents.ts"
import { AgentFailure } from "../Domain/Agent.ts"
import { firstOf } from "../Domain/Bounded.ts"
import { formatInstant } from "../Domain/Instant.ts"
import { maxSummaryLength } from "../Domain/Session.ts"
import { inheritedVariables, interpolate, type ServiceEnvironment, withheldText } from "../ServiceEnvironment.ts"
import { traceparentOf } from "../Telemetry.ts"

type Environment = typeof ServiceEnvironment.Service

/** Puts the service's variables into a text of an agent; `where` names the text: "its env TOKEN". */
export const resolveText = (
  agent: string,
  where: string,
  text: string,
  { variables, withheld }: Environment
): Either.Either<string, AgentFailure> =>
  Either.mapLeft(
    interpolate(text, variables),
    (missing) =>
      new AgentFailure({
        kind: "permanent",
        message:
          withheld?.has(missing) === true
            ? `agent "${agent}", ${where}: ${withheldText(missing)}`
            : `agent "${agent}" needs the environment variable ${missing} (for ${where}), which is not set; set it for the service and restart`
      })
  )

/** {@link resolveText} for each value of a record; `where` names the record. */
export const resolveRecord = (
  agent: string,
  where: string,
  texts: Readonly<Record<string, string>>,
  service: Environment
): Either.Either<Record<string, string>, AgentFailure> =>
  Either.all(
    Object.fromEntries(
      Object.entries(texts).map(([name, text]) => [name, resolveText(agent, `${where} ${name}`, text, service)])
    )
  )

const secretHeader = /auth|cookie|credential|key|pass|secret|session|token/i

/** What may be secret in headers as they are sent: the values of those that tell who asks, and of `Bearer TOKEN` the token. */
export const secretsOfHeaders = (headers: Readonly<Record<string, string>>): ReadonlyArray<string> =>
  Object.entries(headers).flatMap(([name, value]) =>
    secretHeader.test(name) ? [value, value.slice(value.indexOf(" ") + 1)] : []
  )

/** What every process of an agent is told: a few variables of the service, and the run that it is part of. */
export const processVariables = Effect.fnUntraced(function* (invocation: Invocation, service: Environment) {
  const { iteration, run, summary } = invocation
  return {
    ...inheritedVariables(service.variables),
    ...(run === null
      ? {}
      : {
          SYMBI_JOB_ID: run.job_id,
          SYMBI_JOB_NAME: run.job_name,
          SYMBI_RUN_ID: run.id,
          SYMBI_ATTEMPT: String(run.attempt),
          SYMBI_SCHEDULED_FOR: formatInstant(run.scheduled_for),
          TRACEPARENT: yield* traceparentOf(run.id)
        }),
    // The kernel takes no NUL in a variable and at most 128 KiB.
    SYMBI_SUMMARY: firstOf((summary ?? "").replaceAll("\0", ""), maxSummaryLength),
    ...(iteration === null ? {} : { SYMBI_ITERATION: String(iteration) })
  }
})
