import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"

/** What one benchmark found: a number, its unit, and what was measured. */
export interface Result {
  readonly name: string
  readonly value: number
  readonly unit: string
}

/** How much a benchmark is to do. */
export interface Size {
  readonly quick: boolean
  /** How often a measurement is repeated; medians are reported. */
  readonly rounds: number
}

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

/** The median of a measurement over some rounds. */
export const medianOf = <E, R>(rounds: number, measure: Effect.Effect<number, E, R>) =>
  Effect.map(Effect.replicateEffect(measure, rounds), median)

/** A database file in a folder that goes with the scope. */
export const databaseFile = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  return `${yield* fs.makeTempDirectoryScoped({ prefix: "symbiont-bench-" })}/symbiont.db`
})
