import type { Iteration, Run } from "../Domain/Run.ts"

/** How many iterations of a run are kept from its beginning, and how many from its end. */
const keptFirst = 50
const keptLast = 450

/** Size of all that are kept, as JSON in bytes; those from the beginning take at most half of it. */
const keptBytes = 1_048_576

/** The iterations of a run over all its attempts, as far as they are kept: bounded, however many there are. */
export interface Iterations {
  readonly add: (iteration: Iteration) => void
  readonly kept: () => Pick<Run, "iterations" | "iteration_count">
}

/** Goes on with what a run has of iterations. */
export const iterationsOf = (before: Pick<Run, "iterations" | "iteration_count">): Iterations => {
  const first: Array<Iteration> = []
  const last: Array<{ readonly iteration: Iteration; readonly bytes: number }> = []
  let [firstBytes, lastBytes, count, isFirst] = [0, 0, 0, true]
  const add = (iteration: Iteration) => {
    const bytes = Buffer.byteLength(JSON.stringify(iteration)) + 1
    count++
    isFirst = isFirst && first.length < keptFirst && firstBytes + bytes <= keptBytes / 2
    if (isFirst) {
      first.push(iteration)
      firstBytes += bytes
      return
    }
    last.push({ iteration, bytes })
    lastBytes += bytes
    while (last.length > keptLast || firstBytes + lastBytes >= keptBytes) lastBytes -= last.shift()?.bytes ?? lastBytes
  }
  for (const iteration of before.iterations) add(iteration)
  count = before.iteration_count ?? count
  return {
    add,
    kept: () => ({
      iterations: [...first, ...last.map(({ iteration }) => iteration)],
      iteration_count: count === 0 ? null : count
    })
  }
}
