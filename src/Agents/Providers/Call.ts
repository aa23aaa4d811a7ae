import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import { type AgentFailure, addUsage, type Usage } from "../../Domain/Agent.ts"
import { durationMillis, formatDuration } from "../../Domain/Duration.ts"
import type { AnswerEvents, Model, ModelAnswer, ModelRequest } from "../Models.ts"
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

  const headers = () => ({
    accept: "text/event-stream",
    "content-type": "application/json",
    ...format.headers(provider.api_key === undefined ? undefined : Redacted.value(provider.api_key))
  })

  const refused = Effect.fnUntraced(function* (response: Response, failures: Failures) {
    const body = yield* errorBody(response).pipe(
      Effect.timeout(idle),
      Effect.orElseSucceed(() => "")
    )
    const wait = retryAfterOf(response.headers, yield* Clock.currentTimeMillis)
    const error = format.errorOf(response.status, body)
    return yield* new TryFailed({ failure: failures.told(error, wait), again: true })
  })

  /** Reads events into the draft up to the end of the answer; tells whether it was reached. */
  const readAnswer = Effect.fnUntraced(function* (
    response: Response,
    draft: Draft,
    events: AnswerEvents,
    failures: Failures
  ) {
    const read = makeEventReader(format)
    const next = response.next.pipe(
      Effect.mapError(({ message }) => new TryFailed({ failure: failures.cut(draft, message), again: !draft.begun })),
      Effect.timeoutFail({
        duration: idle,
        onTimeout: () => final(failures.idle(draft, formatDuration(idle)))
      })
    )
    let anything = false
    while (!draft.over) {
      const bytes = yield* next
      if (bytes === null) break
      const { said, wrong } = read(bytes)
      anything ||= said.length > 0
      for (const one of said) {
        draft.add(one)
        if (one._tag === "Text" && one.text !== "") yield* events.text(one.text)
      }
      if (draft.error === undefined && !draft.ended && wrong !== undefined) {
        return yield* final(failures.malformed(draft, wrong))
      }
    }
    const type = response.headers["content-type"]
    if (!anything && type?.startsWith("text/event-stream") === false) return yield* final(failures.noEvents(type))
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
    const isWhole = yield* readAnswer(response, draft, events, failures)
    return yield* verdict(draft, isWhole, failures)
  }, Effect.scoped)

  return Effect.fn("Model.answer")(function* (request: ModelRequest, events: AnswerEvents) {
    const failures = failuresOf(chosen, request.max_tokens)
    const body = JSON.stringify(format.body(model, request, provider.base_url))
    const timeout = request.timeout ?? durationMillis(provider.timeout)
    const deadline = (yield* Clock.currentTimeMillis) + timeout
    let draft = new Draft()
    let used: Usage | undefined

    const oneTry = Effect.suspend(() => {
      const own = new Draft()
      draft = own
      return Effect.ensuring(
        tryOnce(body, own, events, failures),
        Effect.sync(() => {
          const usage = usageOf(own.tokens, prices)
          if (usage !== undefined) used = used === undefined ? usage : addUsage(used, usage)
        })
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
