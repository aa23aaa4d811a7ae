import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { parsePrometheus, promtool, valueOf } from "../support/Prometheus.ts"
import { eventually, folderWith, type Service, startService } from "../support/Service.ts"

const example = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../examples/grafana/${name}`, import.meta.url)), "utf8")

const files = {
  "symbiont.toml": "[scheduler.budget]\nper_day = { runs = 1000 }\n",
  "agents/all.symbi": `
agent echo { command: ["cat"] }
agent broken { command: ["false"] }
agent slow { command: ["sleep", "30"] }
schedule { name: "soon" agent: "echo" every: "1s" delivery: ["log_file"] }
schedule { name: "quote\\" back\\\\slash 日本" agent: "echo" cron: "@yearly" delivery: ["log_file"] }
schedule { name: "dies" agent: "broken" cron: "@yearly" max_retries: 1 delivery: ["stdout"] }
schedule { name: "long" agent: "slow" cron: "@yearly" delivery: [] }
schedule { name: "asks" agent: "echo" cron: "@yearly" delivery: [] policy { require_approval: true } }
schedule { name: "shut" agent: "nobody" cron: "@yearly" delivery: [] }
`
}

const text = (service: Service) =>
  Effect.promise(async () => {
    const answer = await fetch(`${service.url}/metrics`)
    assert.strictEqual(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8")
    return answer.text()
  })

const scrape = (service: Service) =>
  Effect.map(text(service), (shown) => {
    const parsed = parsePrometheus(shown)
    assert.deepStrictEqual(parsed.complaints, [])
    return parsed.samples
  })

const awkward = 'quote" back\\slash 日本'

const runsOf = (job_name: string, status: string) => ["symbiont_cron_runs_total", { job_name, status }] as const

/** A service that has done a bit of everything; gives what its metrics then say. */
const busy = Effect.gen(function* () {
  const folder = yield* folderWith(files)
  const service = yield* startService({ folder })
  const run = (job_id: string) =>
    service.client.schedule.run({ path: { job_id }, payload: {}, headers: {}, urlParams: {} })
  yield* Effect.forEach([awkward, "dies", "shut", "asks"], run)
  const [waiting] = yield* eventually(
    "the approval",
    Effect.map(service.client.approvals.list({ urlParams: { state: "pending", limit: 10 } }), (all) =>
      all.length === 0 ? undefined : all
    )
  )
  yield* service.client.approvals.deny({
    path: { approval_id: waiting?.id ?? assert.fail("nobody is asked") },
    payload: {}
  })
  yield* Effect.promise(() => fetch(`${service.url}/api/v1/nothing/here`))
  yield* Effect.promise(() => fetch(`${service.url}/api/v1/schedule/soon`))
  const samples = yield* eventually(
    "the metrics of all that was done",
    Effect.map(scrape(service), (all) => {
      const seen = [
        runsOf("soon", "succeeded"),
        runsOf(awkward, "succeeded"),
        runsOf("dies", "failed"),
        runsOf("shut", "denied"),
        runsOf("asks", "denied"),
        ["symbiont_delivery_total", { channel: "log_file", state: "delivered" }] as const
      ].every(([name, labels]) => (valueOf(all, name, labels) ?? 0) >= 1)
      return seen ? all : undefined
    })
  )
  return { service, run, samples }
})

describe("the metrics of a service at work", () => {
  it.scopedLive("are the guide's and more, true, and without complaint", () =>
    Effect.gen(function* () {
      const { run, samples, service } = yield* busy
      const value = (name: string, labels: Record<string, string> = {}) => valueOf(samples, name, labels)
      assert.strictEqual(value("symbiont_cron_dead_letter_total", { job_name: "dies" }), 1)
      assert.strictEqual(value("symbiont_jobs", { status: "dead_letter" }), 1)
      assert.strictEqual(value("symbiont_policy_denials_total", { code: "unknown_agent" }), 1)
      assert.strictEqual(value("symbiont_policy_denials_total", { code: "approval_denied" }), 1)
      assert.strictEqual(value("symbiont_approvals_decided_total", { state: "denied" }), 1)
      assert.isAtLeast(value("symbiont_run_start_lateness_seconds_count") ?? 0, 1)
      const http = "symbiont_http_requests_total"
      assert.strictEqual(value(http, { method: "GET", route: "none", status: "404" }), 1)
      assert.strictEqual(value(http, { method: "GET", route: "/api/v1/schedule/:job_id", status: "200" }), 1)
      assert.strictEqual(value(http, { method: "POST", route: "/api/v1/schedule/:job_id/run", status: "202" }), 4)
      assert.isAbove(value("symbiont_budget_used_ratio", { budget: "service", period: "day", unit: "runs" }) ?? 0, 0)
      assert.isAbove(value("process_resident_memory_bytes") ?? 0, 10_000_000)
      assert.isAbove(value("process_cpu_seconds_total") ?? 0, 0)
      assert.closeTo(value("process_start_time_seconds") ?? 0, Date.now() / 1_000, 600)
      assert.isAtLeast(value("symbiont_store_writes_total") ?? 0, value("symbiont_store_commits_total") ?? 1)
      for (const { name, value } of samples.filter((one) => one.name === "symbiont_invariant_violations")) {
        assert.strictEqual(value, 0, name)
      }

      yield* run("long")
      const inFlight = Effect.map(scrape(service), (all) => {
        const others = valueOf(all, "symbiont_cron_in_flight_jobs", {}) ?? 0
        return others >= 1 ? true : undefined
      })
      yield* eventually("the long run in flight", inFlight)

      const checked = promtool(["check", "metrics"], yield* text(service))
      if (checked !== null) assert.deepStrictEqual(checked, { ok: true, said: "" })
    })
  )

  it.scopedLive("count the ends of runs that wait while their job is changed or deleted, and drop the deleted", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ "agents/all.symbi": files["agents/all.symbi"] })
      const service = yield* startService({ folder })
      const { client } = service
      const path = { job_id: "asks" }
      const ask = Effect.gen(function* () {
        yield* client.schedule.run({ path, payload: {}, headers: {}, urlParams: {} })
        yield* eventually(
          "the approval",
          Effect.map(client.approvals.list({ urlParams: { state: "pending", limit: 10 } }), (all) => all[0])
        )
      })
      yield* ask
      yield* Effect.promise(() =>
        fetch(`${service.url}/api/v1/schedule/asks`, {
          method: "PUT",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ agent_id: "broken" })
        })
      )
      const after = yield* scrape(service)
      assert.strictEqual(valueOf(after, ...runsOf("asks", "denied")), 1)
      assert.strictEqual(valueOf(after, "symbiont_approvals_decided_total", { state: "voided" }), 1)
      yield* ask
      yield* client.schedule.remove({ path })
      const gone = yield* scrape(service)
      assert.strictEqual(valueOf(gone, "symbiont_approvals_decided_total", { state: "voided" }), 2)
      assert.notInclude(JSON.stringify(gone), '"asks"')
    })
  )

  it.scopedLive("are all that the dashboard and the alerts ask for", () =>
    Effect.gen(function* () {
      const { service } = yield* busy
      const shown = parsePrometheus(yield* text(service))
      const names = new Set([...shown.types.keys(), ...shown.samples.map(({ name }) => name)])
      for (const file of ["dashboard.json", "alerts.yml"]) {
        const asked = new Set(example(file).match(/\b(?:symbiont|process)_[a-z_]+\b/g) ?? [])
        assert.isAbove(asked.size, 5, file)
        // Nobody spent anything here.
        for (const name of [...asked].filter((one) => !/^symbiont_agent_(tokens|cost_usd)_total$/.test(one))) {
          assert.isTrue(names.has(name), `${file} asks for ${name}`)
        }
      }
      const page = readFileSync(fileURLToPath(new URL("../../docs/monitoring.md", import.meta.url)), "utf8")
      const listed = [...page.matchAll(/^\| `((?:symbiont|process)_\w+)` \| (\w+) \|/gm)]
      assert.isAbove(listed.length, 20)
      const told = new Map(listed.map(([, name = "", type = ""]) => [name, type]))
      for (const [name, type] of shown.types) assert.strictEqual(told.get(name), type, `docs/monitoring.md: ${name}`)
      const dashboard: { panels: ReadonlyArray<{ type: string; title: string; id: number }> } = JSON.parse(
        example("dashboard.json")
      )
      assert.deepStrictEqual(
        dashboard.panels.filter(({ type }) => type === "row").map(({ title }) => title),
        ["Runs", "Lateness", "Failures", "Deliveries", "Spend", "Process"]
      )
      assert.strictEqual(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length)
      const checked = promtool([
        "check",
        "rules",
        fileURLToPath(new URL("../../examples/grafana/alerts.yml", import.meta.url))
      ])
      if (checked !== null) assert.isTrue(checked.ok, checked.said)
    })
  )
})
