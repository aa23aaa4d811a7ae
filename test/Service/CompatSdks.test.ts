import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { eventually, folderWith, type Service, startService } from "../support/Service.ts"

const key = "sdk-key-0123456789abcdef"

const started = Effect.gen(function* () {
  const folder = yield* folderWith({ "agents/echo.symbi": 'agent echo { command: ["cat"] }\n' })
  return yield* startService({ folder, env: { SYMBI_API_KEYS: key } })
})

interface Said {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: what the wire says is what is tested
  readonly body: any
}

/** As the JavaScript SDK asks: a JSON content type on every call, with a body or without. */
const js =
  (service: Service, secret = key) =>
  (method: string, path: string, body?: object): Effect.Effect<Said> =>
    Effect.promise(async () => {
      const answer = await fetch(`${service.url}/compat/api/v1${path}`, {
        method,
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${secret}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      })
      return { status: answer.status, body: await answer.json() }
    })

const keysOf = (value: object): string => Object.keys(value).sort().join()

const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/

const detail =
  "created_at,cron_expression,enabled,failure_count,job_id,last_run,name,next_run,one_shot,run_count,status,timezone,updated_at"

describe("the published SDKs against a running service", () => {
  it.scopedLive("JavaScript: its eleven calls", () =>
    Effect.gen(function* () {
      const service = yield* started
      const ask = js(service)
      const created = yield* ask("POST", "/schedules", {
        name: "Daily Report",
        cron_expression: "0 9 * * *",
        agent_name: "echo",
        timezone: "America/New_York"
      })
      assert.deepStrictEqual([created.status, keysOf(created.body)], [201, "job_id,next_run,status"])
      assert.strictEqual(created.body.status, "created")
      assert.match(created.body.next_run, instant)
      const job = `/schedules/${created.body.job_id}`

      const listed = yield* ask("GET", "/schedules")
      assert.strictEqual(listed.status, 200)
      assert.deepStrictEqual(listed.body, [
        {
          job_id: created.body.job_id,
          name: "Daily Report",
          cron_expression: "0 9 * * *",
          timezone: "America/New_York",
          status: "active",
          enabled: true,
          next_run: created.body.next_run,
          run_count: 0
        }
      ])

      const found = yield* ask("GET", job)
      assert.deepStrictEqual([found.status, keysOf(found.body)], [200, detail])
      assert.match(found.body.created_at, instant)
      const updated = yield* ask("PUT", job, { cron_expression: "0 */2 * * *" })
      assert.deepStrictEqual([updated.status, keysOf(updated.body)], [200, detail])
      assert.deepInclude(updated.body, { cron_expression: "0 */2 * * *", timezone: "America/New_York" })

      for (const [action, status] of [
        ["pause", "paused"],
        ["resume", "active"],
        ["trigger", "triggered"]
      ]) {
        const acted = yield* ask("POST", `${job}/${action}`)
        assert.deepStrictEqual(acted, { status: 200, body: { job_id: created.body.job_id, action, status } })
      }

      const history = yield* eventually(
        "the run's end",
        Effect.map(ask("GET", `${job}/history?limit=50`), (answer) =>
          answer.body.history[0]?.status === "succeeded" ? answer : undefined
        )
      )
      assert.deepStrictEqual([history.status, keysOf(history.body)], [200, "history,job_id"])
      assert.strictEqual(
        keysOf(history.body.history[0]),
        "completed_at,error,execution_time_ms,run_id,started_at,status"
      )
      assert.match(history.body.history[0].started_at, instant)
      assert.match(history.body.history[0].completed_at, instant)

      const next = yield* ask("GET", `${job}/next-runs?count=10`)
      assert.deepStrictEqual(
        [next.status, keysOf(next.body), next.body.next_runs.length],
        [200, "job_id,next_runs", 10]
      )
      assert.match(next.body.next_runs[0], instant)

      const health = yield* ask("GET", "/health/scheduler")
      assert.deepInclude(health.body, {
        is_running: true,
        store_accessible: true,
        jobs_total: 1,
        jobs_active: 1,
        jobs_paused: 0,
        jobs_dead_letter: 0,
        global_active_runs: 0,
        max_concurrent: 10,
        runs_total: 1,
        runs_succeeded: 1,
        runs_failed: 0
      })
      assert.strictEqual(Object.keys(health.body).length, 13)
      assert.strictEqual(health.body.longest_run_ms, health.body.average_execution_time_ms)
      assert.strictEqual((yield* ask("GET", job)).body.run_count, 1)

      const deleted = yield* ask("DELETE", job)
      assert.deepStrictEqual(deleted, { status: 200, body: { job_id: created.body.job_id, deleted: true } })
      assert.strictEqual((yield* ask("GET", job)).status, 404)

      const unkeyed = yield* js(service, "wrong")("GET", "/schedules")
      assert.deepStrictEqual([unkeyed.status, unkeyed.body.code], [401, "UNAUTHORIZED"])
    })
  )

  it.scopedLive("Python: its eleven calls, whose answers fit its dataclasses exactly", () =>
    Effect.gen(function* () {
      const service = yield* started
      const program = fileURLToPath(new URL("compatSdk.py", import.meta.url))
      const { stdout } = yield* Effect.promise(() =>
        promisify(execFile)("python3", [program, `${service.url}/compat/api/v1`, key])
      )
      const said = JSON.parse(stdout)
      assert.deepInclude(said.list[0], { name: "from python", cron_expression: "0 0 9 * * MON", run_count: 0 })
      assert.deepInclude(said.updated, { cron_expression: "*/15 * * * *", enabled: true, one_shot: false })
      assert.deepStrictEqual([said.paused.status, said.resumed.status], ["paused", "active"])
      assert.deepStrictEqual([said.history.length, said.next_runs.next_runs.length], [1, 10])
      assert.deepInclude(said.health, { is_running: true, jobs_active: 1 })
      assert.deepStrictEqual(said.deleted, { job_id: said.created.job_id, deleted: true })
    })
  )
})
