import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import type { Place } from "./Place.ts"
import { claimed, counted, type Finding } from "./Report.ts"
import { prepareDatabase, simulate } from "./Simulation.ts"
import { planOf, simulatedWeek } from "./SimulationPlan.ts"

/** A file system in memory, where there is one: a simulation needs no disk, and tests none. */
const memory = "/dev/shm"

/** What is told of a seed that fails. */
const shown = 6

/**
 * Simulated weeks of as many seeds, from the place's on: random jobs in zones whose clocks change, failures, crashes,
 * edits, pauses and clock jumps, compared with an oracle. Whatever is wrong comes with the command that repeats it.
 */
export const simulatedWeeks = Effect.fn("Selftest.simulatedWeeks")(function* (place: Place, seeds: number) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = (yield* fs.exists(memory)) ? memory : place.folder
  const folder = yield* fs.makeTempDirectoryScoped({ directory, prefix: "symbi-selftest-" })
  const template = path.join(folder, "template.db")
  yield* prepareDatabase(template)
  const problems: Array<string> = []
  let runs = 0
  let crashes = 0
  for (let n = 0; n < seeds; n++) {
    yield* place.progress(`week ${n + 1} of ${seeds}`)
    const seed = place.seed + n
    const file = path.join(folder, `${seed}.db`)
    yield* fs.copyFile(template, file)
    const report = yield* simulate(planOf(seed, simulatedWeek), file)
    yield* Effect.forEach(["", "-wal", "-shm"], (end) => fs.remove(`${file}${end}`, { force: true }))
    runs += report.runs
    crashes += report.crashes
    if (report.problems.length === 0) continue
    problems.push(
      `seed ${seed}: repeat it with symbi selftest --only simulation --seeds 1 --seed ${seed}`,
      ...report.problems.slice(0, shown)
    )
  }
  return {
    summary: `${counted(seeds, "simulated week")} (seeds ${place.seed} to ${place.seed + seeds - 1}) with clock changes, clock jumps and ${counted(crashes, "crash", "crashes")}: ${counted(runs, "run")}${claimed(problems, ", all as the oracle expects")}`,
    warnings: [],
    problems,
    counts: { seeds, runs, crashes }
  } satisfies Finding
}, Effect.scoped)
