import { oneLine } from "../../Delivery/OneLine.ts"
import { AgentFailure } from "../../Domain/Agent.ts"
import { maxRetryAfter, retryAfterMillis } from "../../Network/GuardedRequest.ts"
import type { Blanking } from "../Secrets.ts"
import type { Chosen } from "./Choice.ts"
import type { Draft } from "./Draft.ts"
import type { WireError } from "./Wire.ts"

/** Most of a provider's own words that an error shows, in characters. */
const maxQuote = 300

/** Marks where an answer was cut. */
const cutMark = "\n[the answer was cut here]"

const contextCodes =
  /^(context_length_exceeded|exceed_context_size_error|request_too_large|model_context_window_exceeded)$/
const contextWords =
  /prompt is too long|context (length|window|size|limit)|maximum context|too many tokens|exceeds? the (available |model's )?context/i

const isContext = ({ code, message, status }: WireError): boolean =>
  status === 413 ||
  (status === 400 && (contextCodes.test(code ?? "") || contextWords.test((message ?? "").slice(0, 4_096))))

/** How long a provider asks to wait, in ms from `now` (UTC ms). */
export const retryAfterOf = (headers: Readonly<Record<string, string>>, now: number): number | undefined => {
  const exact = headers["retry-after-ms"]?.trim() ?? ""
  return /^\d+(\.\d+)?$/.test(exact)
    ? Math.min(Math.ceil(Number(exact)), maxRetryAfter)
    : retryAfterMillis(headers["retry-after"], now)
}

/** The failures of calls of one model. None of them shows the provider's key. */
export const failuresOf = ({ model, name, provider }: Chosen, max_tokens: number, blanking: Blanking) => {
  const who = `provider "${name}"`
  const whatToCheck = `check kind and base_url under [providers.${name}]`
  const quoted = (text: string | undefined): string =>
    text === undefined || text.trim() === "" ? "" : `: ${oneLine(blanking.cut(text), maxQuote)}`

  const failure = (
    kind: AgentFailure["kind"],
    message: string,
    more: { readonly retry_after_ms?: number | undefined; readonly output?: string | undefined } = {}
  ) =>
    new AgentFailure({
      kind,
      message,
      ...(more.retry_after_ms === undefined ? {} : { retry_after_ms: more.retry_after_ms }),
      ...(more.output === undefined || more.output === "" ? {} : { output: blanking.whole(more.output) })
    })

  const cutOutput = ({ text }: Draft) => ({ output: text === "" ? undefined : `${text}${cutMark}` })

  const tooLongContext = (why: string, draft?: Draft) =>
    failure(
      "permanent",
      `the context is too long for ${model} of ${who}${why}; shorten the input or the conversation, or lower max_tokens`,
      draft === undefined ? {} : cutOutput(draft)
    )

  const refusedKey = (status: number, words: string) =>
    failure(
      "permanent",
      provider.api_key === undefined
        ? `${who} wants a key (${status}); set api_key under [providers.${name}]`
        : `the key of ${who} was refused (${status})${words}; check api_key under [providers.${name}]`
    )

  /** An error that the provider told of, as an answer's status or within a stream. */
  const told = (error: WireError, retry_after_ms: number | undefined, draft?: Draft): AgentFailure => {
    const { code, message, status } = error
    const words = quoted(message)
    const more = { retry_after_ms, ...(draft === undefined ? {} : cutOutput(draft)) }
    if (isContext(error)) return tooLongContext(words, draft)
    if (code === "insufficient_quota") {
      return failure("permanent", `the quota of ${who} is used up (${status})${words}`, more)
    }
    if (status === 429) return failure("rate_limited", `${who} limits the rate (429)${words}`, more)
    if (status === 529) return failure("transient", `${who} is overloaded (529)${words}`, more)
    if (status >= 500) return failure("transient", `${who} failed (${status})${words}`, more)
    if (status === 408) return failure("timeout", `${who} took too long (408)${words}`, more)
    // What a provider says of a wrong key shows parts of it.
    if (status === 401) return refusedKey(status, "")
    if (status === 403) return refusedKey(status, words)
    if (status === 404) {
      return failure("permanent", `${who} has no model "${model}", or its base_url is wrong (404)${words}`, more)
    }
    if (status < 400) {
      return failure("permanent", `${who} answered ${status}, which is not followed; check its base_url`, more)
    }
    return failure("permanent", `${who} refused the request (${status})${words}`, more)
  }

  return {
    told,
    tooLongContext,
    unreachable: (why: string) =>
      failure("transient", `${who} cannot be reached at ${new URL(provider.base_url).host}${quoted(why)}`),
    noEvents: (type: string | undefined) =>
      failure(
        "permanent",
        `${who} answered with no stream of events (${quoted(type).slice(2) || "no content type"}); check its base_url`
      ),
    ignoredStream: () =>
      failure("permanent", `${who} ignored stream: true and answered with JSON all at once; ${whatToCheck}`),
    unreadable: (why: string) =>
      failure("permanent", `${who} sent a first event that cannot be read: ${why}; ${whatToCheck}`),
    encoded: (encoding: string) =>
      failure(
        "permanent",
        `${who} answered with content-encoding ${encoding}, though identity was asked for; turn compression off there`
      ),
    cut: (draft: Draft, why: string) =>
      failure("transient", `the answer of ${who} was cut${quoted(why)}`, cutOutput(draft)),
    malformed: (draft: Draft, why: string) =>
      failure("transient", `${who} sent an event that cannot be read: ${why}`, cutOutput(draft)),
    late: (draft: Draft, after: string) =>
      failure("timeout", `no whole answer of ${who} within ${after}`, cutOutput(draft)),
    idle: (draft: Draft, after: string) => failure("timeout", `${who} sent nothing for ${after}`, cutOutput(draft)),
    tooLong: (draft: Draft) => failure("permanent", `the answer of ${who} is longer than 4 MiB`, cutOutput(draft)),
    atMaxTokens: (draft: Draft) =>
      failure(
        "permanent",
        `the answer was cut at max_tokens ${max_tokens}; raise max_tokens of the agent`,
        cutOutput(draft)
      ),
    refused: (draft: Draft) => failure("permanent", `the model refused${quoted(draft.refusal)}`, cutOutput(draft)),
    empty: () => failure("transient", `empty answer of ${who}: neither text nor a use of a tool`)
  } as const
}

/** What {@link failuresOf} makes. */
export type Failures = ReturnType<typeof failuresOf>
