import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { AgentResult, Invocation } from "../Agents.ts"
import { withoutThese } from "../Delivery.ts"
import { AgentFailure, type UrlAgent, Usage } from "../Domain/Agent.ts"
import { firstOf } from "../Domain/Bounded.ts"
import { durationMillis } from "../Domain/Duration.ts"
import { formatInstant } from "../Domain/Instant.ts"
import { noAllowedHosts } from "../Network/AllowedHosts.ts"
import {
  type Answer,
  makeGuardedClient,
  type RequestFailed,
  retryAfterMillis,
  userOf
} from "../Network/GuardedRequest.ts"
import { publicOnly } from "../Network/PublicAddress.ts"
import { type ServiceEnvironment, valuesIn } from "../ServiceEnvironment.ts"
import { version } from "../Version.ts"
import { maxCaptureBytes } from "./Output.ts"
import { resolveRecord, resolveText, secretsOfHeaders } from "./Variables.ts"

type Environment = typeof ServiceEnvironment.Service

/** Timers reach no further, in ms; the run's own limit ends earlier. */
const noTimeout = 2_147_483_647

/** How much of an answer is quoted in an error, in characters. */
const maxQuoted = 200

/** Parts of a path that are as long, in characters, may be tokens. */
const likelyToken = 16

const Answered = Schema.Struct({
  output: Schema.String,
  summary: Schema.optionalWith(Schema.String, { exact: true }),
  usage: Schema.optionalWith(Usage, { exact: true })
})
const decodeAnswered = Schema.decodeUnknownEither(Schema.parseJson(Answered))
const decodeOutput = Schema.decodeUnknownEither(Schema.parseJson(Answered.pick("output")))

/** What the agent behind the URL is told. */
const bodyOf = ({ id }: UrlAgent, { input, iteration, run, summary, turns }: Invocation): string =>
  JSON.stringify({
    agent_id: id,
    run: run === null ? null : { ...run, scheduled_for: formatInstant(run.scheduled_for) },
    input,
    summary,
    turns,
    iteration
  })

/** The same for a call that is repeated, another for each attempt, and for each iteration of a heartbeat. */
const idempotencyKey = ({ iteration, run }: Invocation): Record<string, string> =>
  run === null ? {} : { "idempotency-key": `${run.id}/${run.attempt}${iteration === null ? "" : `/${iteration}`}` }

const secretsOf = (url: string): ReadonlyArray<string> => {
  if (!URL.canParse(url)) return [url]
  const parsed = new URL(url)
  const who = userOf(parsed)
  return [
    ...(who === undefined ? [] : [parsed.username, parsed.password, who.user, who.password]),
    ...parsed.searchParams.values(),
    ...parsed.pathname.split("/").filter(({ length }) => length >= likelyToken)
  ]
}

const resultOf = (body: string): AgentResult => {
  const whole = decodeAnswered(body)
  if (Either.isRight(whole)) return whole.right
  // A usage or a summary that cannot be read is no reason to lose the answer.
  const output = decodeOutput(body)
  return { output: Either.isRight(output) ? output.right.output : body }
}

const failureOf = ({ message, reason }: RequestFailed): AgentFailure =>
  new AgentFailure({
    kind: reason === "timeout" ? "timeout" : reason === "invalid" ? "permanent" : "transient",
    message: `the agent's server gave no answer: ${message}`
  })

const isCutHere = (body: string): boolean => Buffer.byteLength(body) > maxCaptureBytes - 4

const readAnswer = (
  { body, complete, headers, status }: Answer,
  now: number
): Either.Either<AgentResult, AgentFailure> => {
  const fail = (kind: AgentFailure["kind"], message: string, more: { readonly output?: string } = {}) =>
    Either.left(new AgentFailure({ kind, message, ...more }))
  if (status < 200 || status > 299) {
    const quoted = firstOf(body.replace(/[\s\p{Cc}]+/gu, " ").trim(), maxQuoted)
    const said = `the agent's server answered ${status}${quoted === "" ? "" : `: ${quoted}`}`
    if (status < 400) return fail("permanent", `${said} (redirects are not followed; set url to where it leads)`)
    const retry_after_ms = retryAfterMillis(headers["retry-after"], now)
    const kind = status === 429 ? "rate_limited" : status === 408 || status >= 500 ? "transient" : "permanent"
    return Either.left(
      new AgentFailure({
        kind,
        message: said,
        ...(retry_after_ms === undefined || kind === "permanent" ? {} : { retry_after_ms })
      })
    )
  }
  if (body.trim() === "") return fail("transient", "the agent's server gave an empty answer")
  if (complete) {
    const result = resultOf(body)
    return result.output.trim() === ""
      ? fail("transient", "the agent's server gave an empty answer")
      : Either.right(result)
  }
  return isCutHere(body)
    ? Either.right({ output: `${body}\n[output cut at ${maxCaptureBytes} bytes]` })
    : fail("transient", "the agent's server broke off its answer", { output: `${body}\n[the answer broke off here]` })
}

/**
 * Runs a url agent: the call is posted as JSON. A 2xx answer is the output, as `{ output, summary?, usage? }` or as it is.
 * The operator chose the address, so it may be any; redirects are not followed.
 */
export const runUrl = Effect.fn("Agents.url")(function* (
  agent: UrlAgent,
  invocation: Invocation,
  environment: Environment
): Effect.fn.Return<AgentResult, AgentFailure, Scope.Scope> {
  const url = yield* resolveText(agent.id, "its url", agent.url, environment)
  const given = yield* resolveRecord(agent.id, "its header", agent.headers ?? {}, environment)
  const client = yield* makeGuardedClient({ resolve: publicOnly.resolve, permits: () => true }, noAllowedHosts)
  const own = Object.fromEntries(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]))
  const variables = [agent.url, ...Object.values(agent.headers ?? {})].flatMap((text) =>
    valuesIn(text, environment.variables)
  )
  const blanked = withoutThese([...variables, ...secretsOf(url), ...secretsOfHeaders(own)])
  const answered = yield* client
    .send({
      method: "POST",
      url,
      headers: {
        accept: "application/json, text/plain;q=0.9, */*;q=0.1",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": `symbiont-scheduler/${version}`,
        ...idempotencyKey(invocation),
        ...own
      },
      body: bodyOf(agent, invocation),
      timeout: agent.timeout === undefined ? noTimeout : durationMillis(agent.timeout),
      maxBytes: maxCaptureBytes
    })
    .pipe(Effect.mapError(failureOf), Effect.either)
  const now = yield* Clock.currentTimeMillis
  return yield* Either.flatMap(answered, (answer) => readAnswer(answer, now)).pipe(
    Either.mapLeft(
      ({ kind, message, output, retry_after_ms }) =>
        new AgentFailure({
          kind,
          message: blanked(message),
          ...(output === undefined ? {} : { output }),
          ...(retry_after_ms === undefined ? {} : { retry_after_ms })
        })
    )
  )
})
