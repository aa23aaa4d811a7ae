import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AgentRuntime } from "../src/Agents.ts"
import { Apply } from "../src/Apply.ts"
import { Ids } from "../src/Domain/Ids.ts"
import { layerSqlite } from "../src/JobStore/Sqlite.ts"
import { WakeSignal } from "../src/Scheduler.ts"
import { ServiceEnvironment } from "../src/ServiceEnvironment.ts"
import { testSettings } from "../src/testing.ts"
import { databaseFile, type Result, type Size, timed } from "./Measure.ts"

/** Bytes of a schedule's text, about: ten thousand of them are 5 MB. */
const bytesEach = 500

const schedule = (index: number, hour: number): string => {
  const head = `schedule {
  name: "job-${index}"
  agent: "nobody"
  cron: "${index % 60} ${(index + hour) % 24} * * MON-FRI"
  timezone: "Europe/Berlin"
  labels: ["bench", "group-${index % 100}"]
  policy { allowed_hours: { start: "08:00", end: "20:00" } }
  delivery: ["log_file"]
`
  return `${head}  input: """\n${"Look at what changed. ".repeat(99).slice(0, bytesEach - head.length - 20)}"""\n}\n`
}

const services = (filename: string) =>
  Apply.Default.pipe(
    Layer.provide(Layer.mergeAll(layerSqlite(filename), AgentRuntime.layer, WakeSignal.Default, Ids.Default)),
    Layer.provide(ServiceEnvironment.layer({ variables: {}, directory: "." })),
    Layer.provide(testSettings()),
    Layer.orDie
  )

/** How long one request takes that brings a durable store in line with a big file: new, unchanged, all changed, gone. */
export const applying = (size: Size) =>
  Effect.gen(function* () {
    const count = size.quick ? 1_000 : 10_000
    const textOf = (hour: number) => Array.from({ length: count }, (_, index) => schedule(index, hour)).join("")
    const first = textOf(0)
    const steps = { "all new": first, "none changed": first, "all changed": textOf(1), "all gone": "# none\n" }
    const results: Array<Result> = []
    yield* Effect.gen(function* () {
      const { apply } = yield* Apply
      for (const [what, text] of Object.entries(steps)) {
        const value = yield* timed(apply({ files: [{ path: "bench.symbi", text }], source: "bench" }, "bench"))
        const megabytes = (text.length / 1e6).toFixed(1)
        results.push({ name: `apply ${count} schedules of ${megabytes} MB, ${what}`, value, unit: "ms" })
      }
    }).pipe(Effect.provide(services(yield* databaseFile)))
    return results
  })
