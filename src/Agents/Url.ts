import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { AgentResult, Invocation } from "../Agents.ts"
import { withoutThese } from "../Delivery.ts"
import { AgentFailure, ToldUsage, type UrlAgent } from "../Domain/Agent.ts"
import { durationMillis } from "../Domain/Duration.ts"
import { formatInstant } from "../Domain/Instant.ts"
import { noAllowedHosts } from "../Network/AllowedHosts.ts"
import { contentEncoding } from "../Network/ContentEncoding.ts"
import {
  type Answer,
  makeGuardedClient,
  type RequestFailed,
  retryAfterMillis,
  userOf
} from "../Network/GuardedRequest.ts"
import { publicOnly } from "../Network/PublicAddress.ts"
import { type ServiceEnvironment, valuesIn } from "../ServiceEnvironment.ts"
import { traceparentOf } from "../Telemetry.ts"
import { version } from "../Version.ts"
import { maxCaptureBytes } from "./Output.ts"
import { type Blanking, blankingOf } from "./Secrets.ts"
import { resolveRecord, resolveText, secretsOfHeaders } from "./Variables.ts"

type Environment = typeof ServiceEnvironment.Service

/** Timers reach no further, in ms; the run's own limit ends earlier. */
const noTimeout = 2_147_483_647

/** How much of an answer is quoted in an error, in characters. */
const maxQuoted = 200

/** So much more than is kept is read that a secret which the cut goes through is known; the same before quotes are cut. */
const reach = 16_384

/** Parts of a path that are as long, in characters, may be tokens. */
const likelyToken = 16

const Answered = Schema.Struct({
  output: Schema.String,
  summary: Schema.optional(Schema.Unknown),
  usage: Schema.optional(Schema.Unknown)
})
const decodeAnswered = Schema.decodeUnknownOption(Schema.parseJson(Answered))
const decodeUsage = Schema.decodeUnknownOption(ToldUsage)

const wrongUsage =
  "[the usage that the agent's server told is not counted: it takes input_tokens and output_tokens, whole numbers up to 1e12, and perhaps cost_usd, up to 1e9]\n"

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

const passwordOf = (url: string): ReadonlyArray<string> => {
  const who = URL.canParse(url) ? userOf(new URL(url)) : undefined
  return who === undefined ? [] : [who.password, Buffer.from(`${who.user}:${who.password}`).toString("base64")]
}

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

/** A 2xx answer as it is meant, and a line for the log where a part of it cannot be used. */
interface Understood {
  readonly result: AgentResult
  readonly note?: string | undefined
}

// A usage or a summary that cannot be read is no reason to lose the answer.
const understand = (body: string, { whole }: Blanking): Understood => {
  const answered = decodeAnswered(body)
  if (Option.isNone(answered)) return { result: { output: whole(body) } }
  const { output, summary, usage: told } = answered.value
  const usage = decodeUsage(told)
  return {
    result: {
      output: whole(output),
      ...(typeof summary === "string" ? { summary: whole(summary) } : {}),
      ...(Option.isSome(usage) ? { usage: usage.value } : {})
    },
    note: told === undefined || Option.isSome(usage) ? undefined : wrongUsage
  }
}

const failureOf = ({ message, reason }: RequestFailed): AgentFailure =>
  new AgentFailure({
    kind: reason === "timeout" ? "timeout" : reason === "invalid" ? "permanent" : "transient",
    message: `the agent's server gave no answer: ${message}`
  })

const isJson = (body: string, headers: Answer["headers"]): boolean =>
  /^application\/(.+\+)?json\b/i.test(headers["content-type"] ?? "") || /^\s*\{\s*"/.test(body)

const beginning = (text: string): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(Buffer.from(text).subarray(0, maxCaptureBytes), { stream: true })

/** What texts of an agent's server may not repeat: an output in no way as it is, an error in no spelling. */
interface Blanks {
  readonly output: Blanking
  readonly error: (text: string) => string
}

/** The beginning of a body as one line. */
const quoted = (body: string, blanks: Blanks): string => {
  const head = body.slice(0, reach)
  // A word that was cut may be a part of a secret.
  const words = head.length < body.length ? head.split(/\s+/).slice(0, -1).join(" ") : head
  return blanks
    .error(words)
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim()
    .slice(0, maxQuoted)
}

const readAnswer = (
  { body, complete, headers, status }: Answer,
  blanks: Blanks,
  now: number
): Either.Either<Understood, AgentFailure> => {
  const fail = (kind: AgentFailure["kind"], message: string, more: { readonly output?: string } = {}) =>
    Either.left(new AgentFailure({ kind, message, ...more }))
  const encoding = contentEncoding(headers)
  if (status < 200 || status > 299) {
    const words = encoding === undefined ? quoted(body, blanks) : ""
    const said = `the agent's server answered ${status}${words === "" ? "" : `: ${words}`}`
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
  if (encoding !== undefined) {
    const why = "though identity was asked for; turn compression off there"
    return fail("permanent", `the agent's server answered with content-encoding ${encoding}, ${why}`)
  }
  if (body.trim() === "") return fail("transient", "the agent's server gave an empty answer")
  if (Buffer.byteLength(body) > maxCaptureBytes) {
    const output = `${beginning(blanks.output.whole(body))}\n[output cut at ${maxCaptureBytes} bytes]`
    return isJson(body, headers)
      ? fail("permanent", "the JSON that the agent's server answered is longer than 1 MiB", { output })
      : Either.right({ result: { output } })
  }
  if (!complete) {
    const output = `${blanks.output.cut(body)}\n[the answer broke off here]`
    return fail("transient", "the agent's server broke off its answer", { output })
  }
  const understood = understand(body, blanks.output)
  return understood.result.output.trim() === ""
    ? fail("transient", "the agent's server gave an empty answer")
    : Either.right(understood)
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
  const sent = [...variables, ...secretsOfHeaders(own)]
  const blanks: Blanks = {
    output: blankingOf([...sent, ...passwordOf(url)]),
    error: withoutThese([...sent, ...secretsOf(url)])
  }
  const answer = yield* client
    .send({
      method: "POST",
      url,
      headers: {
        accept: "application/json, text/plain;q=0.9, */*;q=0.1",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": `symbiont-scheduler/${version}`,
        ...idempotencyKey(invocation),
        ...(invocation.run === null ? {} : { traceparent: yield* traceparentOf(invocation.run.id) }),
        ...own
      },
      body: bodyOf(agent, invocation),
      timeout: agent.timeout === undefined ? noTimeout : durationMillis(agent.timeout),
      maxBytes: maxCaptureBytes + reach
    })
    .pipe(
      Effect.mapError(failureOf),
      Effect.mapError(({ kind, message }) => new AgentFailure({ kind, message: blanks.error(message) }))
    )
  const { note, result } = yield* readAnswer(answer, blanks, yield* Clock.currentTimeMillis)
  if (note !== undefined) yield* invocation.log(note)
  return result
})
