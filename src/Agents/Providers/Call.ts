import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import { type AgentFailure, addUsage, type Usage } from "../../Domain/Agent.ts"
import { durationMillis, formatDuration } from "../../Domain/Duration.ts"
import { contentEncoding } from "../../Network/ContentEncoding.ts"
import type { AnswerEvents, Model, ModelAnswer, ModelRequest } from "../Models.ts"
import { blankingOf } from "../Secrets.ts"
import { makeHead } from "../Tools/Outcome.ts"
import { anthropic } from "./Anthropic.ts"
import type { Chosen } from "./Choice.ts"
import { Draft } from "./Draft.ts"
import { makeEventReader } from "./Events.ts"
import { type Failures, failuresOf, retryAfterOf } from "./Failures.ts"
import type { HttpClient, Response } from "./Http.ts"
import { openAi } from "./OpenAi.ts"
import { pricesOf, usageOf } from "./Prices.ts"

/** A try failed. `again`: nothing was answered, and another try may be. */
class TryFailed extends Data.TaggedError("TryFailed")<{
  readonly failure: AgentFailure
  readonly again: boolean
}> {}

/** Most that is read of an answer that is an error, in bytes. */
const maxErrorBody = 65_536
/** The longest wait between two tries, in ms: whoever is to wait longer comes back later. */
const maxWait = 60_000
/** The first wait, in ms; each further one is four times longer. */
const firstWait = 1_000

const final = (failure: AgentFailure) => new TryFailed({ failure, again: false })

const errorBody = Effect.fnUntraced(function* ({ next }: Response) {
  const chunks: Array<Uint8Array> = []
  let size = 0
  while (size < maxErrorBody) {
    const chunk = yield* next
    if (chunk === null) break
    chunks.push(chunk)
    size += chunk.byteLength
  }
  return new TextDecoder().decode(Buffer.concat(chunks).subarray(0, maxErrorBody))
})

/** What an answer is that came to its end, or to where nothing more came. */
const verdict = (draft: Draft, isWhole: boolean, failures: Failures): Effect.Effect<ModelAnswer, TryFailed> => {
  if (draft.tooLong) return final(failures.tooLong(draft))
  if (!isWhole) {
    const failure = failures.cut(draft, "the stream ended before its end marker")
    return new TryFailed({ failure, again: !draft.begun })
  }
  if (draft.stop === "refusal" || draft.refusal !== "") return final(failures.refused(draft))
  if (draft.stop === "max_tokens") return final(failures.atMaxTokens(draft))
  if (draft.stop === "context") return final(failures.tooLongContext("", draft))
  const answer = draft.answer()
  return answer.text.trim() === "" && answer.uses.length === 0 ? final(failures.empty()) : Effect.succeed(answer)
}

/** Calls a model, and tries again what failed before any answer. */
export const answerOf = (chosen: Chosen, http: HttpClient): Model["answer"] => {
  const { model, provider } = chosen
  const format = provider.kind === "anthropic" ? anthropic : openAi
  const prices = pricesOf(provider, model)
  const idle = durationMillis(provider.idle_timeout)

  const key = () => (provider.api_key === undefined ? undefined : Redacted.value(provider.api_key))

  const headers = () => ({
    accept: "text/event-stream",
    "accept-encoding": "identity",
    "content-type": "application/json",
    ...format.headers(key())
  })

  const refused = Effect.fnUntraced(function* (response: Response, failures: Failures) {
    const { headers, status } = response
    const body =
      contentEncoding(headers) === undefined
        ? yield* errorBody(response).pipe(
            Effect.timeout(idle),
            Effect.orElseSucceed(() => "")
          )
        : ""
    const wait = retryAfterOf(headers, yield* Clock.currentTimeMillis)
    const error = { code: undefined, message: undefined, ...format.errorIn(body), status }
    return yield* new TryFailed({ failure: failures.told(error, wait), again: true })
  })

  /** What an answer is that holds bytes, but no event. It may have cost a whole answer: it is not asked for again. */
  const noEvent = Effect.fnUntraced(function* (
    { headers }: Response,
    head: Uint8Array,
    wrong: string | undefined,
    failures: Failures
  ) {
    const body = new TextDecoder().decode(head)
    const type = headers["content-type"]
    const error = format.errorIn(body)
    if (error !== undefined) {
      return yield* final(failures.told(error, retryAfterOf(headers, yield* Clock.currentTimeMillis)))
    }
    if (/^\s*\{/.test(body)) return yield* final(failures.ignoredStream())
    if (wrong !== undefined) return yield* final(failures.unreadable(wrong))
    if (type?.startsWith("text/event-stream") === false) return yield* final(failures.noEvents(type))
    return yield* final(failures.cut(new Draft(), "the stream ended before its first event"))
  })

  /** Reads events into the draft up to the end of the answer; tells whether it was reached. */
  const readAnswer = Effect.fnUntraced(function* (
    response: Response,
    draft: Draft,
    told: AnswerEvents,
    failures: Failures
  ) {
    const read = makeEventReader(format)
    const head = makeHead(maxErrorBody)
    let events = 0
    const isNoEvent = () => events === 0 && head.bytes().length > 0
    const next = response.next.pipe(
      Effect.mapError(
        ({ message }) => new TryFailed({ failure: failures.cut(draft, message), again: !draft.begun && !isNoEvent() })
      ),
      Effect.timeoutFail({
        duration: idle,
        onTimeout: () => final(failures.idle(draft, formatDuration(idle)))
      })
    )
    while (!draft.over) {
      const bytes = yield* next
      if (bytes === null) break
      if (events === 0) head.add(bytes)
      const heard = read(bytes)
      events += heard.events
      for (const one of heard.said) {
        const shown = draft.add(one)
        if (shown !== "") yield* told.text(shown)
      }
      if (draft.error === undefined && !draft.ended && heard.wrong !== undefined) {
        if (events === 0) return yield* noEvent(response, head.bytes(), heard.wrong, failures)
        return yield* final(failures.malformed(draft, heard.wrong))
      }
    }
    if (isNoEvent()) return yield* noEvent(response, head.bytes(), undefined, failures)
    if (draft.error !== undefined) {
      const failure = failures.told(draft.error, undefined, draft)
      return yield* new TryFailed({ failure, again: !draft.begun })
    }
    return draft.ended || (format.stopIsEnd && draft.stop !== undefined)
  })

  const tryOnce = Effect.fnUntraced(function* (body: string, draft: Draft, events: AnswerEvents, failures: Failures) {
    const response = yield* http
      .post({ url: format.url(provider.base_url), headers: headers(), body })
      .pipe(Effect.mapError(({ message }) => new TryFailed({ failure: failures.unreachable(message), again: true })))
    if (response.status < 200 || response.status > 299) return yield* refused(response, failures)
    const encoding = contentEncoding(response.headers)
    if (encoding !== undefined) return yield* final(failures.encoded(encoding))
    const isWhole = yield* readAnswer(response, draft, events, failures)
    return yield* verdict(draft, isWhole, failures)
  }, Effect.scoped)

  return Effect.fn("Model.answer")(function* (request: ModelRequest, events: AnswerEvents) {
    yield* Effect.annotateCurrentSpan({ "gen_ai.request.model": model, "gen_ai.system": provider.kind })
    const blanking = blankingOf([key() ?? ""])
    const failures = failuresOf(chosen, request.max_tokens, blanking)
    const body = JSON.stringify(format.body(model, request, provider.base_url))
    const timeout = request.timeout ?? durationMillis(provider.timeout)
    const deadline = (yield* Clock.currentTimeMillis) + timeout
    let draft = new Draft(blanking)
    let used: Usage | undefined

    const oneTry = Effect.suspend(() => {
      const own = new Draft(blanking)
      draft = own
      return tryOnce(body, own, events, failures).pipe(
        Effect.ensuring(Effect.suspend(() => (own.rest === "" ? Effect.void : events.text(own.rest)))),
        Effect.ensuring(
          Effect.sync(() => {
            const usage = usageOf(own.tokens, prices)
            if (usage !== undefined) used = used === undefined ? usage : addUsage(used, usage)
          })
        )
      )
    })

    const waitAfter = Effect.fnUntraced(function* ({ retry_after_ms }: AgentFailure, failed: number) {
      const backoff = firstWait * 4 ** failed * (yield* Random.nextRange(0.75, 1.25))
      const wait = retry_after_ms ?? Math.min(backoff, maxWait)
      return wait > maxWait || (yield* Clock.currentTimeMillis) + wait >= deadline ? undefined : wait
    })

    const tries = (failed: number): Effect.Effect<ModelAnswer, AgentFailure> =>
      Effect.catchAll(
        oneTry,
        Effect.fnUntraced(function* ({ again, failure }) {
          const { kind, message } = failure
          if (!again || failed >= provider.retries || (kind !== "transient" && kind !== "rate_limited")) {
            return yield* failure
          }
          const wait = yield* waitAfter(failure, failed)
          if (wait === undefined) return yield* failure
          yield* Effect.logInfo(`${message}; trying again in ${formatDuration(wait)}`)
          yield* Effect.sleep(wait)
          return yield* tries(failed + 1)
        })
      )

    return yield* tries(0).pipe(
      Effect.timeoutFail({
        duration: timeout,
        onTimeout: () => failures.late(draft, formatDuration(timeout))
      }),
      Effect.ensuring(Effect.suspend(() => (used === undefined ? Effect.void : events.usage(used))))
    )
  })
}
