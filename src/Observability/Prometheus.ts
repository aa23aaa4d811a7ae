import type * as MetricPair from "effect/MetricPair"
import * as MetricState from "effect/MetricState"
import * as Option from "effect/Option"

const prefix = "symbiont_"

const escapeHelp = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")
const escapeLabel = (text: string): string => escapeHelp(text).replaceAll('"', '\\"')

const formatNumber = (value: number | bigint): string =>
  value === Infinity ? "+Inf" : value === -Infinity ? "-Inf" : String(value)

const sample = (name: string, labels: ReadonlyArray<readonly [string, string]>, value: number | bigint): string => {
  const text = labels.map(([key, text]) => `${key}="${escapeLabel(text)}"`).join(",")
  return `${name}${text === "" ? "" : `{${text}}`} ${formatNumber(value)}`
}

interface Series {
  readonly type: "counter" | "gauge" | "histogram"
  readonly lines: ReadonlyArray<string>
}

const seriesOf = ({ metricKey, metricState }: MetricPair.MetricPair.Untyped): Series | undefined => {
  const { name } = metricKey
  const labels = metricKey.tags
    .map(({ key, value }) => [key, value] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  const state: unknown = metricState
  if (MetricState.isCounterState(state)) return { type: "counter", lines: [sample(name, labels, state.count)] }
  if (MetricState.isGaugeState(state)) return { type: "gauge", lines: [sample(name, labels, state.value)] }
  if (!MetricState.isHistogramState(state)) return undefined
  const buckets = state.buckets.filter(([bound]) => Number.isFinite(bound))
  return {
    type: "histogram",
    lines: [
      ...buckets.map(([bound, count]) => sample(`${name}_bucket`, [...labels, ["le", String(bound)]], count)),
      sample(`${name}_bucket`, [...labels, ["le", "+Inf"]], state.count),
      sample(`${name}_sum`, labels, state.sum),
      sample(`${name}_count`, labels, state.count)
    ]
  }
}

/**
 * The service's own metrics of a snapshot in Prometheus' text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats), ordered by name.
 */
export const renderPrometheus = (snapshot: Iterable<MetricPair.MetricPair.Untyped>): string => {
  const families = new Map<string, { readonly head: string; readonly series: Array<string> }>()
  for (const pair of snapshot) {
    const { description, name } = pair.metricKey
    const series = name.startsWith(prefix) ? seriesOf(pair) : undefined
    if (series === undefined) continue
    const help = Option.match(description, { onNone: () => "", onSome: (d) => `# HELP ${name} ${escapeHelp(d)}\n` })
    const family = families.get(name) ?? { head: `${help}# TYPE ${name} ${series.type}\n`, series: [] }
    family.series.push(`${series.lines.join("\n")}\n`)
    families.set(name, family)
  }
  return [...families]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { head, series }]) => head + series.sort().join(""))
    .join("")
}
