import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpServer from "@effect/platform/HttpServer"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AuditCheckpoints } from "../src/AuditLog.ts"
import { AgentFailure } from "../src/Domain/Agent.ts"
import { HttpLive } from "../src/Http.ts"
import { scriptedAgent, storeInFile, testRuntime } from "../src/testing.ts"
import { symbi } from "./support/Symbi.ts"
import { TestServer } from "./support/TestServer.ts"

const agents = {
  echo: scriptedAgent({ answers: ({ input }) => `got ${input}` }),
  endless: () => Effect.never,
  broken: () => new AgentFailure({ kind: "permanent", message: "it broke" })
}

/** The API over the real engine, on a free port and the real clock. */
const service = (options: Parameters<typeof testRuntime>[0] = {}) =>
  HttpLive.pipe(
    Layer.provide(AuditCheckpoints.layer),
    Layer.provideMerge(TestServer),
    Layer.provideMerge(testRuntime({ agents, ...options }))
  )

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  // biome-ignore lint/suspicious/noExplicitAny: what the wire says is what is tested
  readonly body: any
}

const ask = (
  method: "GET" | "POST" | "PUT" | "DELETE",
  path: string,
  body?: unknown,
  headers: Record<string, string> = {}
): Effect.Effect<Answer, never, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const request = HttpClientRequest.make(method)(`/api/v1${path}`).pipe(
      HttpClientRequest.setHeaders(headers),
      body === undefined ? (same) => same : HttpClientRequest.bodyUnsafeJson(body)
    )
    const response = yield* client.execute(request)
    return { status: response.status, headers: response.headers, body: yield* response.json }
  }).pipe(Effect.scoped, Effect.orDie)

const add = (name: string, fields: object = {}) =>
  ask("POST", "/schedule", { name, agent_id: "echo", cron_expr: "0 0 1 1 *", delivery: [], ...fields })

/** Asks until the answer is as wanted; the test's own time limit is the bound. */
const until = (path: string, wanted: (body: Answer["body"]) => boolean) =>
  Effect.repeat(ask("GET", path), { until: ({ body }) => wanted(body) })

const ended = (run: Answer) =>
  until(`/runs/${run.body.id}`, ({ status }) => status !== "running" && status !== "pending")

describe("the API over the real engine", () => {
  it.live("refuses what it could not show again, and stores nothing of it", () =>
    Effect.gen(function* () {
      for (const fields of [
        { cron_expr: undefined, every: "9999999d" },
        { cron_expr: undefined, at: "9999-12-31T23:59:59-23:00" },
        { policy: { require_approval: true, approval_timeout: "9999999d" } }
      ]) {
        const refused = yield* add("far", fields)
        assert.strictEqual(refused.status, 400, JSON.stringify(fields))
        assert.match(JSON.stringify(refused.body), /36500d|0000 to 9999/)
      }
      for (const expiry of [{ expires_in: "9999999d" }, { expires_at: "9999-12-31T23:59:59-23:00" }]) {
        assert.strictEqual((yield* ask("POST", "/keys", { name: "ops", scopes: ["admin"], ...expiry })).status, 400)
      }
      assert.deepStrictEqual((yield* ask("GET", "/schedule")).body, [])
      assert.deepStrictEqual((yield* ask("GET", "/keys")).body, [])
    }).pipe(Effect.provide(service()))
  )

  it.live("writes into the audit log who ran an agent by hand", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* ask("POST", "/agents/echo/run", { input: "x" })).status, 200)
      const { body } = yield* ask("GET", "/audit?type=AgentInvoked")
      assert.deepStrictEqual([body.length, body[0].actor, body[0].after], [1, "api", { agent_id: "echo" }])
    }).pipe(Effect.provide(service()))
  )

  it.live("counts active, paused and running jobs truly", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 18; n++) yield* add(`job-${n}`, { agent_id: n < 2 ? "endless" : "echo" })
      for (const n of [15, 16, 17]) yield* ask("POST", `/schedule/job-${n}/pause`)
      for (const n of [0, 1]) assert.strictEqual((yield* ask("POST", `/schedule/job-${n}/run`)).body.status, "running")
      const { body, status } = yield* ask("GET", "/health/scheduler")
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(body, {
        status: "healthy",
        active_jobs: 15,
        paused_jobs: 3,
        in_flight_jobs: 2,
        metrics: { runs_total: 0, runs_succeeded: 0, runs_failed: 0, avg_execution_time_ms: 0 }
      })
    }).pipe(Effect.provide(service()))
  )

  it.live("keeps its totals over a restart: runs_total is succeeded and failed, by hand or by schedule", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const store = storeInFile(`${yield* fs.makeTempDirectoryScoped()}/data.db`)
      const totals = Effect.map(ask("GET", "/health/scheduler"), ({ body }) => body.metrics)
      yield* Effect.gen(function* () {
        yield* add("good")
        yield* add("bad", { agent_id: "broken" })
        yield* add("soon", { cron_expr: undefined, every: "1s", max_concurrent: 5 })
        yield* ended(yield* ask("POST", "/schedule/good/run", { input: "x" }))
        const failed = yield* ended(yield* ask("POST", "/schedule/bad/run"))
        assert.deepInclude(failed.body, { status: "failed", error_message: "it broke" })
        yield* until("/schedule/soon/history", (runs) => runs[0]?.status === "succeeded")
        yield* ask("POST", "/schedule/soon/pause")
        const { runs_failed, runs_succeeded, runs_total } = yield* totals
        assert.strictEqual(runs_failed, 1)
        assert.isAtLeast(runs_succeeded, 2)
        assert.strictEqual(runs_total, runs_succeeded + runs_failed)
      }).pipe(Effect.provide(service({ store })))
      yield* Effect.gen(function* () {
        const before = yield* totals
        assert.isAtLeast(before.runs_total, 3)
        yield* ended(yield* ask("POST", "/schedule/good/run"))
        assert.strictEqual((yield* totals).runs_total, before.runs_total + 1)
      }).pipe(Effect.provide(service({ store })))
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )

  it.live("changes only what a PUT names, refuses an old version, and keeps history past a delete", () =>
    Effect.gen(function* () {
      const created = yield* add("report", { labels: ["ops"], cron_expr: "0 * * * *" })
      assert.strictEqual(created.status, 201)
      assert.strictEqual(created.headers["location"], `/api/v1/schedule/${created.body.id}`)
      const run = yield* ended(yield* ask("POST", "/schedule/report/run", { input: "Check production database" }))
      assert.strictEqual(run.body.output, "got Check production database")

      const changed = yield* ask(
        "PUT",
        "/schedule/report",
        { cron_expr: "0 */2 * * *" },
        { "if-match": created.headers["etag"] ?? "" }
      )
      assert.strictEqual(changed.status, 200)
      assert.deepInclude(changed.body, { id: created.body.id, cron_expr: "0 */2 * * *", labels: ["ops"] })
      assert.strictEqual(new Date(changed.body.next_run).getUTCHours() % 2, 0)
      const stale = yield* ask("PUT", "/schedule/report", { labels: [] }, { "if-match": created.headers["etag"] ?? "" })
      assert.strictEqual(stale.status, 412)
      const next = yield* ask("GET", "/schedule/report/next_run")
      assert.deepStrictEqual(next.body, { next_run: changed.body.next_run })

      assert.deepStrictEqual((yield* ask("DELETE", "/schedule/report")).body, { id: created.body.id, deleted: true })
      assert.strictEqual((yield* ask("DELETE", "/schedule/report")).status, 404)
      assert.strictEqual((yield* ask("GET", `/runs/${run.body.id}`)).body.status, "succeeded")
    }).pipe(Effect.provide(service()))
  )

  it.live("backfills past slots once, and says which there are", () =>
    Effect.gen(function* () {
      const { body: job } = yield* add("hourly", { cron_expr: "0 * * * *", timezone: "Asia/Tokyo", input: "again" })
      const range = { from: "2026-01-15T09:00", to: "2026-01-15T12:00+09:00" }
      const backfill = (body: object) => ask("POST", "/schedule/hourly/backfill", body)
      const dry = yield* backfill({ ...range, dry_run: true })
      assert.strictEqual(dry.status, 202)
      assert.deepStrictEqual(dry.body, {
        job_id: job.id,
        job_name: "hourly",
        timezone: "Asia/Tokyo",
        from: "2026-01-15T00:00:00.000Z",
        to: "2026-01-15T03:00:00.000Z",
        dry_run: true,
        slots: 3,
        pruned: 0,
        already: 0,
        runs: [0, 1, 2].map((n) => ({ id: null, scheduled_for: `2026-01-15T0${n}:00:00.000Z`, status: "pending" }))
      })
      assert.deepStrictEqual((yield* ask("GET", "/schedule/hourly/history")).body, [])

      const asked = yield* backfill(range)
      assert.strictEqual(asked.status, 202)
      assert.deepInclude(asked.body, { dry_run: false, slots: 3, already: 0 })
      assert.deepStrictEqual(
        asked.body.runs.map((run: { scheduled_for: string }) => run.scheduled_for),
        dry.body.runs.map((run: { scheduled_for: string }) => run.scheduled_for)
      )
      const { body: runs } = yield* until("/schedule/hourly/history", (found) =>
        found.every((run: { status: string }) => run.status === "succeeded")
      )
      assert.deepStrictEqual(
        runs.map((run: { id: string; trigger: string; input: string }) => [run.id, run.trigger, run.input]),
        asked.body.runs.map(({ id }: { id: string }) => [id, "backfill", "again"]).reverse()
      )
      assert.deepInclude((yield* backfill(range)).body, { slots: 3, already: 3, runs: [] })
      assert.deepInclude((yield* backfill({ ...range, all: true, dry_run: true })).body, { slots: 3, already: 0 })
      assert.isNull((yield* ask("GET", "/schedule/hourly")).body.last_run)
    }).pipe(Effect.provide(service()))
  )

  it.live("refuses a backfill that cannot be, by its key", () =>
    Effect.gen(function* () {
      yield* add("minutely", { cron_expr: "* * * * *" })
      const refusals = [
        [{}, "from"],
        [{ from: 5 }, "from"],
        [{ from: "soon" }, "from"],
        [{ from: "2026-01-15", to: "2026-13-01" }, "to"],
        [{ from: "2026-01-15", to: "2999-01-01" }, "to"],
        [{ from: "2026-01-15", to: "2026-01-15" }, "from"],
        [{ from: "2026-01-15T00:00Z", to: "2026-01-15T16:41Z" }, "from"],
        [{ from: "2026-01-15", dry_run: "yes" }, "dry_run"],
        [{ from: "2026-01-15", dryRun: true }, "dryRun"]
      ] as const
      for (const [body, path] of refusals) {
        const answer = yield* ask("POST", "/schedule/minutely/backfill", body)
        assert.strictEqual(answer.status, 400, JSON.stringify(body))
        assert.strictEqual(answer.body.details[0].path, path, JSON.stringify(answer.body))
      }
      const { body } = yield* ask("POST", "/schedule/minutely/backfill", refusals[6][0])
      assert.strictEqual(body.code, "INVALID_BACKFILL")
      assert.match(body.error, /^from: 1001 slots from \S+ to \S+, and one request may ask for 1000/)
      const unknown = yield* ask("POST", "/schedule/nobody/backfill", { from: "2026-01-15", to: "2026-01-16" })
      assert.deepStrictEqual([unknown.status, unknown.body.code], [404, "JOB_NOT_FOUND"])
      assert.deepStrictEqual((yield* ask("GET", "/schedule/minutely/history")).body, [])
    }).pipe(Effect.provide(service()))
  )

  it.live("stores nothing of a refused body", () =>
    Effect.gen(function* () {
      const refusals = [
        [{ cron_expr: "61 * * * *" }, "cron_expr"],
        [{ cron_expr: "0 0 30 2 *" }, "cron_expr"],
        [{ timezone: "Mars/Olympus" }, "timezone"],
        [{ delivery: ["pigeon"] }, "delivery.0"],
        [{ session_mode: "forever" }, "session_mode"],
        [{ delivery: ["webhook"] }, "webhook_url"],
        [{ every: "90s" }, ""],
        [{ cron_expr: undefined, at: "2020-01-01T00:00:00Z" }, "at"],
        [{ unknown_key: 1 }, "unknown_key"],
        [{ policy: { allowed_hours: { start: "04:00", end: "04:00" } } }, "policy.allowed_hours"]
      ] as const
      for (const [fields, path] of refusals) {
        const { body, status } = yield* add("refused", fields)
        assert.strictEqual(status, 400, JSON.stringify(fields))
        assert.isString(body.code)
        assert.include(
          body.details.map((detail: { path: string }) => detail.path),
          path,
          JSON.stringify(body)
        )
      }
      assert.deepStrictEqual((yield* ask("GET", "/schedule")).body, [])
    }).pipe(Effect.provide(service()))
  )

  it.live("tells of a shared session and clears it, but not under a run", () =>
    Effect.gen(function* () {
      yield* add("talk", { session_mode: "shared_persistent" })
      yield* ended(yield* ask("POST", "/schedule/talk/run", { input: "hello" }))
      const found = yield* ask("GET", "/schedule/talk/session")
      assert.strictEqual(found.status, 200)
      assert.deepInclude(found.body, { job_name: "talk", mode: "shared_persistent", turns: 2, bytes: 14 })
      assert.match(found.body.created_at, /^\d{4}-.*Z$/)
      const cleared = yield* ask("DELETE", "/schedule/talk/session")
      assert.strictEqual(cleared.status, 200)
      assert.deepInclude(cleared.body, { id: null, turns: 0, archived_bytes: 14 })
      assert.strictEqual((yield* ask("GET", "/schedule/nowhere/session")).status, 404)
      yield* add("busy", { session_mode: "shared_persistent", agent_id: "endless" })
      const run = yield* ask("POST", "/schedule/busy/run")
      yield* until(`/runs/${run.body.id}`, ({ status }) => status === "running")
      const refused = yield* ask("DELETE", "/schedule/busy/session")
      assert.deepStrictEqual([refused.status, refused.body.code], [409, "SESSION_IN_USE"])
      yield* ask("POST", `/runs/${run.body.id}/cancel`)
      const audit = yield* ask("GET", "/audit?type=SessionCleared")
      assert.deepInclude(audit.body[0], { actor: "api", job_name: "talk" })
    }).pipe(Effect.provide(service()))
  )

  it.live("is what the command line shows of it", () =>
    Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      const env = { SYMBI_SERVER: `http://127.0.0.1:${address._tag === "TcpAddress" ? address.port : ""}` }
      yield* add("talk", { session_mode: "shared_persistent" })
      yield* ended(yield* ask("POST", "/schedule/talk/run", { input: "hello" }))
      const shown = yield* symbi(["cron", "session", "talk"], { env })
      assert.match(shown.stdout, /^Job {7}talk\nMode {6}shared_persistent\nSession {3}ses_/)
      assert.include(shown.stdout, "Size      14 B of at most 1.0 MiB")
      const cleared = yield* symbi(["cron", "session", "talk", "--clear", "--format", "json"], { env })
      assert.deepInclude(JSON.parse(cleared.stdout), { turns: 0, archived_bytes: 14 })
      assert.strictEqual((yield* symbi(["cron", "session", "nowhere"], { env })).code, 3)
      // Row 184.
      assert.match((yield* symbi(["cron", "status", "talk"], { env })).stdout, /Context {3}5 B \(run_/)
    }).pipe(Effect.provide(service()))
  )
})
