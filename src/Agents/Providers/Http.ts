import * as http from "node:http"
import * as https from "node:https"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"

/** The connection was not made, or broke. `stale`: it was an old one that its peer had closed meanwhile. */
export class ConnectionFailed extends Data.TaggedError("ConnectionFailed")<{
  readonly message: string
  readonly stale: boolean
}> {}

/** An answer whose body is read piece by piece. */
export interface Response {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  /** The next piece of the body; null at its end. */
  readonly next: Effect.Effect<Uint8Array | null, ConnectionFailed>
}

/** Where and what to send. */
export interface Post {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Sends requests, to whatever address; no redirect is followed. */
export interface HttpClient {
  /** The connection is closed at once with the scope, unless the body was read: then it is kept for the next request. */
  readonly post: (request: Post) => Effect.Effect<Response, ConnectionFailed, Scope.Scope>
}

/** How long a connection that nobody uses is kept, in ms. */
const idleTimeout = 15_000
/** How long the end of a body may take after what it holds was read. */
const lastBytes = "1 second"

const messageOf = (error: Error): string => {
  // Several addresses were tried: what the first one said stands for all.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error
  const { message } = first instanceof Error ? first : error
  return /socket hang up|ECONNRESET|EPIPE|^aborted$/.test(message) ? "the connection was closed" : message
}

/** The body as it comes. Listens from the start: what happens before anyone reads is told to who reads then. */
const bodyOf = (response: http.IncomingMessage): Response["next"] => {
  let ended = false
  let broken: ConnectionFailed | undefined
  let waiting: (() => void) | undefined
  const tell = () => waiting?.()
  const fail = (error: Error) => {
    broken ??= new ConnectionFailed({ message: messageOf(error), stale: false })
    tell()
  }
  response.on("readable", tell)
  response.on("end", () => {
    ended = true
    tell()
  })
  response.on("error", fail)
  response.on("close", () => {
    if (!ended) fail(new Error("aborted"))
  })
  return Effect.async((resume) => {
    const look = () => {
      const chunk: Uint8Array | null = response.read()
      if (chunk !== null) resume(Effect.succeed(chunk))
      else if (ended) resume(Effect.succeed(null))
      else if (broken !== undefined) resume(broken)
      else return
      waiting = undefined
    }
    waiting = look
    look()
    return Effect.sync(() => {
      waiting = undefined
    })
  })
}

const headersOf = (response: http.IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : `${value}`
    ])
  )

interface Exchange {
  readonly sent: http.ClientRequest
  response?: http.IncomingMessage
}

const receive = (exchange: Exchange, body: string) =>
  Effect.async<Response, ConnectionFailed>((resume) => {
    const { sent } = exchange
    let readBefore = 0
    sent.on("socket", (socket) => {
      readBefore = socket.bytesRead
    })
    sent.on("error", (error) => {
      const silent = sent.socket?.bytesRead === readBefore
      const message = messageOf(error)
      const stale = sent.reusedSocket && silent && message === "the connection was closed"
      resume(new ConnectionFailed({ message, stale }))
    })
    // Closed without an error: the peer switched to another protocol.
    sent.on("close", () => resume(new ConnectionFailed({ message: "the connection was closed", stale: false })))
    sent.on("response", (response) => {
      exchange.response = response
      resume(Effect.succeed({ status: response.statusCode ?? 0, headers: headersOf(response), next: bodyOf(response) }))
    })
    sent.end(body)
  })

/** A client whose connections end with the scope. */
export const makeHttpClient: Effect.Effect<HttpClient, never, Scope.Scope> = Effect.gen(function* () {
  const scope = yield* Effect.scope
  const shared = { keepAlive: true, timeout: idleTimeout, scheduling: "lifo" as const }
  const kept = yield* Effect.acquireRelease(
    Effect.sync(() => ({ http: new http.Agent(shared), https: new https.Agent(shared) })),
    (both) =>
      Effect.sync(() => {
        both.http.destroy()
        both.https.destroy()
      })
  )

  /** Reads on to the end, so that the connection can be used again, but not for long. */
  const readToEnd = ({ sent }: Exchange, response: http.IncomingMessage) =>
    Effect.async<void>((resume) => {
      if (response.closed) return resume(Effect.void)
      const discard = () => {
        while (response.read() !== null) {}
      }
      response.on("close", () => resume(Effect.void))
      response.on("readable", discard)
      discard()
    }).pipe(
      Effect.timeoutOption(lastBytes),
      // Finalizers are not interruptible by themselves.
      Effect.interruptible,
      Effect.ensuring(
        Effect.sync(() => {
          if (!response.closed) sent.destroy()
        })
      ),
      Effect.forkIn(scope),
      Effect.asVoid
    )

  const through = (request: Post, isFresh: boolean) =>
    Effect.acquireRelease(
      Effect.sync((): Exchange => {
        const url = new URL(request.url)
        const secure = url.protocol === "https:"
        const headers = { ...request.headers, "content-length": `${Buffer.byteLength(request.body)}` }
        const agent = isFresh ? false : secure ? kept.https : kept.http
        return { sent: (secure ? https : http).request(url, { method: "POST", headers, agent }) }
      }),
      (exchange, exit) =>
        Exit.isSuccess(exit) && exchange.response !== undefined
          ? readToEnd(exchange, exchange.response)
          : Effect.sync(() => exchange.sent.destroy())
    ).pipe(Effect.flatMap((exchange) => receive(exchange, request.body)))

  return {
    post: (request) =>
      Effect.catchIf(
        through(request, false),
        ({ stale }) => stale,
        () => through(request, true)
      )
  }
})
