import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AuditCheckpoints } from "../../src/AuditLog.ts"
import { AgentFailure } from "../../src/Domain/Agent.ts"
import { HttpLive } from "../../src/Http.ts"
import { NamedPolicies } from "../../src/PolicyGate.ts"
import { scriptedAgent, testRuntime } from "../../src/testing.ts"
import { TestServer } from "../support/TestServer.ts"

const agents = {
  echo: scriptedAgent({ answers: "ok" }),
  broken: () => new AgentFailure({ kind: "permanent", message: "it broke" }),
  endless: () => Effect.never
}

const policies = Layer.succeed(NamedPolicies, { policies: new Map([["office-hours", {}]]) })

/** The API over the real engine, on a free port and the real clock. */
const service = (scheduler: { readonly timezone?: string } = {}) =>
  HttpLive.pipe(
    Layer.provide(AuditCheckpoints.layer),
    Layer.provideMerge(TestServer),
    Layer.provideMerge(testRuntime({ agents, settings: { scheduler } })),
    Layer.provide(policies)
  )

type Method = "GET" | "POST" | "PUT" | "DELETE"

interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: what the wire says is what is tested
  readonly body: any
}

const send = (method: Method, path: string, body?: unknown): Effect.Effect<Answer, never, HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const request = HttpClientRequest.make(method)(path).pipe(
      HttpClientRequest.setHeader("content-type", "application/json"),
      body === undefined ? (same) => same : HttpClientRequest.bodyUnsafeJson(body)
    )
    const response = yield* client.execute(request)
    return { status: response.status, body: yield* response.json }
  }).pipe(Effect.scoped, Effect.orDie)

const ask = (method: Method, path: string, body?: unknown) => send(method, `/compat/api/v1${path}`, body)

const add = (fields: object = {}) =>
  ask("POST", "/schedules", { name: "a", cron_expression: "0 9 * * *", agent_name: "echo", ...fields })

const keys = (value: object) => Object.keys(value).sort()

const detailKeys = [
  ...["created_at", "cron_expression", "enabled", "failure_count", "job_id", "last_run", "name", "next_run"],
  ...["one_shot", "run_count", "status", "timezone", "updated_at"]
]

describe("the dialect of the published SDKs", () => {
  it.live("answers its errors by the status of what is wrong, under its own codes and keys", () =>
    Effect.gen(function* () {
      const refusals = [
        [{ cron_expression: "61 * * * *" }, 400, "CREATE_SCHEDULE_FAILED", "cron_expression"],
        [{ timezone: "Mars/Olympus" }, 400, "CREATE_SCHEDULE_FAILED", "timezone"],
        [{ name: "" }, 400, "CREATE_SCHEDULE_FAILED", "name"],
        [{ agent_name: "" }, 400, "CREATE_SCHEDULE_FAILED", "agent_name"],
        [{ cron_expression: "@at 2020-01-01T00:00:00Z" }, 400, "CREATE_SCHEDULE_FAILED", "cron_expression"],
        [{ policy_ids: ["nobody"] }, 400, "CREATE_SCHEDULE_FAILED", "policy_ids.0"],
        [{ policy_ids: ["office-hours", "more"] }, 400, "CREATE_SCHEDULE_FAILED", "policy_ids"],
        [{ one_shot: "yes" }, 400, "INVALID_REQUEST", "one_shot"],
        [{ agent_name: undefined }, 400, "INVALID_REQUEST", "agent_name"]
      ] as const
      for (const [fields, status, code, path] of refusals) {
        const refused = yield* add(fields)
        assert.deepStrictEqual([refused.status, refused.body.code], [status, code], JSON.stringify(refused.body))
        assert.deepStrictEqual(keys(refused.body), ["code", "details", "error"])
        assert.strictEqual(refused.body.details[0].path, path, JSON.stringify(refused.body))
        assert.include(refused.body.error, `${path}: `)
      }
      assert.deepStrictEqual((yield* ask("GET", "/schedules")).body, [])

      const unknown = [
        ["GET", "", undefined, "SCHEDULE_NOT_FOUND"],
        ["PUT", "", { timezone: "UTC" }, "UPDATE_SCHEDULE_FAILED"],
        ["DELETE", "", undefined, "SCHEDULE_NOT_FOUND"],
        ["POST", "/pause", undefined, "SCHEDULE_PAUSE_FAILED"],
        ["POST", "/resume", undefined, "SCHEDULE_RESUME_FAILED"],
        ["POST", "/trigger", undefined, "SCHEDULE_TRIGGER_FAILED"],
        ["GET", "/next-runs", undefined, "SCHEDULE_NEXT_RUNS_FAILED"]
      ] as const
      for (const [method, path, body, code] of unknown) {
        const answer = yield* ask(method, `/schedules/nowhere${path}`, body)
        assert.deepStrictEqual([answer.status, answer.body.code], [404, code], `${method} ${path}`)
        assert.include(answer.body.error, `"nowhere"`)
      }
      const history = yield* ask("GET", "/schedules/nowhere/history?limit=5")
      assert.deepStrictEqual([history.status, history.body], [200, { job_id: "nowhere", history: [] }])

      yield* add()
      assert.deepInclude(yield* Effect.map(add(), ({ body, status }) => ({ status, code: body.code })), {
        status: 409,
        code: "CREATE_SCHEDULE_FAILED"
      })
      for (const [body, path] of [
        [{ cron_expression: "* * * *" }, "cron_expression"],
        [{ timezone: "Mars/Olympus" }, "timezone"],
        [{ policy_ids: ["nobody"] }, "policy_ids.0"]
      ] as const) {
        const refused = yield* ask("PUT", "/schedules/a", body)
        assert.deepStrictEqual([refused.status, refused.body.code], [400, "UPDATE_SCHEDULE_FAILED"])
        assert.strictEqual(refused.body.details[0].path, path, JSON.stringify(refused.body))
      }
      assert.strictEqual((yield* ask("GET", "/schedules/a")).body.cron_expression, "0 9 * * *")
    }).pipe(Effect.provide(service()))
  )

  it.live("ignores keys and queries that it does not know, and takes null for absent", () =>
    Effect.gen(function* () {
      const created = yield* add({ timezone: null, policy_ids: null, one_shot: null, priority: "high" })
      assert.strictEqual(created.status, 201)
      assert.strictEqual((yield* ask("PUT", "/schedules/a", { cron_expression: null, colour: "red" })).status, 200)
      for (const query of ["?limit=soon", "?limit=0", "?limit=-1", "?count=", "?x=y"]) {
        assert.strictEqual((yield* ask("GET", `/schedules/a/history${query}`)).status, 200, query)
        assert.strictEqual((yield* ask("GET", `/schedules/a/next-runs${query}`)).body.next_runs.length, 10, query)
      }
      assert.strictEqual((yield* ask("GET", "/schedules/a/next-runs?count=3")).body.next_runs.length, 3)
      assert.strictEqual((yield* ask("GET", "/schedules/a/next-runs?count=1&count=2")).body.next_runs.length, 1)
      assert.strictEqual((yield* ask("GET", "/schedules/a/history?limit=1&limit=2")).status, 200)
    }).pipe(Effect.provide(service()))
  )

  it.live("has UTC for its zone whatever the service's own, and the service's for jobs made elsewhere", () =>
    Effect.gen(function* () {
      yield* add()
      yield* send("POST", "/api/v1/schedule", { name: "b", agent_id: "echo", every: "90s" })
      yield* send("POST", "/api/v1/schedule", { name: "c", agent_id: "echo", at: "2099-01-01T00:00:00Z" })
      const { body } = yield* ask("GET", "/schedules")
      assert.deepStrictEqual(
        body.map(({ cron_expression, name, timezone }: Record<string, string>) => [name, timezone, cron_expression]),
        [
          ["a", "UTC", "0 9 * * *"],
          ["b", "Asia/Tokyo", "@every 90s"],
          ["c", "Asia/Tokyo", "@at 2099-01-01T00:00:00Z"]
        ]
      )
      const same = yield* ask("PUT", "/schedules/c", { cron_expression: "@at 2099-01-01T00:00:00Z" })
      assert.deepInclude(same.body, { one_shot: true, next_run: "2099-01-01T00:00:00.000Z" })
      const refused = yield* ask("PUT", "/schedules/c", { one_shot: false })
      assert.deepStrictEqual([refused.status, refused.body.details[0].path], [400, "one_shot"])
      const hourly = yield* ask("PUT", "/schedules/c", { cron_expression: "0 * * * *", one_shot: false })
      assert.deepInclude(hourly.body, { one_shot: false, cron_expression: "0 * * * *", status: "active" })
    }).pipe(Effect.provide(service({ timezone: "Asia/Tokyo" })))
  )

  it.live("keeps an expression together with one_shot, through edits and in the main API", () =>
    Effect.gen(function* () {
      const { body: created } = yield* add({ one_shot: true })
      const { body: shown } = yield* ask("GET", "/schedules/a")
      assert.deepStrictEqual(keys(shown), detailKeys)
      assert.deepInclude(shown, { one_shot: true, cron_expression: "0 9 * * *", next_run: created.next_run })
      assert.deepStrictEqual((yield* ask("GET", "/schedules/a/next-runs")).body.next_runs, [created.next_run])
      const { body: moved } = yield* ask("PUT", "/schedules/a", { cron_expression: "0 10 * * *" })
      assert.deepInclude(moved, { one_shot: true, cron_expression: "0 10 * * *" })
      assert.deepInclude((yield* send("GET", "/api/v1/schedule/a")).body, { one_shot: true, cron_expr: "0 10 * * *" })
      const { body: recurring } = yield* ask("PUT", "/schedules/a", { one_shot: false })
      assert.strictEqual(recurring.one_shot, false)
      assert.strictEqual((yield* ask("GET", "/schedules/a/next-runs")).body.next_runs.length, 10)
      const { body: audit } = yield* send("GET", "/api/v1/audit?type=CronJobUpdated")
      assert.deepStrictEqual(
        audit.map(({ actor, after, before }: Record<string, unknown>) => [actor, before, after]),
        [
          ["api", { one_shot: true }, {}],
          ["api", { cron_expr: "0 9 * * *" }, { cron_expr: "0 10 * * *" }]
        ]
      )
    }).pipe(Effect.provide(service()))
  )

  it.live("knows a policy by its name, and clears it", () =>
    Effect.gen(function* () {
      yield* add({ policy_ids: ["office-hours"] })
      assert.strictEqual((yield* send("GET", "/api/v1/schedule/a")).body.policy_ref, "office-hours")
      yield* ask("PUT", "/schedules/a", { timezone: "Asia/Tokyo" })
      assert.strictEqual((yield* send("GET", "/api/v1/schedule/a")).body.policy_ref, "office-hours")
      yield* ask("PUT", "/schedules/a", { policy_ids: [] })
      assert.notProperty((yield* send("GET", "/api/v1/schedule/a")).body, "policy_ref")
    }).pipe(Effect.provide(service()))
  )

  it.live("counts all runs of a job, and those that failed", () =>
    Effect.gen(function* () {
      yield* add({ agent_name: "broken" })
      const history = (wanted: number) =>
        Effect.repeat(ask("GET", "/schedules/a/history"), {
          until: ({ body }): boolean =>
            body.history.length === wanted && body.history.every((run: { status: string }) => run.status === "failed")
        })
      for (const wanted of [1, 2]) {
        assert.deepStrictEqual((yield* ask("POST", "/schedules/a/trigger")).body.status, "triggered")
        const { body } = yield* history(wanted)
        assert.deepStrictEqual(keys(body), ["history", "job_id"])
        assert.deepInclude(body.history[0], { status: "failed", error: "it broke" })
      }
      assert.strictEqual((yield* ask("GET", "/schedules/a/history?limit=1")).body.history.length, 1)
      assert.deepInclude((yield* ask("GET", "/schedules/a")).body, { run_count: 2, failure_count: 2 })
      assert.strictEqual((yield* ask("GET", "/schedules")).body[0].run_count, 2)
      const health = (yield* ask("GET", "/health/scheduler")).body
      assert.deepInclude(health, { runs_total: 2, runs_succeeded: 0, runs_failed: 2, jobs_total: 1, is_running: true })
      assert.isAtLeast(health.longest_run_ms, 0)
    }).pipe(Effect.provide(service()))
  )

  it.live("refuses what the job's state does not allow", () =>
    Effect.gen(function* () {
      yield* add({ agent_name: "endless" })
      assert.strictEqual((yield* ask("POST", "/schedules/a/trigger")).status, 200)
      const busy = yield* ask("POST", "/schedules/a/trigger")
      assert.deepStrictEqual([busy.status, busy.body.code], [409, "SCHEDULE_TRIGGER_FAILED"])
      assert.strictEqual((yield* ask("GET", "/health/scheduler")).body.global_active_runs, 1)
      const paused = yield* ask("POST", "/schedules/a/pause")
      assert.deepInclude(paused.body, { action: "pause", status: "paused" })
      assert.deepInclude((yield* ask("GET", "/schedules/a")).body, { enabled: false, next_run: null })
      assert.deepStrictEqual((yield* ask("GET", "/schedules/a/next-runs")).body.next_runs, [])
    }).pipe(Effect.provide(service()))
  )

  it.live("lists everything, as it knows no pages", () =>
    Effect.gen(function* () {
      const block = (n: number) => `schedule { name: "job-${n}" agent: "echo" cron: "0 9 * * *" }`
      const text = Array.from({ length: 1_201 }, (_, n) => block(n)).join("\n")
      const applied = yield* send("POST", "/api/v1/apply", { files: [{ path: "/elsewhere/agents/many.symbi", text }] })
      assert.strictEqual(applied.status, 200, JSON.stringify(applied.body).slice(0, 400))
      const { body } = yield* ask("GET", "/schedules")
      assert.deepStrictEqual(
        body.map(({ name }: { name: string }) => name),
        Array.from({ length: 1_201 }, (_, n) => `job-${n}`)
      )
    }).pipe(Effect.provide(service()))
  )
})
