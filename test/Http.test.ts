import * as Net from "node:net"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpServer from "@effect/platform/HttpServer"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { makeClient } from "../src/Client.ts"
import { definitionOf } from "../src/Domain/Job.ts"
import { HttpTest, status } from "./support/HttpTest.ts"

const job = { name: "report", agent_id: "reporter", cron_expr: "0 * * * *" }

const send = (
  method: "GET" | "POST" | "PUT" | "DELETE",
  path: string,
  options: { body?: string; type?: string; headers?: Record<string, string> } = {}
) =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const request = HttpClientRequest.make(method)(path).pipe(
      HttpClientRequest.setHeaders(options.headers ?? {}),
      options.body === undefined
        ? (same) => same
        : HttpClientRequest.setBody(HttpBody.text(options.body, options.type ?? "application/json"))
    )
    const response = yield* client.execute(request)
    const text = yield* response.text
    return { status: response.status, headers: response.headers, text, json: text === "" ? undefined : tryJson(text) }
  }).pipe(Effect.scoped)

const tryJson = (text: string) => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  send("POST", path, { body: JSON.stringify(body), headers })

const assertError = (
  answer: { status: number; json: { error: string; code: string; details: ReadonlyArray<{ path: string }> } },
  expected: { status: number; code: string; paths?: ReadonlyArray<string> }
) => {
  assert.deepStrictEqual(Object.keys(answer.json).sort(), ["code", "details", "error"])
  assert.strictEqual(answer.status, expected.status, answer.json.error)
  assert.strictEqual(answer.json.code, expected.code)
  assert.notStrictEqual(answer.json.error, "")
  assert.deepStrictEqual(
    answer.json.details.map(({ path }) => path),
    expected.paths ?? []
  )
}

layer(HttpTest)("Http", (it) => {
  it.effect("creates, shows, changes, pauses, resumes and deletes a job", () =>
    Effect.gen(function* () {
      const created = yield* post("/api/v1/schedule", { ...job, name: "life", labels: ["a"] })
      assert.strictEqual(created.status, 201)
      assert.strictEqual(created.headers["location"], `/api/v1/schedule/${created.json.id}`)
      assert.strictEqual(created.headers["etag"], '"1"')
      assert.deepStrictEqual(created.json.warnings, ["a warning"])
      assert.match(created.json.next_run, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      assert.deepStrictEqual(created.json.delivery, ["log_file"])
      assert.deepStrictEqual(created.json.labels, ["a", "api"])

      const byName = yield* send("GET", "/api/v1/schedule/life")
      assert.strictEqual(byName.json.id, created.json.id)
      assert.strictEqual(byName.headers["etag"], '"1"')

      const put = (headers: Record<string, string>) =>
        send("PUT", "/api/v1/schedule/life", { body: '{"cron_expr":"5 * * * *"}', headers })
      assertError(yield* put({ "if-match": '"7"' }), { status: 412, code: "JOB_CHANGED" })
      assertError(yield* put({ "if-match": "1" }), { status: 412, code: "JOB_CHANGED" })
      const changed = yield* put({ "if-match": '"1"' })
      assert.strictEqual(changed.status, 200)
      assert.strictEqual(changed.json.cron_expr, "5 * * * *")
      assert.strictEqual(changed.json.agent_id, "reporter")
      assert.strictEqual(changed.headers["etag"], '"2"')

      assert.strictEqual((yield* send("POST", "/api/v1/schedule/life/pause")).json.status, "paused")
      assert.strictEqual((yield* post("/api/v1/schedule/life/resume", {})).json.status, "active")
      assertError(yield* send("POST", "/api/v1/schedule/life/reset"), { status: 409, code: "JOB_STATE_CONFLICT" })

      const deleted = yield* send("DELETE", "/api/v1/schedule/life")
      assert.deepStrictEqual([deleted.status, deleted.json], [200, { id: created.json.id, deleted: true }])
      assertError(yield* send("DELETE", "/api/v1/schedule/life"), { status: 404, code: "JOB_NOT_FOUND" })
    })
  )

  it.effect("answers a taken name and an invalid definition", () =>
    Effect.gen(function* () {
      yield* post("/api/v1/schedule", { ...job, name: "taken" })
      assertError(yield* post("/api/v1/schedule", { ...job, name: "taken" }), { status: 409, code: "JOB_NAME_TAKEN" })
      assertError(yield* post("/api/v1/schedule", { ...job, cron_expr: "nonsense" }), {
        status: 400,
        code: "INVALID_JOB",
        paths: ["cron_expr"]
      })
    })
  )

  it.effect("names every place that is wrong, once, in words", () =>
    Effect.gen(function* () {
      const answer = yield* post("/api/v1/schedule", {
        name: "bad",
        agent: "x",
        session_mode: "x",
        delivery: ["fax"],
        every: "0s",
        policy: { allowed_hour: 1 },
        max_runtime: 4
      })
      assertError(answer, {
        status: 400,
        code: "INVALID_REQUEST",
        paths: ["agent", "agent_id", "every", "policy.allowed_hour", "max_runtime", "session_mode", "delivery.0"]
      })
      const message = (path: string) =>
        answer.json.details.find((issue: { path: string }) => issue.path === path).message
      assert.strictEqual(message("agent"), 'unknown key; did you mean "agent_id"?')
      assert.strictEqual(message("agent_id"), "is required")
      assert.strictEqual(
        message("session_mode"),
        'expected one of "ephemeral_with_summary", "shared_persistent", "fully_ephemeral"; got "x"'
      )
      assert.include(message("delivery.0"), "stdout, log_file")
      assert.include(answer.json.error, "policy.allowed_hour")
    })
  )

  it.effect("refuses bodies that are no JSON object", () =>
    Effect.gen(function* () {
      const create = (body: string, type?: string) =>
        send("POST", "/api/v1/schedule", type === undefined ? { body } : { body, type })
      assertError(yield* create('{"name":'), { status: 400, code: "MALFORMED_JSON" })
      assertError(yield* create("[".repeat(200_000)), { status: 400, code: "MALFORMED_JSON" })
      assertError(yield* create(`${"[".repeat(5_000)}${"]".repeat(5_000)}`), { status: 400, code: "MALFORMED_JSON" })
      assertError(yield* create("[1]"), { status: 400, code: "INVALID_REQUEST", paths: [""] })
      assertError(yield* create(""), { status: 400, code: "INVALID_REQUEST", paths: [""] })
      assertError(yield* create("name=x", "application/x-www-form-urlencoded"), {
        status: 415,
        code: "UNSUPPORTED_MEDIA_TYPE"
      })
      assert.strictEqual(
        (yield* create(JSON.stringify({ ...job, name: "charset" }), "application/json; charset=utf-8")).status,
        201
      )
    })
  )

  it.effect("refuses bodies over 1 MiB and keeps the connection", () =>
    Effect.gen(function* () {
      const address = yield* HttpServer.HttpServer
      const port = address.address._tag === "TcpAddress" ? address.address.port : 0
      const big = "x".repeat(3_000_000)
      const head = `POST /api/v1/schedule HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`
      const next = "GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
      const declared = yield* exchange(port, `${head}Content-Length: ${big.length}\r\n\r\n${big}${next}`)
      const chunked = yield* exchange(
        port,
        `${head}Transfer-Encoding: chunked\r\n\r\n${big.length.toString(16)}\r\n${big}\r\n0\r\n\r\n${next}`
      )
      for (const answer of [declared, chunked]) {
        assert.match(answer, /^HTTP\/1\.1 413 /)
        assert.include(answer, '"code":"BODY_TOO_LARGE"')
        assert.match(answer, /HTTP\/1\.1 200 OK[\s\S]*"status":"ok"/)
      }
    })
  )

  it.effect("says which routes and methods there are", () =>
    Effect.gen(function* () {
      assertError(yield* send("GET", "/api/v1/nothing"), { status: 404, code: "ROUTE_NOT_FOUND" })
      assertError(yield* send("GET", "/api/v1/schedule/%ff"), { status: 404, code: "ROUTE_NOT_FOUND" })
      const wrong = yield* send("DELETE", "/api/v1/schedule?x=1")
      assertError(wrong, { status: 405, code: "METHOD_NOT_ALLOWED" })
      assert.strictEqual(wrong.headers["allow"], "POST, GET")
    })
  )

  it.effect("answers defects without their detail, and a full disk with 507", () =>
    Effect.gen(function* () {
      const answer = yield* post("/api/v1/schedule", { ...job, name: "explode" })
      assertError(answer, { status: 500, code: "INTERNAL" })
      assert.notInclude(answer.text, "secret")
      assertError(yield* post("/api/v1/schedule", { ...job, name: "no space" }), { status: 507, code: "STORAGE_FULL" })
    })
  )

  it.effect("lists with filters that combine, page by page", () =>
    Effect.gen(function* () {
      for (const name of ["p1", "p2", "p3"]) {
        yield* post("/api/v1/schedule", { ...job, name, agent_id: "pager", labels: ["page"] })
      }
      yield* send("POST", "/api/v1/schedule/p2/pause")
      const names = (answer: { json: ReadonlyArray<{ name: string }> }) => answer.json.map(({ name }) => name)
      const first = yield* send("GET", "/api/v1/schedule?agent_id=pager&limit=2")
      assert.deepStrictEqual(names(first), ["p1", "p2"])
      const [, next = ""] = /^<(.+)>; rel="next"$/.exec(first.headers["link"] ?? "") ?? []
      const second = yield* send("GET", next as "/")
      assert.deepStrictEqual(names(second), ["p3"])
      assert.isUndefined(second.headers["link"])
      assert.deepStrictEqual(names(yield* send("GET", "/api/v1/schedule?agent_id=pager&status=paused&label=page")), [
        "p2"
      ])
      const bad = yield* send("GET", "/api/v1/schedule?status=sleeping&limit=0&stauts=active")
      assertError(bad, { status: 400, code: "INVALID_REQUEST", paths: ["stauts", "status", "limit"] })
      assert.include(bad.json.error, '"active", "paused", "completed", "failed", "dead_letter"; got "sleeping"')
    })
  )

  it.effect("runs a job by hand, with and without a body", () =>
    Effect.gen(function* () {
      yield* post("/api/v1/schedule", { ...job, name: "hand", max_concurrent: 2 })
      const run = (query: string, options: Parameters<typeof send>[2]) =>
        send("POST", `/api/v1/schedule/hand/run${query}`, options)
      const first = yield* run("", { body: "", headers: { "x-symbi-client": "cli" } })
      assert.strictEqual(first.status, 202)
      assert.strictEqual(first.headers["location"], `/api/v1/runs/${first.json.id}`)
      assert.deepStrictEqual([first.json.status, first.json.trigger, first.json.input], ["running", "manual", null])
      assert.strictEqual((yield* run("", { body: '{"input":"x"}' })).json.input, "x")
      assertError(yield* run("", {}), { status: 409, code: "CONCURRENCY_LIMIT" })
      assert.strictEqual((yield* run("?queue=true", {})).status, 202)
      assertError(yield* run("?queue=yes", {}), { status: 400, code: "INVALID_REQUEST", paths: ["queue"] })
      assertError(yield* run("", { body: '{"inputs":"x"}' }), {
        status: 400,
        code: "INVALID_REQUEST",
        paths: ["inputs"]
      })
      assertError(yield* run("", { headers: { "idempotency-key": "x".repeat(256) } }), {
        status: 400,
        code: "INVALID_REQUEST",
        paths: ["idempotency-key"]
      })
    })
  )

  it.effect("shows history and single runs, and cancels", () =>
    Effect.gen(function* () {
      yield* post("/api/v1/schedule", { ...job, name: "past", max_concurrent: 9 })
      const ids: Array<string> = []
      for (const _ of [1, 2, 3]) ids.push((yield* send("POST", "/api/v1/schedule/past/run")).json.id)
      const history = yield* send("GET", "/api/v1/schedule/past/history?limit=2")
      assert.deepStrictEqual(
        history.json.map(({ id }: { id: string }) => id),
        ids.reverse().slice(0, 2)
      )
      assert.notProperty(history.json[0], "output")
      assert.property((yield* send("GET", `/api/v1/runs/${ids[0]}`)).json, "output")
      assert.strictEqual((yield* send("POST", `/api/v1/runs/${ids[0]}/cancel`)).json.status, "cancelled")
      assertError(yield* send("POST", `/api/v1/runs/${ids[0]}/cancel`), { status: 409, code: "RUN_ENDED" })
      assert.lengthOf((yield* send("GET", "/api/v1/schedule/past/history?status=cancelled")).json, 1)
      assertError(yield* send("GET", "/api/v1/schedule/past/history?limit=1001"), {
        status: 400,
        code: "INVALID_REQUEST",
        paths: ["limit"]
      })
      assertError(yield* send("GET", "/api/v1/runs/run_x"), { status: 404, code: "RUN_NOT_FOUND" })
    })
  )

  it.effect("reads logs, at once and live", () =>
    Effect.gen(function* () {
      yield* post("/api/v1/schedule", { ...job, name: "talks" })
      const { id } = (yield* send("POST", "/api/v1/schedule/talks/run")).json
      const log = yield* send("GET", `/api/v1/runs/${id}/log`)
      assert.deepStrictEqual([log.headers["content-type"], log.text], ["text/plain; charset=utf-8", "one\ntwo\n"])
      const live = yield* send("GET", `/api/v1/runs/${id}/log?follow=true`)
      assert.strictEqual(live.headers["content-type"], "text/event-stream")
      assert.strictEqual(
        live.text,
        "event: log\ndata: one\ndata: \n\nevent: log\ndata: two\ndata: \n\nevent: end\ndata: \n\n"
      )
      assertError(yield* send("GET", "/api/v1/runs/run_x/log"), { status: 404, code: "RUN_NOT_FOUND" })
    })
  )

  it.effect("tells the next instants, of jobs and of triggers", () =>
    Effect.gen(function* () {
      const created = (yield* post("/api/v1/schedule", { ...job, name: "next" })).json
      assert.deepStrictEqual((yield* send("GET", "/api/v1/schedule/next/next_run")).json, {
        next_run: created.next_run
      })
      const more = (yield* send("GET", "/api/v1/schedule/next/next_run?count=3")).json
      assert.strictEqual(more.next_run, created.next_run)
      assert.lengthOf(more.upcoming, 3)
      const preview = yield* post("/api/v1/schedule/preview", {
        cron_expr: "* * * * *",
        from: "2026-01-01T01:00:00+01:00",
        count: 2
      })
      assert.deepStrictEqual(preview.json.upcoming, ["2026-01-01T00:01:00.000Z", "2026-01-01T00:02:00.000Z"])
      assertError(yield* post("/api/v1/schedule/preview", { count: 2000 }), {
        status: 400,
        code: "INVALID_REQUEST",
        paths: ["count"]
      })
    })
  )

  it.effect("lists and runs agents", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* send("GET", "/api/v1/agents")).json[0], {
        id: "echo",
        capabilities: [],
        kind: "effect"
      })
      assertError(yield* send("GET", "/api/v1/agents/nobody"), { status: 404, code: "AGENT_NOT_FOUND" })
      const answer = yield* post("/api/v1/agents/echo/run", { input: "hello" })
      assert.deepStrictEqual([answer.status, answer.json], [200, { output: "hello", exit_code: 0 }])
      assertError(yield* post("/api/v1/agents/echo/run", { input: "fail" }), {
        status: 502,
        code: "AGENT_FAILED",
        paths: ["kind", "exit_code"]
      })
    })
  )

  it.effect("shows health exactly as the guide prints it", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* send("GET", "/api/v1/health")).json.status, "ok")
      const read = send("GET", "/api/v1/health/scheduler")
      const healthy = yield* read
      assert.deepStrictEqual(
        [healthy.status, healthy.json],
        [
          200,
          {
            status: "healthy",
            active_jobs: 15,
            paused_jobs: 3,
            in_flight_jobs: 2,
            metrics: { runs_total: 1234, runs_succeeded: 1180, runs_failed: 54, avg_execution_time_ms: 850 }
          }
        ]
      )
      yield* status.set({ quarantined: 1 })
      assert.deepInclude(yield* Effect.map(read, ({ status, json }) => ({ status, s: json.status })), {
        status: 200,
        s: "degraded"
      })
      for (const down of [{ alive: false }, { stored: false }]) {
        yield* status.set(down)
        const answer = yield* read
        assert.deepStrictEqual([answer.status, answer.json.status], [503, "unhealthy"])
        assert.deepStrictEqual(Object.keys(answer.json), Object.keys(healthy.json))
      }
      yield* status.set({})
    })
  )

  it.effect("serves metrics, OpenAPI and a page that loads nothing", () =>
    Effect.gen(function* () {
      const metrics = yield* send("GET", "/metrics")
      assert.deepStrictEqual(
        [metrics.status, metrics.headers["content-type"]],
        [200, "text/plain; version=0.0.4; charset=utf-8"]
      )
      const spec = (yield* send("GET", "/openapi.json")).json
      assert.strictEqual(spec.openapi, "3.1.0")
      assert.containsAllKeys(spec.paths, ["/api/v1/schedule/{job_id}/run", "/api/v1/health/scheduler", "/metrics"])
      assert.notInclude(JSON.stringify(spec), "HttpApiDecodeError")
      const docs = yield* send("GET", "/docs")
      assert.strictEqual(docs.headers["content-type"], "text/html; charset=utf-8")
      assert.include(docs.text, "/api/v1/schedule/{job_id}/history")
      assert.notMatch(docs.text, /<script|<link|src=|@import|url\(|(href|action)="(?!#|\/)/)
    })
  )

  it.effect("refuses foreign hosts and pages of other sites", () =>
    Effect.gen(function* () {
      const ask = (headers: Record<string, string>) => send("GET", "/api/v1/health", { headers })
      assertError(yield* ask({ host: "evil.example:8080" }), { status: 403, code: "FORBIDDEN_HOST" })
      assertError(yield* ask({ host: "localhost.evil.example" }), { status: 403, code: "FORBIDDEN_HOST" })
      assertError(yield* ask({ host: "localhost:8080", origin: "https://evil.example" }), {
        status: 403,
        code: "FORBIDDEN_ORIGIN"
      })
      assertError(yield* ask({ origin: "null" }), { status: 403, code: "FORBIDDEN_ORIGIN" })
      for (const host of ["localhost:8080", "127.0.0.1", "[::1]:8080", "symbi.localhost"]) {
        assert.strictEqual((yield* ask({ host, origin: `http://${host}` })).status, 200, host)
      }
    })
  )

  it.effect("speaks to the derived client, with typed errors and names that need encoding", () =>
    Effect.gen(function* () {
      const client = yield* makeClient({ baseUrl: "", client: "cli" })
      const name = "50% a/b ?#é"
      const created = yield* client.schedule.create({
        payload: {
          name: name as never,
          agent_id: "x" as never,
          cron_expr: "* * * * *",
          session_mode: "fully_ephemeral",
          delivery: [],
          max_concurrent: 1,
          overlap: "skip",
          labels: []
        }
      })
      assert.deepStrictEqual(created.labels, ["cli"])
      assert.strictEqual((yield* client.schedule.get({ path: { job_id: name } })).id, created.id)
      const missing = yield* Effect.flip(client.schedule.get({ path: { job_id: "no" } }))
      assert.deepInclude(missing, { _tag: "NotFound", code: "JOB_NOT_FOUND" })
      const taken = yield* Effect.flip(client.schedule.create({ payload: definitionOf(created) }))
      assert.deepInclude(taken, { _tag: "Conflict", code: "JOB_NAME_TAKEN" })
      assert.strictEqual(
        (yield* client.schedule.run({ path: { job_id: name }, urlParams: {}, headers: {}, payload: {} })).input,
        null
      )
      yield* status.set({ alive: false })
      assert.strictEqual((yield* client.health.scheduler()).status, "unhealthy")
      yield* status.set({})
    })
  )
})

/** Writes raw bytes to the server and reads until it closes the connection. */
const exchange = (port: number, request: string): Effect.Effect<string, Error> =>
  Effect.async((resume) => {
    let answer = ""
    const socket = Net.connect(port, "127.0.0.1", () => socket.write(request))
    socket.on("data", (chunk) => {
      answer += chunk
    })
    socket.on("error", (error) => resume(Effect.fail(error)))
    socket.on("close", () => resume(Effect.succeed(answer)))
  })
