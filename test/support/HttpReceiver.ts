import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http"
import { createServer as createSecureServer } from "node:https"
import type { AddressInfo, Server, Socket } from "node:net"
import * as Effect from "effect/Effect"

/** A request as it arrived, whole. */
export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** Which of the receiver's connections it came by, from 1 on. */
  readonly connection: number
}

/** What a receiver does with a request. */
export type Behaviour = (response: ServerResponse, received: Received, socket: Socket) => void

/** Answers with a status. */
export const answers =
  (status: number, body = "", headers: Readonly<Record<string, string>> = {}): Behaviour =>
  (response) =>
    void response.writeHead(status, headers).end(body)

/** Sends the client elsewhere. */
export const redirects = (location: string, status = 302): Behaviour => answers(status, "moved", { location })

/** Answers as told, but only after that many ms. */
export const answersLate =
  (millis: number, status: number, body = ""): Behaviour =>
  (response) =>
    void setTimeout(() => response.writeHead(status).end(body), millis)

/** Takes the request and never answers. */
export const hangs: Behaviour = () => undefined

/** Ends its half of the connection without an answer. */
export const halfCloses: Behaviour = (_, __, socket) => void socket.end()

/** Breaks the connection. */
export const resets: Behaviour = (_, __, socket) => void socket.resetAndDestroy()

/** Begins the head of an answer and sends one more byte of it every 20 ms, without an end. */
export const slowHead: Behaviour = (_, __, socket) => {
  socket.write("HTTP/1.1 200 OK\r\nx-slow: ")
  const timer = setInterval(() => socket.write("z"), 20)
  socket.on("close", () => clearInterval(timer))
}

/** Answers with a body that never ends. */
export const endless =
  (status: number): Behaviour =>
  (response) => {
    response.writeHead(status)
    const more = () => {
      while (!response.destroyed && response.write("z".repeat(65_536))) {}
    }
    response.on("drain", more)
    more()
  }

/** Answers with the beginning of a body, and then nothing more. */
export const stalls =
  (status: number, body: string): Behaviour =>
  (response) =>
    void response.writeHead(status, { "content-length": body.length + 1_000 }).write(body)

/** Answers with the beginning of a body, and then breaks the connection. */
export const breaksOff =
  (status: number, body: string): Behaviour =>
  (response) => {
    response.writeHead(status, { "content-length": body.length + 1_000 })
    response.write(body, () => setImmediate(() => response.destroy()))
  }

/** Sends these bytes in place of an answer. */
export const sends =
  (bytes: string): Behaviour =>
  (_, __, socket) =>
    void socket.end(bytes)

/** A receiver on loopback, and what it saw. */
export interface HttpReceiver {
  readonly port: number
  /** `http://127.0.0.1:PORT`, or `https:`. */
  readonly url: string
  readonly received: ReadonlyArray<Received>
  /** How many connections were made to it, in all. */
  readonly connections: () => number
  /** How many are open. */
  readonly open: () => number
  /** Closes the connections that are open. */
  readonly drop: () => void
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Array<Uint8Array> = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString("utf8")
}

/** Where a receiver listens, and with what it is a secure one. */
export interface ReceiverOptions {
  readonly host?: string
  /** Any free one unless given. */
  readonly port?: number
  readonly tls?: { readonly cert: string; readonly key: string }
}

/**
 * An HTTP server that behaves as scripted: the n-th request meets the n-th behaviour, and the last one for ever after.
 * It closes with the scope, and all its connections with it.
 */
export const httpReceiver = (
  script: ReadonlyArray<Behaviour>,
  { host = "127.0.0.1", port: asked = 0, tls }: ReceiverOptions = {}
) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<HttpReceiver & { readonly server: Server; readonly sockets: ReadonlySet<Socket> }>((resume) => {
        const received: Array<Received> = []
        const sockets = new Set<Socket>()
        const numbers = new WeakMap<Socket, number>()
        let connections = 0
        const handle = async (request: IncomingMessage, response: ServerResponse) => {
          const one: Received = {
            method: request.method ?? "",
            path: request.url ?? "",
            headers: request.headers,
            connection: numbers.get(request.socket) ?? 0,
            body: await bodyOf(request)
          }
          received.push(one)
          script[Math.min(received.length, script.length) - 1]?.(response, one, request.socket)
        }
        const listener = (request: IncomingMessage, response: ServerResponse) =>
          void handle(request, response).catch(() => undefined)
        const server = tls === undefined ? createServer(listener) : createSecureServer(tls, listener)
        server.keepAliveTimeout = 60_000
        server.on("tlsClientError", () => undefined)
        server.on("error", (error) => resume(Effect.die(error)))
        server.on("connection", (socket: Socket) => {
          connections++
          sockets.add(socket)
          socket.on("error", () => undefined)
          socket.on("close", () => sockets.delete(socket))
        })
        server.on(tls === undefined ? "connection" : "secureConnection", (socket: Socket) => {
          numbers.set(socket, connections)
        })
        server.listen(asked, host, () => {
          const { port } = server.address() as AddressInfo
          const drop = () => {
            for (const socket of sockets) socket.destroy()
          }
          const url = `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`
          resume(
            Effect.succeed({
              port,
              url,
              received,
              connections: () => connections,
              open: () => sockets.size,
              drop,
              server,
              sockets
            })
          )
        })
      }),
      ({ drop, server }) =>
        Effect.async<void>((done) => {
          server.close(() => done(Effect.void))
          drop()
        })
    ),
    (receiver): HttpReceiver => receiver
  )
