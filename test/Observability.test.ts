import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as fc from "fast-check"
import {
  JobLabels,
  MetricsEnabled,
  maxJobLabels,
  recordBacklog,
  recordDeadLetter,
  recordDelivery,
  recordInFlight,
  recordLook,
  recordRun,
  recordSaved,
  renderPrometheus
} from "../src/Observability.ts"

interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A reader of the text format, strict about what it accepts. */
const parse = (
  text: string
): { readonly samples: ReadonlyArray<Sample>; readonly types: ReadonlyMap<string, string> } => {
  const samples: Array<Sample> = []
  const types = new Map<string, string>()
  assert.isTrue(text === "" || text.endsWith("\n"))
  for (const line of text.split("\n").slice(0, -1)) {
    const type = line.match(/^# TYPE ([a-z_]+) (counter|gauge|histogram)$/)
    if (type !== null) {
      assert.isFalse(types.has(type[1] ?? ""), `two TYPE lines: ${line}`)
      types.set(type[1] ?? "", type[2] ?? "")
      continue
    }
    if (/^# HELP [a-z_]+ \S/.test(line)) continue
    const match = line.match(/^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\[\\"n])*",?)+)\})? (\S+)$/)
    assert.isNotNull(match, `not a sample: ${line}`)
    const labels: Record<string, string> = {}
    for (const [, key = "", value = ""] of (match?.[2] ?? "").matchAll(/([a-z_]+)="((?:[^"\\]|\\[\\"n])*)"/g)) {
      labels[key] = value.replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c))
    }
    const value = match?.[3] ?? ""
    samples.push({ name: match?.[1] ?? "", labels, value: value === "+Inf" ? Infinity : Number(value) })
  }
  return { samples, types }
}

const scrape = Effect.map(Metric.snapshot, (snapshot) => parse(renderPrometheus(snapshot)))

const valueOf = (samples: ReadonlyArray<Sample>, name: string, labels: Sample["labels"]): number | undefined =>
  samples.find(
    (sample) =>
      sample.name === name &&
      Object.keys(sample.labels).length === Object.keys(labels).length &&
      Object.entries(labels).every(([key, value]) => sample.labels[key] === value)
  )?.value

/** How much a counter grew while something was done: other tests of the process count too. */
const growth = <E, R>(name: string, labels: Sample["labels"], done: Effect.Effect<unknown, E, R>) =>
  Effect.gen(function* () {
    const value = Effect.map(scrape, ({ samples }) => valueOf(samples, name, labels) ?? 0)
    const before = yield* value
    yield* done
    return (yield* value) - before
  })

const run = (job_name: string, execution_time_ms: number | null = 1_234) =>
  recordRun({ job_name, status: "succeeded", execution_time_ms })

describe("metrics", () => {
  it.effect("have the guide's names, types and labels", () =>
    Effect.gen(function* () {
      const job_name = "observed-report"
      yield* run(job_name)
      yield* run(job_name, 20)
      yield* recordRun({ job_name, status: "failed", execution_time_ms: 70_000 })
      yield* recordInFlight(3)
      yield* recordDeadLetter("observed-flaky")
      const delivery = "symbiont_delivery_total"
      const saved = recordSaved({ input_tokens: 300, output_tokens: 40 })
      assert.strictEqual(yield* growth("symbiont_gate_saved_tokens_total", {}, saved), 340)
      assert.strictEqual(yield* growth("symbiont_scheduler_looks_total", {}, recordLook), 1)
      const delivered = recordDelivery("log_file", "delivered")
      assert.strictEqual(yield* growth(delivery, { channel: "log_file", state: "delivered" }, delivered), 1)
      const dead = recordDelivery("custom:pager", "dead")
      assert.strictEqual(yield* growth(delivery, { channel: "custom", state: "dead" }, dead), 1)
      yield* recordBacklog({ pending: 5, failed: 2, dead: 1, oldest_pending: 1_000 }, 91_500)
      const { samples, types } = yield* scrape
      assert.strictEqual(valueOf(samples, "symbiont_delivery_pending", {}), 5)
      assert.strictEqual(valueOf(samples, "symbiont_delivery_undelivered", { state: "failed" }), 2)
      assert.strictEqual(valueOf(samples, "symbiont_delivery_undelivered", { state: "dead" }), 1)
      assert.strictEqual(valueOf(samples, "symbiont_delivery_oldest_pending_seconds", {}), 90.5)
      assert.strictEqual(valueOf(samples, "symbiont_cron_runs_total", { job_name, status: "succeeded" }), 2)
      assert.strictEqual(valueOf(samples, "symbiont_cron_runs_total", { job_name, status: "failed" }), 1)
      assert.strictEqual(valueOf(samples, "symbiont_cron_in_flight_jobs", {}), 3)
      assert.strictEqual(valueOf(samples, "symbiont_cron_dead_letter_total", { job_name: "observed-flaky" }), 1)
      const duration = "symbiont_cron_execution_duration_seconds"
      assert.strictEqual(valueOf(samples, `${duration}_bucket`, { job_name, le: "0.01" }), 0)
      assert.strictEqual(valueOf(samples, `${duration}_bucket`, { job_name, le: "0.05" }), 1)
      assert.strictEqual(valueOf(samples, `${duration}_bucket`, { job_name, le: "60" }), 2)
      assert.strictEqual(valueOf(samples, `${duration}_bucket`, { job_name, le: "+Inf" }), 3)
      assert.strictEqual(valueOf(samples, `${duration}_count`, { job_name }), 3)
      assert.closeTo(valueOf(samples, `${duration}_sum`, { job_name }) ?? 0, 71.254, 1e-9)
      assert.deepStrictEqual(Object.fromEntries(types), {
        symbiont_cron_dead_letter_total: "counter",
        symbiont_cron_execution_duration_seconds: "histogram",
        symbiont_cron_in_flight_jobs: "gauge",
        symbiont_cron_runs_total: "counter",
        symbiont_delivery_oldest_pending_seconds: "gauge",
        symbiont_delivery_pending: "gauge",
        symbiont_delivery_total: "counter",
        symbiont_delivery_undelivered: "gauge",
        symbiont_gate_saved_tokens_total: "counter",
        symbiont_scheduler_looks_total: "counter"
      })
    }).pipe(Effect.provideService(JobLabels, new Set()))
  )

  it.effect("survive any job name", () =>
    Effect.gen(function* () {
      const names = [
        `quote " backslash \\ both \\"`,
        "newline\nin the name",
        "literally \\n",
        "日本 𝄞 {}=,",
        // A name that another test of this process gives its job would be counted with it.
        ...fc.sample(fc.string({ unit: "grapheme", minLength: 1 }), 50).map((name) => `${name} of any kind`)
      ]
      yield* Effect.forEach(new Set(names), (name) => run(name))
      const { samples } = yield* scrape
      for (const job_name of new Set(names)) {
        assert.strictEqual(valueOf(samples, "symbiont_cron_runs_total", { job_name, status: "succeeded" }), 1, job_name)
      }
    }).pipe(Effect.provideService(JobLabels, new Set()))
  )

  it.effect("count runs without a time, and only there", () =>
    Effect.gen(function* () {
      yield* run("observed-unstarted", null)
      const { samples } = yield* scrape
      const job_name = "observed-unstarted"
      assert.strictEqual(valueOf(samples, "symbiont_cron_runs_total", { job_name, status: "succeeded" }), 1)
      assert.isUndefined(valueOf(samples, "symbiont_cron_execution_duration_seconds_count", { job_name }))
    }).pipe(Effect.provideService(JobLabels, new Set()))
  )

  it.effect("give at most 1,000 jobs a series of their own", () => {
    const labels = new Set(Array.from({ length: maxJobLabels - 1 }, (_, n) => `job-${n}`))
    return Effect.gen(function* () {
      const runs = Effect.forEach(["the-last", "one-too-many", "another", "the-last"], (name) => run(name))
      const others = { job_name: "other", status: "succeeded" }
      assert.strictEqual(yield* growth("symbiont_cron_runs_total", others, runs), 2)
      const { samples } = yield* scrape
      const runsOf = (job_name: string) =>
        valueOf(samples, "symbiont_cron_runs_total", { job_name, status: "succeeded" })
      assert.deepStrictEqual([runsOf("the-last"), runsOf("another")], [2, undefined])
      assert.strictEqual(labels.size, maxJobLabels)
    }).pipe(Effect.provideService(JobLabels, labels))
  })

  it.effect("are not counted when disabled", () =>
    Effect.gen(function* () {
      yield* run("observed-unseen")
      assert.notInclude(JSON.stringify((yield* scrape).samples), "observed-unseen")
    }).pipe(Effect.provideService(MetricsEnabled, false))
  )

  it.effect("leave out what is not ours", () =>
    Effect.gen(function* () {
      yield* Metric.increment(Metric.counter("somebody_elses_total"))
      assert.notInclude(renderPrometheus(yield* Metric.snapshot), "somebody")
    })
  )
})
