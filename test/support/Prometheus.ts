import { spawnSync } from "node:child_process"

/** One sample of a text in Prometheus' format. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** What a text in Prometheus' format says, and what is wrong with it. */
export interface Parsed {
  readonly samples: ReadonlyArray<Sample>
  readonly types: ReadonlyMap<string, string>
  readonly complaints: ReadonlyArray<string>
}

const nameText = "[a-zA-Z_:][a-zA-Z0-9_:]*"
const helpLine = new RegExp(`^# HELP (${nameText}) (\\S.*)$`)
const typeLine = new RegExp(`^# TYPE (${nameText}) (counter|gauge|histogram|summary|untyped)$`)
const label = `[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"`
const sampleLine = new RegExp(`^(${nameText})(?:\\{(${label}(?:,${label})*)\\})? (\\S+)$`)
const labelText = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"/g
const numberText = /^(?:[+-]?Inf|NaN|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/

/** Units that are no base units, as words of a name. */
const foreignUnits =
  /(^|_)(ms|milliseconds|micros|microseconds|minutes|hours|days|kb|mb|kilobytes|megabytes|percent)(_|$)/

/** A strict reader of the text format 0.0.4 that also complains about what `promtool check metrics` does. */
export const parsePrometheus = (text: string): Parsed => {
  const samples: Array<Sample> = []
  const types = new Map<string, string>()
  const helps = new Set<string>()
  const complaints: Array<string> = []
  const seen = new Set<string>()
  const closed = new Set<string>()
  let family = ""
  const familyOf = (name: string) => {
    const base = name.replace(/_(bucket|sum|count)$/, "")
    return types.get(base) === "histogram" ? base : name
  }
  const enter = (name: string) => {
    if (name === family) return
    if (closed.has(name)) complaints.push(`${name}: its lines are apart`)
    if (family !== "") closed.add(family)
    family = name
  }
  if (text !== "" && !text.endsWith("\n")) complaints.push("the last line does not end")
  for (const line of text.split("\n").slice(0, -1)) {
    const help = helpLine.exec(line)
    if (help !== null) {
      const [, name = ""] = help
      enter(name)
      if (helps.has(name)) complaints.push(`${name}: two HELP lines`)
      if (types.has(name)) complaints.push(`${name}: HELP after TYPE`)
      helps.add(name)
      continue
    }
    const type = typeLine.exec(line)
    if (type !== null) {
      const [, name = "", kind = ""] = type
      enter(name)
      if (types.has(name)) complaints.push(`${name}: two TYPE lines`)
      if (samples.some((one) => one.name === name)) complaints.push(`${name}: TYPE after samples`)
      if (!helps.has(name)) complaints.push(`${name}: no HELP`)
      if (kind === "counter" && !name.endsWith("_total")) complaints.push(`${name}: a counter that is no _total`)
      if (kind !== "counter" && name.endsWith("_total")) complaints.push(`${name}: a _total that is no counter`)
      if (kind !== "histogram" && /_(bucket|sum|count)$/.test(name)) complaints.push(`${name}: named like a part`)
      if (foreignUnits.test(name)) complaints.push(`${name}: no base unit`)
      if (/[A-Z]/.test(name)) complaints.push(`${name}: not in snake_case`)
      types.set(name, kind)
      continue
    }
    const match = sampleLine.exec(line)
    const [, name = "", labelsOf = "", value = ""] = match ?? []
    if (match === null || !numberText.test(value)) {
      complaints.push(`no sample: ${line}`)
      continue
    }
    enter(familyOf(name))
    if (!types.has(familyOf(name))) complaints.push(`${name}: no TYPE`)
    const labels: Record<string, string> = {}
    for (const [, key = "", written = ""] of labelsOf.matchAll(labelText)) {
      if (key in labels) complaints.push(`${line}: the label ${key} twice`)
      labels[key] = written.replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c))
    }
    const identity = JSON.stringify([name, Object.entries(labels).sort()])
    if (seen.has(identity)) complaints.push(`${line}: twice`)
    seen.add(identity)
    const number = value === "+Inf" ? Infinity : value === "-Inf" ? -Infinity : Number(value)
    if (types.get(name) === "counter" && !(number >= 0)) complaints.push(`${line}: a counter below 0`)
    samples.push({ name, labels, value: number })
  }
  for (const [name, kind] of types) {
    if (kind === "histogram") complaints.push(...histogramComplaints(name, samples))
    if (!samples.some((one) => familyOf(one.name) === name)) complaints.push(`${name}: no samples`)
  }
  return { samples, types, complaints }
}

const histogramComplaints = (name: string, samples: ReadonlyArray<Sample>): ReadonlyArray<string> => {
  const complaints: Array<string> = []
  const identityOf = ({ le: _, ...labels }: Sample["labels"]) => JSON.stringify(Object.entries(labels).sort())
  const valueOf = (suffix: string) =>
    new Map(
      samples
        .filter((one) => one.name === `${name}${suffix}`)
        .map(({ labels, value }) => [identityOf(labels), value] as const)
    )
  const counts = valueOf("_count")
  const sums = valueOf("_sum")
  const buckets = new Map<string, Array<{ readonly le: number; readonly value: number }>>()
  for (const { labels, value } of samples.filter((one) => one.name === `${name}_bucket`)) {
    const le = labels["le"] === "+Inf" ? Infinity : Number(labels["le"])
    const key = identityOf(labels)
    buckets.set(key, [...(buckets.get(key) ?? []), { le, value }])
  }
  for (const [key, all] of buckets) {
    for (const [index, { le, value }] of all.entries()) {
      const before = all[index - 1]
      if (before !== undefined && !(before.le < le && before.value <= value)) complaints.push(`${name}${key}: falls`)
    }
    if (all.at(-1)?.le !== Infinity) complaints.push(`${name}${key}: no bucket +Inf`)
    if (all.at(-1)?.value !== counts.get(key)) complaints.push(`${name}${key}: +Inf is not its count`)
    if (!sums.has(key)) complaints.push(`${name}${key}: no sum`)
  }
  if (counts.size !== buckets.size) complaints.push(`${name}: a count without buckets`)
  return complaints
}

/** A sample's value by its name and exact labels. */
export const valueOf = (samples: ReadonlyArray<Sample>, name: string, labels: Sample["labels"]): number | undefined =>
  samples.find(
    (sample) =>
      sample.name === name &&
      Object.keys(sample.labels).length === Object.keys(labels).length &&
      Object.entries(labels).every(([key, value]) => sample.labels[key] === value)
  )?.value

/** What Prometheus' own tool says; null where it is not installed. */
export const promtool = (words: ReadonlyArray<string>, input = ""): { readonly ok: boolean; said: string } | null => {
  const { error, status, stderr, stdout } = spawnSync("promtool", [...words], { input, encoding: "utf8" })
  return error === undefined ? { ok: status === 0, said: `${stdout}${stderr}` } : null
}
