import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { nextCursor } from "../Client.ts"
import { retryAfterMillis } from "../Network/RetryAfter.ts"
import { fromAnswer, fromNetwork, readJson, SymbiontError, timedOut } from "./Failure.ts"
import type { Route } from "./Route.ts"

/** Where the service is, and how to speak to it. */
export interface ClientOptions {
  /** Such as `http://localhost:8080`; without user name, query and fragment. */
  readonly baseUrl: string
  /** Not needed by a service without keys; an empty one is none. */
  readonly apiKey?: string | undefined
  /** In place of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined
  /** How long one answer may take, in ms: 30,000 unless given, 0 for as long as it takes. */
  readonly timeoutMs?: number | undefined
  /** How often a request that may safely be sent again is: 2 unless given. */
  readonly retries?: number | undefined
}

/** What any single call can be given. */
export interface CallOptions {
  /** Ends the call; it fails with the code `ABORTED`. */
  readonly signal?: AbortSignal | undefined
  /** In place of the client's. */
  readonly timeoutMs?: number | undefined
}

/** What fills a route in. */
export interface Asked<Q, Body> {
  readonly path?: Readonly<Record<string, string>>
  readonly query?: Q | undefined
  readonly cursor?: string | undefined
  readonly body?: Body | undefined
  readonly headers?: Readonly<Record<string, string | undefined>>
}

interface Page<A> {
  readonly answer: A
  /** Cursor of the next page, if there is one. */
  readonly next: string | undefined
}

const invalid = (code: "INVALID_OPTIONS" | "INVALID_REQUEST", message: string) => new SymbiontError({ code, message })

const checkedServer = (baseUrl: string): string => {
  const server = String(baseUrl).replace(/\/+$/, "")
  const url = URL.canParse(server) ? new URL(server) : undefined
  if (/[?#]/.test(server) || (url !== undefined && url.username + url.password !== "")) {
    const message = "baseUrl is to have no user name, query or fragment; a key is given as apiKey"
    throw invalid("INVALID_OPTIONS", message)
  }
  if (url !== undefined && /^https?:$/.test(url.protocol)) return server
  // What stands before an @ may be a password.
  const shown = server.includes("@") ? "" : ` ${JSON.stringify(server)}`
  throw invalid("INVALID_OPTIONS", `baseUrl${shown} is no address such as http://localhost:8080`)
}

const checkedKey = (apiKey: string | undefined): string | undefined => {
  if (apiKey === undefined || apiKey === "") return undefined
  if (/^[\x21-\x7e]+$/.test(apiKey)) return apiKey
  throw invalid("INVALID_OPTIONS", "apiKey has characters that no key has: spaces, or others than ASCII")
}

const checkedNumber = (name: string, value: number): number => {
  if (Number.isFinite(value) && value >= 0) return value
  throw invalid("INVALID_OPTIONS", `${name} is to be a number from 0 on; got ${value}`)
}

const fill = (template: string, values: Readonly<Record<string, string>>): string =>
  template.replace(/:(\w+)/g, (_, name: string) => {
    const value = String(values[name] ?? "")
    // Addresses are made shorter by such segments: the request would be another one. Halves of characters have no UTF-8.
    if (["", ".", ".."].includes(value) || /\p{Surrogate}/u.test(value)) {
      throw invalid("INVALID_REQUEST", `${JSON.stringify(value)} cannot stand for ${name}; give an id`)
    }
    return encodeURIComponent(value)
  })

const checkedHeader = (name: string, value: string): string => {
  if (/^[\x20-\x7e]*$/.test(value)) return value
  throw invalid("INVALID_REQUEST", `${JSON.stringify(value)} cannot be sent as ${name}: use printable ASCII characters`)
}

/** Longest wait that a service can ask for before a request is sent again, in seconds. */
const maxRetryAfter = 60

const firstWait = 200

/** In how many ms to send a request again, if at all, that failed so often before. */
const waitBefore = (
  { code, retryAfter, status }: SymbiontError,
  failures: number,
  isSafe: boolean
): Effect.Effect<number | undefined> => {
  // A 503 of a proxy does not say that nothing was done.
  const isRefused = status === 429 || (status === 503 && (isSafe || code !== "UNEXPECTED_ANSWER"))
  if (retryAfter !== undefined && isRefused) {
    return Effect.succeed(retryAfter > maxRetryAfter ? undefined : retryAfter * 1_000)
  }
  const mayPass = code === "CONNECTION_FAILED" || [429, 502, 503, 504].includes(status ?? 0)
  if (!(isSafe && mayPass)) return Effect.succeed(undefined)
  return Effect.map(Random.next, (jitter) => firstWait * 2 ** failures * (1 + jitter))
}

const errorOf = (cause: Cause.Cause<SymbiontError>, signal: AbortSignal | undefined): SymbiontError => {
  const failure = Cause.failureOption(cause)
  if (Option.isSome(failure)) return failure.value
  if (Cause.isInterrupted(cause)) {
    return new SymbiontError({ code: "ABORTED", message: "the call was aborted", cause: signal?.reason })
  }
  const defect = Cause.squash(cause)
  return new SymbiontError({ code: "UNEXPECTED_ANSWER", message: `the client failed: ${defect}`, cause: defect })
}

/** Sends requests to one service. */
export class Connection {
  readonly #server: string
  readonly #apiKey: string | undefined
  readonly #timeoutMs: number
  readonly #retries: number
  readonly #http: Layer.Layer<HttpClient.HttpClient>

  constructor({ apiKey, baseUrl, fetch, retries = 2, timeoutMs = 30_000 }: ClientOptions) {
    this.#server = checkedServer(baseUrl)
    this.#apiKey = checkedKey(apiKey)
    this.#timeoutMs = checkedNumber("timeoutMs", timeoutMs)
    this.#retries = checkedNumber("retries", retries)
    const edge = Layer.succeed(FetchHttpClient.RequestInit, { redirect: "manual" }).pipe(
      Layer.merge(fetch === undefined ? Layer.empty : Layer.succeed(FetchHttpClient.Fetch, fetch))
    )
    this.#http = Layer.provide(FetchHttpClient.layer, edge)
  }

  /** Asks, and asks again where that is safe. */
  ask<Q, Body, A>(
    route: Route<Q, Body, A>,
    asked: Asked<Q, Body>,
    { timeoutMs = this.#timeoutMs }: CallOptions = {}
  ): Effect.Effect<Page<A>, SymbiontError, HttpClient.HttpClient> {
    const once = this.#once(route, asked, checkedNumber("timeoutMs", timeoutMs))
    const isSafe = route.method === "GET" || asked.headers?.["idempotency-key"] !== undefined
    const attempt = (failures: number): Effect.Effect<Page<A>, SymbiontError, HttpClient.HttpClient> =>
      failures >= this.#retries
        ? once
        : Effect.catchAll(once, (error) =>
            Effect.flatMap(waitBefore(error, failures, isSafe), (wait) =>
              wait === undefined ? Effect.fail(error) : Effect.delay(attempt(failures + 1), wait)
            )
          )
    return attempt(0)
  }

  /** Runs what asks; every failure is a {@link SymbiontError}. */
  async run<A>(
    effect: Effect.Effect<A, SymbiontError, HttpClient.HttpClient>,
    { signal }: CallOptions = {}
  ): Promise<A> {
    const exit = await Effect.runPromiseExit(Effect.provide(effect, this.#http), signal === undefined ? {} : { signal })
    if (Exit.isSuccess(exit)) return exit.value
    const error = errorOf(exit.cause, signal)
    // The stack of the caller tells more than that of the fiber.
    Error.captureStackTrace(error)
    throw error
  }

  /** Asks for one answer. */
  async call<Q, Body, A>(route: Route<Q, Body, A>, asked: Asked<Q, Body>, call: CallOptions = {}): Promise<A> {
    return await this.run(
      Effect.map(this.ask(route, asked, call), ({ answer }) => answer),
      call
    )
  }

  /** The items of all pages of a list, each page when it is come to. */
  async *pages<Q, Item>(
    route: Route<Q, never, ReadonlyArray<Item>>,
    asked: Asked<Q, never>,
    call: CallOptions = {}
  ): AsyncGenerator<Item, void, undefined> {
    let cursor: string | undefined
    do {
      const page: Page<ReadonlyArray<Item>> = await this.run(this.ask(route, { ...asked, cursor }, call), call)
      yield* page.answer
      cursor = page.next
    } while (cursor !== undefined)
  }

  #request<Q, Body, A>({ isText, ...route }: Route<Q, Body, A>, asked: Asked<Q, Body>) {
    const headers = Object.entries({ accept: isText ? "text/plain" : "application/json", ...asked.headers }).flatMap(
      ([name, value]) => (value === undefined ? [] : [[name, checkedHeader(name, value)] as const])
    )
    return HttpClientRequest.make(route.method)(this.#server + fill(route.path, asked.path ?? {})).pipe(
      HttpClientRequest.setUrlParams({
        ...(asked.query === undefined ? {} : route.search(asked.query)),
        ...(asked.cursor === undefined ? {} : { cursor: asked.cursor })
      }),
      HttpClientRequest.setHeaders(headers),
      this.#apiKey === undefined ? identity : HttpClientRequest.bearerToken(this.#apiKey),
      asked.body === undefined ? identity : HttpClientRequest.bodyUnsafeJson(route.write(asked.body))
    )
  }

  #once<Q, Body, A>(route: Route<Q, Body, A>, asked: Asked<Q, Body>, timeoutMs: number) {
    const server = this.#server
    const request = Effect.try({
      try: () => this.#request(route, asked),
      catch: (cause) =>
        cause instanceof SymbiontError ? cause : invalid("INVALID_REQUEST", `it cannot be sent as JSON: ${cause}`)
    })
    const exchange = Effect.fnUntraced(function* (request: HttpClientRequest.HttpClientRequest) {
      const client = HttpClient.withTracerDisabledWhen(yield* HttpClient.HttpClient, () => true)
      const { headers, status, text } = yield* client.execute(request)
      return { status, headers, text: yield* text }
    })
    const answered = Effect.flatMap(request, (request) =>
      Effect.mapError(exchange(request), (error) => fromNetwork(server, error.cause))
    )
    const inTime =
      timeoutMs === 0
        ? answered
        : Effect.timeoutFail(answered, {
            duration: timeoutMs,
            onTimeout: () => timedOut(server, `within ${timeoutMs} ms`)
          })
    return Effect.gen(function* () {
      const answer = yield* inTime
      if (!route.statuses.has(answer.status)) {
        const wait = retryAfterMillis(answer.headers["retry-after"], yield* Clock.currentTimeMillis)
        return yield* Effect.fail(fromAnswer(server, answer, wait === undefined ? undefined : Math.ceil(wait / 1_000)))
      }
      const body = route.isText ? answer.text : readJson(server, answer)
      if (body instanceof SymbiontError) return yield* Effect.fail(body)
      return { answer: route.read(body), next: nextCursor(answer.headers["link"]) }
    })
  }
}
