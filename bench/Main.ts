import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type * as Scope from "effect/Scope"
import { Ids } from "../src/Domain/Ids.ts"
import { applying } from "./Apply.ts"
import { deliveries } from "./Deliveries.ts"
import { dsl } from "./Dsl.ts"
import { flat } from "./Flat.ts"
import type { Result, Size } from "./Measure.ts"
import { recurrence } from "./Recurrence.ts"
import { startLateness, throughput } from "./Runs.ts"
import { groupCommit, inserts } from "./Writes.ts"

type Benchmark = (size: Size) => Effect.Effect<ReadonlyArray<Result>, Error, Ids | FileSystem.FileSystem | Scope.Scope>

const benchmarks: Readonly<Record<string, Benchmark>> = {
  next: recurrence,
  dsl,
  flat,
  start: startLateness,
  runs: throughput,
  inserts,
  commit: groupCommit,
  deliveries,
  apply: applying
}

const flags = process.argv.slice(2)
const quick = flags.includes("--quick")
const only = flags
  .find((flag) => flag.startsWith("--only="))
  ?.slice("--only=".length)
  .split(",")
const size: Size = { quick, rounds: quick ? 1 : 3, big: process.env["BENCH_BIG"] ?? "/tmp/symbiont-bench-big.db" }

const rounded = (value: number) => (value < 100 ? value.toFixed(2) : Math.round(value).toLocaleString("en"))

const program = Effect.gen(function* () {
  const results: Array<Result> = []
  for (const [name, benchmark] of Object.entries(benchmarks)) {
    if (only !== undefined && !only.includes(name)) continue
    for (const result of yield* Effect.scoped(benchmark(size))) {
      results.push(result)
      yield* Console.log(`${result.name.padEnd(60)} ${rounded(result.value).padStart(10)} ${result.unit}`)
    }
  }
  const fs = yield* FileSystem.FileSystem
  const file = process.env["BENCH_RESULTS"] ?? "bench/results.json"
  const machine = { node: process.version, platform: `${process.platform} ${process.arch}` }
  yield* fs.writeFileString(file, `${JSON.stringify({ ...machine, ...size, results }, null, 2)}\n`)
})

NodeRuntime.runMain(
  program.pipe(
    Effect.provide(Ids.Default),
    Effect.provide(NodeContext.layer),
    Logger.withMinimumLogLevel(LogLevel.Warning)
  )
)
