import { existsSync, readFileSync } from "node:fs"
import * as Http from "node:http"
import { connect, type Socket } from "node:net"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { makeClient } from "../../src/Client.ts"
import { define } from "../support/Engine.ts"
import { type HostileRequest, hostileRequests, type OpenApiDocument } from "../support/HostileRequests.ts"
import { folderWith, type Service, startService } from "../support/Service.ts"

const requests = Number(process.env["SYMBI_TEST_REQUESTS"] ?? 4_000)

/** How many steps a path has, or the path of a route such as `GET /a/{id}`. */
const stepsOf = (path: string): number =>
  path
    .replace(/\?.*$/s, "")
    .split("/")
    .slice(1)
    .filter((step) => step !== "").length

const portOf = ({ url }: Service): number => Number(new URL(url).port)

interface Talk {
  readonly answer: string
  /** The server closed the connection with an error of the network (a reset), not with an end. */
  readonly reset: boolean
}

/** Connects, lets `say` talk, and waits until the server closes the connection. */
const talk = (service: Service, say: (socket: Socket) => void) =>
  Effect.async<Talk>((resume) => {
    let answer = ""
    let reset = false
    const socket = connect(portOf(service), "127.0.0.1", () => say(socket))
    socket.setEncoding("latin1").on("data", (chunk) => {
      answer += chunk
    })
    socket.on("error", () => {
      reset = true
    })
    socket.on("close", () => resume(Effect.succeed({ answer, reset })))
    return Effect.sync(() => socket.destroy())
  })

/** Sends these bytes; the server is asked to close the connection behind them. */
const send = (service: Service, ...parts: ReadonlyArray<string | Buffer>) =>
  Effect.map(
    talk(service, (socket) => {
      for (const part of parts) socket.write(part)
    }),
    ({ answer }) => answer
  )

/** Sends a beginning and then one byte after the other, for as long as the connection holds. */
const drip = (service: Service, beginning: string, byte: string) =>
  talk(service, (socket) => {
    socket.write(beginning)
    const dripping = setInterval(() => socket.write(byte), 50)
    socket.on("close", () => clearInterval(dripping))
  })

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0)
const statusesOf = (answer: string): ReadonlyArray<number> =>
  Array.from(answer.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) => Number(status))

const closing = "Host: localhost\r\nConnection: close\r\n"
const get = (path: string) => `GET ${path} HTTP/1.1\r\n${closing}\r\n`
const post = (path: string, body: string | Buffer) =>
  Buffer.concat([
    Buffer.from(
      `POST ${path} HTTP/1.1\r\n${closing}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`
    ),
    Buffer.from(body)
  ])

const live = "/api/v1/health"
const isWell = (service: Service) =>
  Effect.map(send(service, get(live)), (answer) => assert.include(answer, '"status":"ok"'))

const files = {
  "symbiont.toml": '[server]\nport = 0\nrequest_timeout = "2s"\n',
  "agents/quick.symbi": 'agent quick { command: ["true"] }\n'
}

const service = (env: Record<string, string> = {}, toml = files["symbiont.toml"]) =>
  Effect.flatMap(folderWith({ ...files, "symbiont.toml": toml }), (folder) => startService({ folder, env }))

/** Nothing of what was sent may have come upon the service unforeseen. */
const wasForeseen = (running: Service) => assert.notInclude(running.stderr(), "a request failed")

describe("the open service", () => {
  it.scopedLive("answers no page of another site, under whatever name it comes", () =>
    Effect.gen(function* () {
      const running = yield* service()
      const job = JSON.stringify({ name: "evil", agent_id: "quick", cron_expr: "* * * * *" })
      const crossing = (head: string) =>
        send(
          running,
          `POST /api/v1/schedule HTTP/1.1\r\n${head}Connection: close\r\nContent-Type: text/plain\r\nContent-Length: ${job.length}\r\n\r\n${job}`
        )
      for (const host of [
        "evil.example",
        "127.0.0.1.evil.example",
        "evil.example:80@localhost",
        "0.0.0.0",
        "[::ffff:7f00:1]x"
      ]) {
        const answer = yield* crossing(`Host: ${host}\r\n`)
        assert.strictEqual(statusOf(answer), 403, host)
        assert.include(answer, '"code":"FORBIDDEN_HOST"')
      }
      for (const origin of ["https://evil.example", "null", "http://localhost:1", "http://localhost.evil.example"]) {
        const answer = yield* crossing(`Host: localhost\r\nOrigin: ${origin}\r\n`)
        assert.strictEqual(statusOf(answer), 403, origin)
        assert.include(answer, '"code":"FORBIDDEN_ORIGIN"')
        assert.notMatch(answer, /access-control/i)
      }
      const preflight = yield* send(
        running,
        `OPTIONS /api/v1/schedule HTTP/1.1\r\n${closing}Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n\r\n`
      )
      assert.strictEqual(statusOf(preflight), 403)
      assert.strictEqual(
        statusOf(yield* send(running, "GET /api/v1/schedule HTTP/1.1\r\nConnection: close\r\n\r\n")),
        400
      )
      assert.include(yield* send(running, get("/api/v1/schedule")), "[]")
      wasForeseen(running)
    })
  )

  it.scopedLive("cuts who sends too slowly, and answers others meanwhile", () =>
    Effect.gen(function* () {
      const running = yield* service()
      const head = `POST /api/v1/schedule HTTP/1.1\r\n${closing}Content-Type: application/json\r\n`
      const slow = yield* Effect.all(
        [
          drip(running, `GET ${live} HTTP/1.1\r\nHost: localhost\r\nX-Slow: `, "a"),
          drip(running, `${head}Content-Length: 100000\r\n\r\n{"name": "`, "a"),
          drip(running, `${head}Transfer-Encoding: chunked\r\n\r\n`, "1\r\n \r\n"),
          talk(running, () => undefined),
          Effect.as(isWell(running), { answer: "HTTP/1.1 408 ", reset: false })
        ],
        { concurrency: "unbounded" }
      )
      for (const { answer } of slow) assert.strictEqual(statusOf(answer), 408)
      yield* isWell(running)
      wasForeseen(running)
    })
  )

  it.scopedLive("refuses bodies that are too large, too deep or not JSON, and reads what comes after them", () =>
    Effect.gen(function* () {
      const running = yield* service()
      const big = Buffer.alloc(10 * 1_048_576, " ")
      const head = "POST /api/v1/schedule HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      const declared = yield* send(running, `${head}Content-Length: ${big.length}\r\n\r\n`, big, get(live))
      const chunked = yield* send(
        running,
        `${head}Transfer-Encoding: chunked\r\n\r\n${big.length.toString(16)}\r\n`,
        big,
        `\r\n0\r\n\r\n${get(live)}`
      )
      for (const answer of [declared, chunked]) {
        assert.deepStrictEqual(statusesOf(answer), [413, 200])
        assert.include(answer, '"code":"BODY_TOO_LARGE"')
      }
      const levels = 100_000
      const deep = [
        "[".repeat(levels),
        `${"[".repeat(levels)}${"]".repeat(levels)}`,
        `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`
      ]
      for (const path of [
        "/api/v1/schedule",
        "/api/v1/schedule/preview",
        "/api/v1/apply",
        "/api/v1/agents/quick/run",
        "/api/v1/keys"
      ]) {
        for (const body of [...deep, "{", "nul", '"\\u', Buffer.from([0xff, 0xfe, 0])]) {
          const answer = yield* send(running, post(path, body))
          assert.strictEqual(statusOf(answer), 400, `${path} ${answer.slice(0, 300)}`)
          assert.include(answer, '"code":"MALFORMED_JSON"')
        }
      }
      const polluted = yield* send(running, post("/api/v1/schedule", '{"__proto__":{"name":"x"},"constructor":1}'))
      assert.strictEqual(statusOf(polluted), 400)
      yield* isWell(running)
      wasForeseen(running)
    })
  )

  it.scopedLive("answers what is no HTTP with one error, and closes", () =>
    Effect.gen(function* () {
      const running = yield* service()
      const head = `POST /api/v1/schedule HTTP/1.1\r\n${closing}Content-Type: application/json\r\n`
      const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n`
      const broken: Readonly<Record<string, string>> = {
        "a chunk's size that is no number": `${chunked}zz\r\n{}\r\n0\r\n\r\n`,
        "a negative size": `${chunked}-1\r\n{}\r\n0\r\n\r\n`,
        "a size beyond all bounds": `${chunked}ffffffffffffffffff\r\n{}`,
        "a chunk longer than it says": `${chunked}1\r\n{}{}{}\r\n0\r\n\r\n`,
        "two lengths": `${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x`,
        "a length beside chunks (smuggling)": `${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x`,
        "an encoding that is none": `${head}Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n`,
        "a length that is none": `${head}Content-Length: 1e3\r\n\r\n{}`,
        "a header without a colon": "GET / HTTP/1.1\r\nHost: localhost\r\nbad\r\n\r\n",
        "a null in a header": "GET / HTTP/1.1\r\nHost: localhost\r\nX: a\u0000b\r\n\r\n",
        "another version": "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "HTTP/2 without being asked": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "a TLS greeting": "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003",
        "a space in the path": "GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "no method at all": "\r\n\r\nHELLO\r\n\r\n"
      }
      for (const [what, bytes] of Object.entries(broken)) {
        const answer = yield* send(running, Buffer.from(bytes, "latin1"))
        const [status] = statusesOf(answer)
        assert.isTrue(status === 400 || status === 413, `${what}: ${answer.slice(0, 200)}`)
        assert.match(answer, /x-content-type-options: nosniff/)
        assert.match(answer, /\{"error":"[^"]+","code":"[A-Z_]+","details":\[/)
      }
      const flood = yield* send(running, `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"a".repeat(100_000)}\r\n\r\n`)
      assert.strictEqual(statusOf(flood), 431)
      const many = Array.from({ length: 5_000 }, (_, n) => `X-${n}: a\r\n`).join("")
      assert.strictEqual(statusOf(yield* send(running, `GET ${live} HTTP/1.1\r\n${many}${closing}\r\n`)), 431)

      const pipelined = yield* send(
        running,
        `GET ${live} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(50),
        Buffer.from(Array.from({ length: 1_000 }, (_, n) => (n * 7_919) % 256))
      )
      const statuses = statusesOf(pipelined)
      assert.isTrue(
        statuses.length <= 51 && statuses.slice(0, -1).every((status) => status === 200),
        pipelined.slice(-500)
      )
      const last = yield* send(running, get(live), "garbage behind the last request\r\n\r\n")
      assert.deepStrictEqual(statusesOf(last), [200])
      const upgrade = yield* send(running, `GET ${live} HTTP/1.1\r\n${closing}Upgrade: websocket\r\n\r\n`)
      assert.isBelow(statusOf(upgrade), 500)
      yield* talk(running, (socket) => socket.write("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n"))
      yield* isWell(running)
      wasForeseen(running)
    })
  )

  it.scopedLive("knows no path but its own, however it is written", () =>
    Effect.gen(function* () {
      const running = yield* service()
      const ways = [
        ...[
          "/../../../../etc/passwd",
          "/%2e%2e/%2e%2e/etc/passwd",
          "/..%2f..%2fetc%2fpasswd",
          "/docs/../../etc/passwd"
        ],
        ...["/api/v1/runs/..%2f..%2f..%2fetc%2fpasswd/log", "/api/v1/runs/%2e%2e/log", "/api/v1/runs/%00/log"],
        ...[
          "/api/v1/schedule/%c0%ae%c0%ae%2f",
          "/api/v1/schedule/%ff",
          "/api/v1/schedule/%",
          "/api/v1/schedule/%u0041"
        ],
        ...["//etc/passwd", "/\\..\\..\\etc\\passwd", "/api/v1/agents/..%5c..%5cetc", "/.git/config", "/symbiont.toml"],
        ...[
          `/api/v1/schedule/${"a".repeat(8_000)}`,
          `/api/v1/schedule/${"%2e".repeat(2_000)}`,
          `/${"a/".repeat(2_000)}`
        ],
        ...["http://evil.example/api/v1/keys", "*", "/api/v1/schedule?limit[]=1&limit=2&__proto__=x", "/?%"]
      ]
      for (const way of ways) {
        const answer = yield* send(running, get(way))
        assert.include([400, 403, 404, 431], statusOf(answer), `${way.slice(0, 60)}: ${answer.slice(0, 200)}`)
        assert.notInclude(answer, "root:")
      }
      wasForeseen(running)
    })
  )
})

/** Where there is no such file, as on other systems than Linux, nothing is measured. */
const kilobytesInUse = (pid: number): number =>
  !existsSync(`/proc/${pid}/status`)
    ? 0
    : Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0)

describe("the service with keys", () => {
  it.scopedLive("closes connections beyond a thousand, and answers again when there are fewer", () =>
    Effect.gen(function* () {
      const running = yield* service({}, "[server]\nport = 0\n")
      const sockets: Array<Socket> = []
      const ends = yield* Effect.forEach(
        Array.from({ length: 1_100 }),
        () =>
          Effect.async<"answered" | "closed">((resume) => {
            const socket = connect(portOf(running), "127.0.0.1", () => {
              socket.write(`GET ${live} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
            })
            sockets.push(socket)
            socket.on("data", () => resume(Effect.succeed("answered")))
            socket.on("error", () => undefined)
            socket.on("close", () => resume(Effect.succeed("closed")))
          }),
        { concurrency: "unbounded" }
      )
      assert.isAtLeast(ends.filter((end) => end === "closed").length, 1)
      assert.isAtLeast(ends.filter((end) => end === "answered").length, 900)
      yield* Effect.forEach(
        sockets,
        (socket) =>
          Effect.async<void>((resume) => {
            if (socket.destroyed) return resume(Effect.void)
            socket.on("close", () => resume(Effect.void))
            socket.destroy()
          }),
        { concurrency: "unbounded" }
      )
      // The service hears of the ends in its own time; until then it may close this connection too.
      yield* Effect.retry(
        Effect.flatMap(send(running, get(live)), (answer) =>
          statusOf(answer) === 200 ? Effect.void : Effect.fail(answer)
        ),
        { times: 1_000 }
      )
    })
  )

  it.scopedLive(
    `answers ${requests} hostile requests made from its own description as the description says, and does not grow`,
    () =>
      Effect.gen(function* () {
        const key = `fuzz-${"0123456789".repeat(4)}`
        const running = yield* service({ SYMBI_API_KEYS: key }, "[server]\nport = 0\nrate_limit = 0\n")
        const document = yield* Effect.promise(
          async (): Promise<OpenApiDocument> => JSON.parse(await (await fetch(`${running.url}/openapi.json`)).text())
        )
        const next = hostileRequests(document, { seed: 20_260_215, key })
        const agent = new Http.Agent({ keepAlive: true, maxSockets: 8 })
        yield* Effect.addFinalizer(() => Effect.sync(() => agent.destroy()))

        const perform = ({ body, headers, method, path }: HostileRequest) =>
          new Promise<{ status: number; headers: Http.IncomingHttpHeaders; text: string }>((resolve, reject) => {
            const request = Http.request({ agent, host: "127.0.0.1", port: portOf(running), method, path, headers })
            request.on("error", reject)
            request.on("response", (response) => {
              const { headers, statusCode: status = 0 } = response
              let text = ""
              // Followed until their run ends, which may be never.
              if (headers["content-type"] === "text/event-stream") {
                response.destroy()
                return resolve({ status, headers, text })
              }
              response.setEncoding("utf8").on("data", (chunk) => {
                text += chunk
              })
              response.on("end", () => resolve({ status, headers, text }))
              response.on("error", reject)
            })
            request.end(body)
          })

        const statuses = new Map<number, number>()
        const routes = new Set<string>()
        const client = yield* makeClient({ baseUrl: running.url, apiKey: Redacted.make(key) })
        const job = yield* client.schedule.create({
          payload: define({ name: "fuzzed", agent_id: "quick", every: "1h" })
        })
        const path = { job_id: job.name }
        const run = yield* client.schedule.run({ path, urlParams: {}, headers: {}, payload: {} })
        const known = new Set<string>([job.id, job.name, run.id, "quick"])
        const attempt = async () => {
          const request = next([...known])
          const { headers, status, text } = await perform(request)
          const where = `${request.method} ${request.path.slice(0, 300)} ${request.body?.toString().slice(0, 500)}: ${status} ${text.slice(0, 500)}`
          statuses.set(status, (statuses.get(status) ?? 0) + 1)
          routes.add(request.route)
          assert.notStrictEqual(status, 500, where)
          // With a slash in a parameter it is the path of something else, or of nothing.
          const isElsewhere = stepsOf(request.path) !== stepsOf(request.route) && text.includes('"ROUTE_NOT_FOUND"')
          assert.isTrue(isElsewhere || (request.documented?.has(status) ?? status < 500), where)
          assert.strictEqual(headers["x-content-type-options"], "nosniff", where)
          if (status >= 400 && request.method !== "HEAD") {
            assert.deepStrictEqual(Object.keys(JSON.parse(text)).sort(), ["code", "details", "error"], where)
          }
          const id = status < 300 && known.size < 30 ? /"(?:id|name)":"([^"]{1,100})"/.exec(text)?.[1] : undefined
          if (id !== undefined) known.add(id)
        }
        const attempts = (count: number) =>
          Effect.forEach(Array.from({ length: count }), () => Effect.promise(attempt), {
            concurrency: 8,
            discard: true
          })

        yield* attempts(2_000)
        const warm = kilobytesInUse(running.pid)
        yield* attempts(requests - 2_000)
        const grown = (kilobytesInUse(running.pid) - warm) / 1_024

        assert.strictEqual(
          [...statuses.values()].reduce((sum, n) => sum + n, 0),
          requests
        )
        assert.strictEqual(routes.size, Object.values(document.paths).flatMap(Object.keys).length)
        for (const status of [200, 201, 400, 401, 404, 405, 409, 415])
          assert.isAbove(statuses.get(status) ?? 0, 0, String(status))
        // MiB. Some is garbage not yet collected, and series of metrics; 8 KiB kept of each request would be as much.
        assert.isBelow(grown, 64)
        yield* isWell(running)
        wasForeseen(running)
        yield* running.signal("SIGTERM")
        assert.strictEqual(yield* running.exitCode, 0)
      }).pipe(Effect.provide(FetchHttpClient.layer)),
    120_000
  )
})
