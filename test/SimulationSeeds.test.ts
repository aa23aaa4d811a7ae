import { existsSync } from "node:fs"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { prepareDatabase, simulate } from "../src/Selftest/Simulation.ts"
import { planOf, type SimulationSize, simulatedWeek, simulatedYear } from "../src/Selftest/SimulationPlan.ts"

/** Simulates some seeds, each on a database of its own, in memory where the system has a folder there. */
const simulateSeeds = Effect.fnUntraced(function* (seeds: ReadonlyArray<number>, size: SimulationSize) {
  const fs = yield* FileSystem.FileSystem
  const inMemory = existsSync("/dev/shm") ? { directory: "/dev/shm" } : {}
  const folder = yield* fs.makeTempDirectoryScoped({ ...inMemory, prefix: "symbi-simulation-" })
  const template = `${folder}/template.db`
  yield* prepareDatabase(template)
  const problems: Array<string> = []
  let runs = 0
  let crashes = 0
  for (const seed of seeds) {
    const filename = `${folder}/${seed}.db`
    yield* fs.copyFile(template, filename)
    const report = yield* simulate(planOf(seed, size), filename)
    for (const end of ["", "-wal", "-shm"]) yield* fs.remove(`${filename}${end}`, { force: true })
    runs += report.runs
    crashes += report.crashes
    if (report.problems.length > 0) {
      problems.push(`SYMBI_TEST_SEED=${seed} SYMBI_TEST_SLOTS=${slots} reproduces:`, ...report.problems.slice(0, 8))
    }
    if (problems.length > 40) break
  }
  yield* Effect.logInfo(`simulated ${seeds.length} seeds: ${runs} runs, ${crashes} crashes`)
  return { problems, runs, crashes }
})

const seed = process.env["SYMBI_TEST_SEED"]
const count = Number(process.env["SYMBI_TEST_WEEKS"] ?? 200)
// 30 in the long form. Jobs, changes, crashes and jumps are as many with fewer slots between them.
const slots = Number(process.env["SYMBI_TEST_SLOTS"] ?? 18)
const seeds = seed === undefined ? Array.from({ length: count }, (_, index) => index + 1) : [Number(seed)]

const expectNothingWrong = (wanted: ReadonlyArray<number>, size: SimulationSize) =>
  Effect.gen(function* () {
    const { problems, runs } = yield* simulateSeeds(wanted, size)
    assert.deepStrictEqual(problems, [])
    assert.isAbove(runs, 0)
  }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))

describe("a simulated week", () => {
  it.live(
    `of each of ${seeds.length} seeds leaves the ledger that an oracle expects`,
    () => expectNothingWrong(seeds, { ...simulatedWeek, slots }),
    60_000 + count * 3_000
  )
})

// By one command: SYMBI_TEST_YEAR=1 npx vitest run test/SimulationSeeds.test.ts
describe.runIf(process.env["SYMBI_TEST_YEAR"] !== undefined)("a simulated year", () => {
  it.live(
    "of a thousand jobs leaves the ledger that an oracle expects",
    () => expectNothingWrong([Number(seed ?? process.env["SYMBI_TEST_YEAR"])], simulatedYear),
    7_200_000
  )
})
