import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import {
  countRequest,
  type EndedRun,
  inFlightGauge,
  Metrics,
  MetricsEnabled,
  makeMetrics,
  maxJobLabels,
  recordApproval,
  recordDeadLetter,
  recordDelivery,
  recordLook,
  recordRun,
  recordSpent,
  recordStarts,
  renderPrometheus
} from "../src/Observability.ts"
import { parsePrometheus, valueOf } from "./support/Prometheus.ts"

const scrape = Effect.map(Metrics, (metrics) => {
  const parsed = parsePrometheus(renderPrometheus(metrics.families()))
  assert.deepStrictEqual(parsed.complaints, [])
  return parsed
})

const ended = (job_name: string, fields: Partial<EndedRun> = {}) =>
  recordRun({ job_name, status: "succeeded", execution_time_ms: 1_234, reason: null, saved: null, ...fields })

const runsOf = (job_name: string, status = "succeeded") =>
  Effect.map(scrape, ({ samples }) => valueOf(samples, "symbiont_cron_runs_total", { job_name, status }))

/** Each test counts into metrics of its own. */
const alone = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => Effect.provideService(effect, Metrics, makeMetrics()))

describe("metrics", () => {
  it.effect("have the guide's names, types and labels", () =>
    Effect.gen(function* () {
      const job_name = "report"
      yield* ended(job_name)
      yield* ended(job_name, { execution_time_ms: 20 })
      yield* ended(job_name, { status: "failed", execution_time_ms: 70_000 })
      ;(yield* inFlightGauge)(3)
      yield* recordDeadLetter("flaky")
      const { samples, types } = yield* scrape
      const value = (name: string, labels: Record<string, string>) => valueOf(samples, name, labels)
      assert.strictEqual(value("symbiont_cron_runs_total", { job_name, status: "succeeded" }), 2)
      assert.strictEqual(value("symbiont_cron_runs_total", { job_name, status: "failed" }), 1)
      assert.strictEqual(value("symbiont_cron_in_flight_jobs", {}), 3)
      assert.strictEqual(value("symbiont_cron_dead_letter_total", { job_name: "flaky" }), 1)
      const duration = "symbiont_cron_execution_duration_seconds"
      assert.strictEqual(value(`${duration}_bucket`, { job_name, le: "0.01" }), 0)
      assert.strictEqual(value(`${duration}_bucket`, { job_name, le: "0.05" }), 1)
      assert.strictEqual(value(`${duration}_bucket`, { job_name, le: "60" }), 2)
      assert.strictEqual(value(`${duration}_bucket`, { job_name, le: "+Inf" }), 3)
      assert.strictEqual(value(`${duration}_count`, { job_name }), 3)
      assert.closeTo(value(`${duration}_sum`, { job_name }) ?? 0, 71.254, 1e-9)
      assert.deepInclude(Object.fromEntries(types), {
        symbiont_cron_dead_letter_total: "counter",
        [duration]: "histogram",
        symbiont_cron_in_flight_jobs: "gauge",
        symbiont_cron_runs_total: "counter"
      })
    }).pipe(alone)
  )

  it.effect("count what else happens", () =>
    Effect.gen(function* () {
      yield* recordLook
      yield* recordStarts([40, -3])
      yield* recordSpent("writer", { input_tokens: 300, output_tokens: 40, cost_usd: 0.25 })
      yield* recordSpent("writer", { input_tokens: 1, output_tokens: 2 })
      yield* recordApproval("denied")
      yield* recordDelivery("log_file", "delivered")
      yield* recordDelivery("custom:pager", "dead")
      yield* ended("shut", { status: "denied", reason: { code: "hours", text: "not at night" } })
      yield* ended("same", { status: "skipped", saved: { input_tokens: 300, output_tokens: 40 } })
      countRequest(yield* Metrics, { method: "GET", route: "/api/v1/schedule/:job_id", status: 404, seconds: 0.003 })
      const { samples } = yield* scrape
      const value = (name: string, labels: Record<string, string> = {}) => valueOf(samples, `symbiont_${name}`, labels)
      assert.strictEqual(value("scheduler_looks_total"), 1)
      assert.strictEqual(value("run_start_lateness_seconds_bucket", { le: "0.025" }), 1)
      assert.strictEqual(value("run_start_lateness_seconds_sum"), 0.04)
      assert.strictEqual(value("agent_tokens_total", { agent_id: "writer", direction: "input" }), 301)
      assert.strictEqual(value("agent_tokens_total", { agent_id: "writer", direction: "output" }), 42)
      assert.strictEqual(value("agent_cost_usd_total", { agent_id: "writer" }), 0.25)
      assert.strictEqual(value("approvals_decided_total", { state: "denied" }), 1)
      assert.strictEqual(value("delivery_total", { channel: "log_file", state: "delivered" }), 1)
      assert.strictEqual(value("delivery_total", { channel: "custom", state: "dead" }), 1)
      assert.strictEqual(value("policy_denials_total", { code: "hours" }), 1)
      assert.strictEqual(value("gate_saved_tokens_total"), 340)
      const request = { method: "GET", route: "/api/v1/schedule/:job_id" }
      assert.strictEqual(value("http_requests_total", { ...request, status: "404" }), 1)
      assert.strictEqual(value("http_request_duration_seconds_bucket", { ...request, le: "0.0025" }), 0)
      assert.strictEqual(value("http_request_duration_seconds_bucket", { ...request, le: "0.005" }), 1)
    }).pipe(alone)
  )

  it.effect("survive any job name", () =>
    Effect.gen(function* () {
      const names = new Set([
        `quote " backslash \\ both \\"`,
        "newline\nin the name",
        "literally \\n",
        "日本 𝄞 {}=,",
        "carriage\rreturn",
        ...fc.sample(fc.string({ unit: "grapheme", minLength: 1 }), 50)
      ])
      yield* Effect.forEach(names, (name) => ended(name))
      for (const name of names) assert.strictEqual(yield* runsOf(name), 1, name)
    }).pipe(alone)
  )

  it.effect("count runs without a time, and only there", () =>
    Effect.gen(function* () {
      yield* ended("unstarted", { execution_time_ms: null })
      assert.strictEqual(yield* runsOf("unstarted"), 1)
      const { types } = yield* scrape
      assert.isFalse(types.has("symbiont_cron_execution_duration_seconds"))
    }).pipe(alone)
  )

  it.effect("give at most 1,000 jobs a series of their own, and room to others once some are deleted", () =>
    Effect.gen(function* () {
      const { jobs } = yield* Metrics
      const names = Array.from({ length: maxJobLabels }, (_, n) => `job-${n}`)
      yield* Effect.forEach([...names, "one-too-many", "another", "job-0"], (name) => ended(name))
      assert.deepStrictEqual(
        [yield* runsOf("job-0"), yield* runsOf("another"), yield* runsOf("other")],
        [2, undefined, 2]
      )
      jobs.keep(new Set(names.slice(1)))
      assert.isUndefined(yield* runsOf("job-0"))
      yield* ended("another")
      assert.deepStrictEqual([yield* runsOf("another"), yield* runsOf("other")], [1, 2])
    }).pipe(alone)
  )

  it.effect("of a deleted job are dropped; a name that comes back goes on where it stood", () =>
    Effect.gen(function* () {
      const { jobs } = yield* Metrics
      yield* ended("back-again")
      yield* recordDeadLetter("back-again")
      jobs.keep(new Set())
      assert.notInclude(renderPrometheus((yield* Metrics).families()), "back-again")
      yield* ended("back-again", { execution_time_ms: 5 })
      const { samples } = yield* scrape
      const job_name = "back-again"
      assert.strictEqual(valueOf(samples, "symbiont_cron_runs_total", { job_name, status: "succeeded" }), 2)
      assert.strictEqual(valueOf(samples, "symbiont_cron_execution_duration_seconds_count", { job_name }), 2)
      assert.strictEqual(valueOf(samples, "symbiont_cron_dead_letter_total", { job_name }), 1)
    }).pipe(alone)
  )

  it.effect("hold no more than 2,000 names, however many jobs come and go", () =>
    Effect.gen(function* () {
      const { jobs } = yield* Metrics
      for (let round = 0; round < 5; round++) {
        yield* Effect.forEach(
          Array.from({ length: maxJobLabels }, (_, n) => `r${round}-${n}`),
          (name) => ended(name)
        )
        jobs.keep(new Set())
      }
      assert.deepStrictEqual(jobs.names(), [])
      // The first round's are forgotten: their counters begin anew, which Prometheus takes for a restart.
      yield* ended("r0-1")
      yield* ended("r4-1")
      assert.deepStrictEqual([yield* runsOf("r0-1"), yield* runsOf("r4-1")], [1, 2])
    }).pipe(alone)
  )

  it.effect("are not counted when disabled", () =>
    Effect.gen(function* () {
      yield* ended("unseen").pipe(Effect.provideService(MetricsEnabled, false))
      assert.notInclude(renderPrometheus((yield* Metrics).families()), "unseen")
    }).pipe(alone)
  )
})

describe("the reader of metrics in tests", () => {
  const head = "# HELP a_total x\n# TYPE a_total counter\n"
  const histogram = "# HELP h_seconds x\n# TYPE h_seconds histogram\n"
  const wrong: Readonly<Record<string, string>> = {
    "no end": `${head}a_total 1`,
    "no HELP": "# TYPE a_total counter\na_total 1\n",
    "HELP after TYPE": "# TYPE a_total counter\n# HELP a_total x\na_total 1\n",
    "a counter's name": "# HELP a x\n# TYPE a counter\na 1\n",
    "a gauge's name": "# HELP a_total x\n# TYPE a_total gauge\na_total 1\n",
    "a unit": "# HELP a_ms x\n# TYPE a_ms gauge\na_ms 1\n",
    "a quote": `${head}a_total{b="c"d"} 1\n`,
    "a duplicate": `${head}a_total{b="c"} 1\na_total{b="c"} 2\n`,
    "no number": `${head}a_total many\n`,
    "a negative counter": `${head}a_total -1\n`,
    "no +Inf": `${histogram}h_seconds_bucket{le="1"} 1\nh_seconds_sum 1\nh_seconds_count 1\n`,
    "falling buckets": `${histogram}h_seconds_bucket{le="1"} 2\nh_seconds_bucket{le="+Inf"} 1\nh_seconds_sum 1\nh_seconds_count 1\n`,
    "another count": `${histogram}h_seconds_bucket{le="+Inf"} 1\nh_seconds_sum 1\nh_seconds_count 2\n`,
    "parted lines": `${head}a_total{b="c"} 1\n# HELP b_total x\n# TYPE b_total counter\nb_total 1\na_total{b="d"} 1\n`
  }
  for (const [name, text] of Object.entries(wrong)) {
    it(`complains about ${name}`, () => {
      assert.isAbove(parsePrometheus(text).complaints.length, 0)
    })
  }
})
