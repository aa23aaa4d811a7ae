import { assert, describe, it } from "@effect/vitest"
import { makeMetrics } from "../../src/Observability.ts"
import { metricsOf } from "../../src/Telemetry/Metrics.ts"

const times = { startTimeUnixNano: "1", timeUnixNano: "2" }

describe("metrics in OTLP", () => {
  it("counters are sums, gauges gauges, and a histogram's buckets are told one by one", () => {
    const metrics = makeMetrics()
    metrics.looks.add(3)
    metrics.setInFlight(2)
    for (const value of [0.004, 0.02, 0.02, 9_999]) metrics.lateness.observe(value)
    const sent = metricsOf(metrics.families(), times) as ReadonlyArray<Record<string, never>>
    const named = (name: string): Record<string, Record<string, ReadonlyArray<Record<string, unknown>>>> =>
      sent.find((one) => one["name"] === name) ?? {}
    assert.deepStrictEqual(named("symbiont_scheduler_looks_total")["sum"], {
      aggregationTemporality: 2,
      isMonotonic: true,
      dataPoints: [{ attributes: [], ...times, asDouble: 3 }]
    } as never)
    assert.strictEqual(named("symbiont_cron_in_flight_jobs")["gauge"]?.["dataPoints"]?.[0]?.["asDouble"], 2)
    const point = named("symbiont_run_start_lateness_seconds")["histogram"]?.["dataPoints"]?.[0]
    const counts = point?.["bucketCounts"] as ReadonlyArray<number>
    const bounds = point?.["explicitBounds"] as ReadonlyArray<number>
    assert.strictEqual(counts.length, bounds.length + 1)
    assert.deepStrictEqual([counts[0], counts[bounds.indexOf(0.025)], counts.at(-1)], [1, 2, 1])
    assert.strictEqual(point?.["count"], 4)
  })
})
