import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AgentRuntime } from "../src/Agents.ts"
import { Apply } from "../src/Apply.ts"
import { Ids } from "../src/Domain/Ids.ts"
import { layerSqlite } from "../src/JobStore/Sqlite.ts"
import { WakeSignal } from "../src/Scheduler.ts"
import { ServiceEnvironment } from "../src/ServiceEnvironment.ts"
import { testSettings } from "../src/testing.ts"
import { makeJob, storeJobs } from "./Jobs.ts"
import { atLeast, databaseFile, median, type Result, type Size, timed, timedWithCpu } from "./Measure.ts"

/** Bytes of a large schedule's text, about: ten thousand of them are 5 MB. */
const bytesEach = 500

const large = (index: number, hour: number): string => {
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

const small = (index: number): string =>
  `schedule { name: "job-${index}", agent: "nobody", cron: "${index % 60} ${index % 24} * * *" }\n`

const services = (filename: string) =>
  Apply.Default.pipe(
    Layer.provide(Layer.mergeAll(layerSqlite(filename), AgentRuntime.layer, WakeSignal.Default, Ids.Default)),
    Layer.provide(ServiceEnvironment.layer({ variables: {}, directory: "." })),
    Layer.provide(testSettings()),
    Layer.orDie
  )

const filled = (count: number, each: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => each(index)).join("")

const applied = (text: string) =>
  Effect.flatMap(Apply, ({ apply }) =>
    timedWithCpu(apply({ files: [{ path: "bench.symbi", text }], source: "bench" }, "bench"))
  )

/** How long one request takes that brings a durable store in line with a big file: new, unchanged, all changed, gone. */
const steps = ({ quick }: Size) =>
  Effect.gen(function* () {
    const count = quick ? 1_000 : 10_000
    const textOf = (hour: number) => filled(count, (index) => large(index, hour))
    const first = textOf(0)
    const texts = { "all new": first, "none changed": first, "all changed": textOf(1), "all gone": "# none\n" }
    const results: Array<Result> = []
    yield* Effect.gen(function* () {
      for (const [what, text] of Object.entries(texts)) {
        const { wall } = yield* applied(text)
        const megabytes = (text.length / 1e6).toFixed(1)
        results.push({ name: `apply ${count} schedules of ${megabytes} MB, ${what}`, value: wall, unit: "ms" })
      }
    }).pipe(Effect.provide(services(yield* databaseFile)))
    return results
  })

/** Jobs made at once: as files that are applied, and by a program that hands them to the store. */
export const creating = (size: Size) =>
  Effect.gen(function* () {
    const count = size.quick ? 10_000 : 100_000
    const text = filled(count, small)
    const byFile: Array<{ readonly wall: number; readonly cpu: number }> = []
    const byProgram: Array<number> = []
    for (let round = 0; round < size.rounds; round++) {
      byFile.push(yield* Effect.provide(applied(text), services(yield* databaseFile)))
      const jobs = yield* Effect.replicateEffect(makeJob(1_800_000_000_000), count)
      byProgram.push(yield* Effect.provide(timed(storeJobs(jobs)), layerSqlite(yield* databaseFile)))
    }
    const rateOf = (millis: number) => (count * 1_000) / millis
    const [file, program] = [rateOf(median(byFile.map(({ wall }) => wall))), rateOf(median(byProgram))]
    const jobs = `${count.toLocaleString("en")} jobs`
    return [
      { name: `apply ${jobs}`, value: file, unit: "jobs/s", goal: atLeast(file, 20_000, "jobs/s") },
      { name: `apply ${jobs}, CPU each`, value: median(byFile.map(({ cpu }) => cpu)) / count, unit: "ms" },
      { name: `insert ${jobs}`, value: program, unit: "jobs/s", goal: atLeast(program, 20_000, "jobs/s") },
      ...(yield* steps(size))
    ] satisfies ReadonlyArray<Result>
  })
