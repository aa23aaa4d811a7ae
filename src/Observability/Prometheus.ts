import type { Family, Labels } from "./Families.ts"

/** The media type of the text format, as Prometheus asks for it. */
export const contentType = "text/plain; version=0.0.4; charset=utf-8"

const escapeHelp = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")
// Half a surrogate pair has no UTF-8.
const escapeLabel = (text: string): string => escapeHelp(text.toWellFormed()).replaceAll('"', '\\"')

const formatNumber = (value: number): string =>
  value === Infinity ? "+Inf" : value === -Infinity ? "-Inf" : String(value)

const sample = (name: string, labels: Labels, value: number): string => {
  const text = labels.map(([key, text]) => `${key}="${escapeLabel(text)}"`).join(",")
  return `${name}${text === "" ? "" : `{${text}}`} ${formatNumber(value)}\n`
}

/**
 * Metrics in Prometheus' text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats), ordered by
 * name; families without samples are left out.
 */
export const renderPrometheus = (families: ReadonlyArray<Family>): string =>
  families
    .filter(({ samples }) => samples.length > 0)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ help, name, samples, type }) => {
      const lines = samples.map(({ labels, suffix = "", value }) => sample(`${name}${suffix}`, labels, value))
      return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines.join("")}`
    })
    .join("")
