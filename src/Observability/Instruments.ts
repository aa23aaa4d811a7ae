import type { Family, Labels, Sample } from "./Families.ts"

/** What a histogram has counted: values up to each bound, and those above the last. */
export interface Distribution {
  readonly observe: (value: number) => void
  /** Its samples, cumulative as Prometheus wants them. */
  readonly samples: (labels: Labels) => ReadonlyArray<Sample>
}

/** An empty distribution over these bounds, which ascend. */
export const makeDistribution = (bounds: ReadonlyArray<number>): Distribution => {
  const counts = new Array<number>(bounds.length).fill(0)
  let count = 0
  let sum = 0
  return {
    observe: (value) => {
      count++
      sum += value
      const at = bounds.findIndex((bound) => value <= bound)
      if (at >= 0) counts[at] = (counts[at] ?? 0) + 1
    },
    samples: (labels) => {
      let below = 0
      const buckets = bounds.map((bound, index): Sample => {
        below += counts[index] ?? 0
        return { suffix: "_bucket", labels: [...labels, ["le", String(bound)]], value: below }
      })
      return [
        ...buckets,
        { suffix: "_bucket", labels: [...labels, ["le", "+Inf"]], value: count },
        { suffix: "_sum", labels, value: sum },
        { suffix: "_count", labels, value: count }
      ]
    }
  }
}

/** Names and help of a family. */
export interface Described {
  readonly name: string
  readonly help: string
}

interface Labelled<A> {
  readonly labels: Labels
  readonly series: A
}

/** Series by the values of their labels; without labels there is one from the start. */
const makeSeries = <A>(names: ReadonlyArray<string>, make: () => A) => {
  const all = new Map<string, Labelled<A>>()
  const of = (values: ReadonlyArray<string>): A => {
    const key = values.length === 1 ? (values[0] ?? "") : JSON.stringify(values)
    const known = all.get(key)
    if (known !== undefined) return known.series
    const labels = names.map((name, index): readonly [string, string] => [name, values[index] ?? ""])
    const series = make()
    all.set(key, { labels, series })
    return series
  }
  if (names.length === 0) of([])
  return { of, all: () => [...all.values()] } as const
}

/** A counter with a series for each combination of label values; the values must be of a bounded set. */
export const makeCounter = ({ help, name }: Described, ...labels: ReadonlyArray<string>) => {
  const series = makeSeries(labels, () => ({ value: 0 }))
  return {
    add: (by: number, ...values: ReadonlyArray<string>) => {
      series.of(values).value += by
    },
    family: (): Family => ({
      name,
      help,
      type: "counter",
      samples: series.all().map(({ labels, series: { value } }) => ({ labels, value }))
    })
  } as const
}

/** A histogram with a series for each combination of label values; the values must be of a bounded set. */
export const makeHistogram = (
  { help, name }: Described,
  bounds: ReadonlyArray<number>,
  ...labels: ReadonlyArray<string>
) => {
  const series = makeSeries(labels, () => makeDistribution(bounds))
  return {
    observe: (value: number, ...values: ReadonlyArray<string>) => series.of(values).observe(value),
    family: (): Family => ({
      name,
      help,
      type: "histogram",
      samples: series.all().flatMap(({ labels, series }) => series.samples(labels))
    })
  } as const
}

/** The name under which is counted what has no series of its own. */
export const others = "other"

/**
 * Series for names that people choose and delete: at most `limit` at once, further names share one called `other`. The
 * series of a name that is gone is put aside, as many as may be shown: a name that comes back goes on where it stood,
 * so that its counters never fall by a little.
 */
export const makeNamed = <A>(limit: number, make: () => A) => {
  const shown = new Map<string, A>()
  const aside = new Map<string, A>()
  const beyond = make()
  let isBeyondUsed = false
  return {
    of: (name: string): A => {
      const known = shown.get(name)
      if (known !== undefined) return known
      if (shown.size >= limit || name === others) {
        isBeyondUsed = true
        return beyond
      }
      const series = aside.get(name) ?? make()
      aside.delete(name)
      shown.set(name, series)
      return series
    },
    names: (): ReadonlyArray<string> => [...shown.keys()],
    /** Puts the series of all but these names aside. */
    keep: (names: ReadonlySet<string>) => {
      for (const [name, series] of shown) {
        if (names.has(name)) continue
        shown.delete(name)
        aside.set(name, series)
      }
      for (const name of aside.keys()) {
        if (aside.size <= limit) break
        aside.delete(name)
      }
    },
    all: (): ReadonlyArray<readonly [name: string, series: A]> => [
      ...shown,
      ...(isBeyondUsed ? [[others, beyond] as const] : [])
    ]
  } as const
}
