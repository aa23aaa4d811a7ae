import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"

/** What one benchmark found. With a peer, the ratio is ours by theirs. */
export interface Result {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly peer?: { readonly name: string; readonly value: number } | undefined
  readonly goal?: Goal | undefined
  /** Whether it stands beside a row that sums it up: such rows are in tables only when they miss their goal. */
  readonly detail?: boolean | undefined
}

/** What is wanted, in words, and whether it was so. */
export interface Goal {
  readonly text: string
  readonly met: boolean
}

/** How much a benchmark is to do. */
export interface Size {
  readonly quick: boolean
  /** How often a measurement is repeated; medians are reported. */
  readonly rounds: number
  /** Path of a database with a million jobs and five million runs (a tenth of that when quick). */
  readonly big: string
}

const number = (value: number) => value.toLocaleString("en")

export const atLeast = (value: number, wanted: number, unit: string): Goal => ({
  text: `>= ${number(wanted)} ${unit}`,
  met: value >= wanted
})

export const atMost = (value: number, wanted: number, unit: string): Goal => ({
  text: `<= ${number(wanted)} ${unit}`,
  met: value <= wanted
})

/** The value below which that share of the values lies. */
export const percentile = (values: ReadonlyArray<number>, share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN

/** The middle of some values. */
export const median = (values: ReadonlyArray<number>): number => percentile(values, 0.5)

/** Runs an effect; gives the milliseconds it took. */
export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<number, E, R> =>
  Effect.suspend(() => {
    const start = performance.now()
    return Effect.map(effect, () => performance.now() - start)
  })

/** Runs an effect; gives the milliseconds it took, and those of CPU time that this process used meanwhile. */
export const timedWithCpu = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const start = performance.now()
    const before = process.cpuUsage()
    return Effect.map(effect, () => {
      const { system, user } = process.cpuUsage(before)
      return { wall: performance.now() - start, cpu: (user + system) / 1_000 }
    })
  })

/** The median of a measurement over some rounds. */
export const medianOf = <E, R>(rounds: number, measure: Effect.Effect<number, E, R>) =>
  Effect.map(Effect.replicateEffect(measure, rounds), median)

/** A database file in a folder that goes with the scope. */
export const databaseFile = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  return `${yield* fs.makeTempDirectoryScoped({ prefix: "symbiont-bench-" })}/symbiont.db`
})
