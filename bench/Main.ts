import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type * as Scope from "effect/Scope"
import { Ids } from "../src/Domain/Ids.ts"
import { creating } from "./Apply.ts"
import { ensureBig } from "./Big.ts"
import { deliveries } from "./Deliveries.ts"
import { dsl } from "./Dsl.ts"
import { flat } from "./Flat.ts"
import type { Result, Size } from "./Measure.ts"
import { pipeline } from "./Pipeline.ts"
import { recurrence } from "./Recurrence.ts"
import { burst, startLateness, throughput } from "./Runs.ts"
import { lineOf } from "./Table.mjs"
import { groupCommit } from "./Writes.ts"

type Benchmark = (size: Size) => Effect.Effect<ReadonlyArray<Result>, Error, Ids | FileSystem.FileSystem | Scope.Scope>

/** The parts that run in this process, in their order. */
const benchmarks: Readonly<Record<string, Benchmark>> = {
  runs: throughput,
  burst,
  start: startLateness,
  flat,
  create: creating,
  next: recurrence,
  dsl,
  pipeline,
  commit: groupCommit,
  deliveries
}

const flags = process.argv.slice(2)
const quick = flags.includes("--quick")
const only = flags
  .find((flag) => flag.startsWith("--only="))
  ?.slice("--only=".length)
  .split(",")
const size: Size = { quick, rounds: quick ? 1 : 3, big: process.env["BENCH_BIG"] ?? "/tmp/symbiont-bench-big.db" }

const program = Effect.gen(function* () {
  if (flags.includes("--fill")) return yield* ensureBig(size.big, quick)
  const rows: Array<Result & { readonly part: string }> = []
  for (const [part, benchmark] of Object.entries(benchmarks)) {
    if (only !== undefined && !only.includes(part)) continue
    for (const result of yield* Effect.scoped(benchmark(size))) {
      rows.push({ part, ...result })
      yield* Console.log(lineOf(result))
    }
  }
  const fs = yield* FileSystem.FileSystem
  yield* fs.writeFileString(process.env["BENCH_ROWS"] ?? "bench/rows.json", JSON.stringify(rows))
})

NodeRuntime.runMain(
  program.pipe(
    Effect.provide(Ids.Default),
    Effect.provide(NodeContext.layer),
    Logger.withMinimumLogLevel(LogLevel.Warning)
  )
)
