/** Label names with their values, in the order in which they are shown. */
export type Labels = ReadonlyArray<readonly [name: string, value: string]>

/** One line of a family; the suffix is that of a histogram's parts. */
export interface Sample {
  readonly suffix?: "_bucket" | "_sum" | "_count"
  readonly labels: Labels
  readonly value: number
}

/** Everything measured under one name. */
export interface Family {
  readonly name: string
  readonly help: string
  readonly type: "counter" | "gauge" | "histogram"
  readonly samples: ReadonlyArray<Sample>
}

/** A gauge that was read just now. */
export const gauge = (name: string, help: string, samples: ReadonlyArray<Sample>): Family => ({
  name,
  help,
  type: "gauge",
  samples
})

/** A sample without labels. */
export const plainly = (value: number): ReadonlyArray<Sample> => [{ labels: [], value }]
