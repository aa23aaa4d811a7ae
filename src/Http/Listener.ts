import * as Http from "node:http"
import type { Duplex } from "node:stream"
import * as Context from "effect/Context"
import type { ErrorBody } from "../Api.ts"
import { securityHeaders } from "./SecurityHeaders.ts"

/** The HTTP server that answers, before anything of it is read. */
export class NodeServer extends Context.Tag("symbiont/Http/NodeServer")<NodeServer, Http.Server>() {}

/** Connections at once; beyond it new ones are closed. Each costs a file descriptor, and agents and the store need some. */
const maxConnections = 1_000

/** Heads of requests are small and sent at once; who takes longer holds a connection on purpose. In ms. */
const headersTimeout = 10_000

/** Between two requests of a connection, in ms. Kept short, as idle connections count as any other. */
const keepAliveTimeout = 5_000

/** Names of jobs stand in paths, up to 2.4 kB when encoded; the rest of a head is far smaller. In bytes. */
const maxHeaderSize = 16_384

/** Requests of one connection whose answers are not sent yet; browsers and clients pipeline none. */
const maxInFlight = 16

/** How long a connection may take nothing of an answer that waits for it, in ms. */
const stuckTimeout = 30_000

/** How often slow connections are looked for, in ms: what the timeouts may be exceeded by. */
const checkedEvery = 1_000

const refusals: Readonly<Record<string, readonly [status: number, code: string, error: string]>> = {
  HPE_HEADER_OVERFLOW: [
    431,
    "HEADERS_TOO_LARGE",
    `the head of the request is larger than ${maxHeaderSize / 1_024} KiB`
  ],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "BODY_TOO_LARGE", "the chunks of the body carry too many extensions"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "REQUEST_TIMEOUT", "the request took too long to arrive"]
}

const refusal = (code: string, text: string) => {
  const body = JSON.stringify({ error: text, code, details: [] } satisfies ErrorBody)
  const headers = {
    ...securityHeaders,
    connection: "close",
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body))
  }
  return { body, headers }
}

const answerTo = (error: NodeJS.ErrnoException): string => {
  const [status, code, text] = refusals[error.code ?? ""] ?? [400, "MALFORMED_HTTP", "this is no valid HTTP request"]
  const { body, headers } = refusal(code, text)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${Http.STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`
}

/**
 * An HTTP server with limits: requests must arrive within `requestTimeout` ms. What is no HTTP gets the API's error
 * body too, unless an answer is on its way on the connection: one error in the midst of another answer says nothing.
 */
export const makeListener = (requestTimeout: number): Http.Server => {
  const server = Http.createServer({
    connectionsCheckingInterval: checkedEvery,
    headersTimeout: Math.min(headersTimeout, requestTimeout),
    keepAliveTimeout,
    maxHeaderSize,
    requestTimeout,
    // Answered by the routes, as everything else.
    requireHostHeader: false
  })
  server.maxConnections = maxConnections
  const answering = new WeakMap<Duplex, Http.ServerResponse>()
  const inFlight = new WeakMap<Duplex, number>()
  server.on("request", ({ socket }, response) => {
    answering.set(socket, response)
    const open = (inFlight.get(socket) ?? 0) + 1
    inFlight.set(socket, open)
    response.once("close", () => inFlight.set(socket, (inFlight.get(socket) ?? 1) - 1))
    if (open > maxInFlight) socket.destroy()
  })
  // A long answer may be silent for a while; one that waits to be taken may not.
  server.setTimeout(stuckTimeout, (socket) => {
    if (socket.writableLength > 0) socket.destroy()
  })
  server.on("checkExpectation", ({ headers }, response) => {
    const { body, ...answer } = refusal("EXPECTATION_FAILED", `this service cannot meet Expect: ${headers["expect"]}`)
    response.writeHead(417, answer.headers).end(body)
  })
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    // Behind a request that was to be the last of its connection: its answer ends the connection.
    if (error.code === "HPE_CLOSED_CONNECTION") return
    const response = answering.get(socket)
    const midway = response?.headersSent === true && !response.writableFinished
    if (!socket.writable || midway || error.code === "ECONNRESET") return socket.destroy()
    // The other side may never read, nor close.
    socket.end(answerTo(error), () => socket.destroy())
  })
  return server
}
