import type { Family, Labels, Sample } from "../Observability.ts"

const attributesOf = (labels: Labels) => labels.map(([key, value]) => ({ key, value: { stringValue: value } }))

/** Samples of a histogram, by the labels that they have in common. */
const bySeries = (samples: ReadonlyArray<Sample>) => {
  const series = new Map<string, { readonly labels: Labels; readonly samples: Array<Sample> }>()
  for (const sample of samples) {
    const labels = sample.labels.filter(([name]) => name !== "le")
    const key = JSON.stringify(labels)
    const known = series.get(key)
    if (known === undefined) series.set(key, { labels, samples: [sample] })
    else known.samples.push(sample)
  }
  return [...series.values()]
}

/** The metrics of an OTLP request (ExportMetricsServiceRequest, as JSON). Instants in ns since the epoch, as texts. */
export const metricsOf = (
  families: ReadonlyArray<Family>,
  times: { readonly startTimeUnixNano: string; readonly timeUnixNano: string }
): ReadonlyArray<unknown> =>
  families.map(({ help, name, samples, type }) => {
    const described = { name, description: help, unit: "1" }
    if (type === "histogram") {
      const dataPoints = bySeries(samples).map(({ labels, samples }) => {
        const buckets = samples.filter(({ suffix }) => suffix === "_bucket").map(({ value }) => value)
        const bounds = samples.flatMap(({ labels, suffix }) =>
          suffix === "_bucket" ? labels.flatMap(([key, le]) => (key === "le" && le !== "+Inf" ? [Number(le)] : [])) : []
        )
        return {
          attributes: attributesOf(labels),
          ...times,
          count: samples.find(({ suffix }) => suffix === "_count")?.value ?? 0,
          sum: samples.find(({ suffix }) => suffix === "_sum")?.value ?? 0,
          // Prometheus counts what is below a bound, OTLP what is between two.
          bucketCounts: buckets.map((count, index) => count - (buckets[index - 1] ?? 0)),
          explicitBounds: bounds
        }
      })
      return { ...described, histogram: { aggregationTemporality: 2, dataPoints } }
    }
    const dataPoints = samples.map(({ labels, value }) => ({
      attributes: attributesOf(labels),
      ...times,
      asDouble: value
    }))
    return type === "counter"
      ? { ...described, sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints } }
      : { ...described, gauge: { dataPoints } }
  })
