import * as http from "node:http"
import * as https from "node:https"
import { isIP } from "node:net"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { AllowedHosts } from "./AllowedHosts.ts"
import { AddressRefused, type AddressRules, guardedLookup, sharedResolve } from "./PublicAddress.ts"
import { makeSameTurn } from "./SameTurn.ts"

export { maxRetryAfter, retryAfterMillis } from "./RetryAfter.ts"

/** One request. */
export interface GuardedRequestOptions {
  readonly method: "POST" | "GET"
  /** An http or https URL. A user and password in it become Basic auth, unless `headers` have an `authorization`. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | undefined
  /** In ms, from the connection to the end of the answer. */
  readonly timeout: number
  /** How much of the answer's body is read; 65,536 unless given. */
  readonly maxBytes?: number | undefined
}

/** An answer of any status: no redirect is followed. */
export interface Answer {
  readonly status: number
  /** By lower-case name; several of one name are joined by commas. */
  readonly headers: Readonly<Record<string, string>>
  /** The beginning of the body: as much as came within the limits of bytes and time. */
  readonly body: string
  /** Whether that is all of the body. */
  readonly complete: boolean
}

/**
 * No answer. `refused`: the host is at an address that may not be connected to. `timeout`: nothing came in time.
 * `network`: no connection, or it broke. `invalid`: no request can be made of this. Messages hold no part of the URL but
 * its host, and no header's value.
 */
export class RequestFailed extends Data.TaggedError("RequestFailed")<{
  readonly reason: "refused" | "timeout" | "network" | "invalid"
  readonly message: string
}> {}

/** Sends requests to permitted addresses. */
export interface GuardedClient {
  readonly send: (options: GuardedRequestOptions) => Effect.Effect<Answer, RequestFailed>
}

/** Which addresses are permitted, and the PEM of the certificates to trust in place of the system's. */
export interface ClientRules extends AddressRules {
  readonly ca?: string | undefined
}

const defaultMaxBytes = 65_536
/** How long a connection that nobody uses is kept, in ms. */
const idleTimeout = 15_000

interface Target {
  readonly url: URL
  /** A name, or an address without brackets. */
  readonly host: string
  readonly port: number
}

const invalid = (message: string) => new RequestFailed({ reason: "invalid", message })

const parseTarget = (text: string): Effect.Effect<Target, RequestFailed> => {
  if (!URL.canParse(text)) return invalid("the address is no URL")
  const url = new URL(text)
  if (url.protocol !== "http:" && url.protocol !== "https:") return invalid("the address is no http or https URL")
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port)
  return Effect.succeed({ url, host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port })
}

const decoded = (text: string): string =>
  // Percent signs that begin no valid sequence stand for themselves, as in browsers.
  Buffer.from(
    text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1"
  ).toString()

/** User and password of a URL, as they are meant; none where it names neither. */
export const userOf = ({
  password,
  username
}: URL): { readonly user: string; readonly password: string } | undefined =>
  username === "" && password === "" ? undefined : { user: decoded(username), password: decoded(password) }

const headersOf = ({ headers }: GuardedRequestOptions, { url }: Target): Record<string, string> => {
  const who = userOf(url)
  const has = Object.keys(headers).some((name) => name.toLowerCase() === "authorization")
  if (has || who === undefined) return { ...headers }
  return { ...headers, authorization: `Basic ${Buffer.from(`${who.user}:${who.password}`).toString("base64")}` }
}

const invalidHeader = (headers: Readonly<Record<string, string>>): string | undefined =>
  Object.entries(headers).find(
    ([name, value]) => !/^[\w!#$%&'*+.^`|~-]+$/.test(name) || /[^\t\x20-\x7e\x80-\xff]/.test(value)
  )?.[0]

const hangUp = new Error("socket hang up")

const failureOf = (error: Error): RequestFailed => {
  if (error instanceof AddressRefused) return new RequestFailed({ reason: "refused", message: error.message })
  // Several addresses were tried: what the first one said stands for all.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error
  const { message } = first instanceof Error ? first : error
  const closed = /socket hang up|ECONNRESET|EPIPE|^aborted$/.test(message)
  return new RequestFailed({
    reason: "network",
    message: closed ? "the connection was closed before an answer came" : message
  })
}

/** A connection was reused that its peer had closed meanwhile: nothing was answered, so another may be tried. */
class Stale extends Data.TaggedError("Stale") {}

const answerOf = (response: http.IncomingMessage, chunks: ReadonlyArray<Uint8Array>, maxBytes: number): Answer => {
  const all = Buffer.concat(chunks)
  return {
    status: response.statusCode ?? 0,
    headers: Object.fromEntries(
      Object.entries(response.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(", ") : `${value}`
      ])
    ),
    // A character that was cut through is left out.
    body: new TextDecoder().decode(all.subarray(0, maxBytes), { stream: true }),
    complete: response.complete && all.byteLength <= maxBytes
  }
}

type Sent = () => http.ClientRequest

/** One exchange on one connection. From the head of the answer on there is an answer, whatever becomes of its body. */
const exchange = (send: Sent, options: GuardedRequestOptions): Effect.Effect<Answer, RequestFailed | Stale> =>
  Effect.suspend(() => {
    const { body, maxBytes = defaultMaxBytes, timeout } = options
    const chunks: Array<Uint8Array> = []
    let head: http.IncomingMessage | undefined
    const received = Effect.async<void, RequestFailed | Stale>((resume) => {
      const sent = send()
      let readBefore = 0
      const end = (how: Effect.Effect<void, RequestFailed | Stale>) => {
        sent.destroy()
        resume(how)
      }
      sent.on("socket", (socket) => {
        readBefore = socket.bytesRead
      })
      sent.on("error", (error) => {
        const silent = sent.socket?.bytesRead === readBefore
        const failure = failureOf(error)
        const stale = sent.reusedSocket && silent && failure.reason === "network"
        end(stale ? new Stale() : failure)
      })
      // Closed without an error: the peer switched to another protocol.
      sent.on("close", () => {
        if (head === undefined) end(failureOf(hangUp))
      })
      sent.on("response", (response) => {
        head = response
        let size = 0
        response.on("error", () => end(Effect.void))
        response.on("data", (chunk: Uint8Array) => {
          chunks.push(chunk)
          size += chunk.byteLength
          if (size > maxBytes) end(Effect.void)
        })
        // The connection of a whole answer is kept for the next request, so nothing is destroyed here.
        response.on("close", () => resume(Effect.void))
      })
      sent.end(body)
      return Effect.sync(() => sent.destroy())
    })
    const late = new RequestFailed({
      reason: "timeout",
      message: `no answer within ${timeout === 1_000 ? "1 second" : `${timeout / 1_000} seconds`}`
    })
    return received.pipe(
      Effect.timeoutFail({ duration: timeout, onTimeout: () => late }),
      Effect.catchAll((failure) => (head === undefined ? Effect.fail(failure) : Effect.void)),
      Effect.flatMap(() => (head === undefined ? Effect.fail(late) : Effect.succeed(answerOf(head, chunks, maxBytes))))
    )
  })

const agents = (options: { readonly keepAlive: boolean }, ca: string | undefined) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const shared = { ...options, timeout: idleTimeout, scheduling: "lifo" as const }
      return { http: new http.Agent(shared), https: new https.Agent({ ...shared, ca }) }
    }),
    (both) =>
      Effect.sync(() => {
        both.http.destroy()
        both.https.destroy()
      })
  )

/**
 * A client that connects to public addresses, and to what is allowed beside them. The address is checked that is really
 * connected to. Redirects are answers, proxies are not used. Its connections end with the scope.
 */
export const makeGuardedClient = Effect.fnUntraced(function* (rules: ClientRules, allow: AllowedHosts) {
  const kept = yield* agents({ keepAlive: true }, rules.ca)
  const fresh = yield* agents({ keepAlive: false }, rules.ca)
  const sameTurn = yield* makeSameTurn
  let closed = false
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      closed = true
    })
  )

  const resolve = sharedResolve(rules.resolve)

  const permits = (address: string, port: number) => rules.permits(address) || allow.permitsAddress(address, port)

  const refused = ({ host, port }: Target): boolean => isIP(host) !== 0 && !permits(host, port)

  const lookupFor = ({ host, port }: Target) =>
    guardedLookup({
      resolve,
      permits: allow.permitsName(host, port) ? () => true : (address) => permits(address, port)
    })

  const send = Effect.fn("GuardedClient.send")(function* (options: GuardedRequestOptions) {
    if (closed) return yield* new RequestFailed({ reason: "network", message: "the client has been closed" })
    const target = yield* parseTarget(options.url)
    const { host, port, url } = target
    const headers = headersOf(options, target)
    const wrong = invalidHeader(headers)
    if (wrong !== undefined) return yield* invalid(`the header ${JSON.stringify(wrong)} cannot be sent as it is`)
    // Sockets do not look an address up.
    if (refused(target)) {
      return yield* new RequestFailed({ reason: "refused", message: `${host} is no public address` })
    }
    const secure = url.protocol === "https:"
    const through = (agent: { readonly http: http.Agent; readonly https: https.Agent }) => () =>
      (secure ? https : http).request({
        method: options.method,
        host,
        port,
        path: `${url.pathname}${url.search}`,
        headers,
        agent: secure ? agent.https : agent.http,
        lookup: lookupFor(target)
      })
    return yield* exchange(through(kept), options).pipe(
      Effect.catchTag("Stale", () => (closed ? failureOf(hangUp) : exchange(through(fresh), options))),
      Effect.catchTag("Stale", () => failureOf(hangUp)),
      Effect.ensuring(sameTurn)
    )
  })

  const client: GuardedClient = { send }
  return client
})
