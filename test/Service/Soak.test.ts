import { readdirSync, statSync } from "node:fs"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import { DeliveryRouter } from "../../src/Delivery.ts"
import { JobStore } from "../../src/JobStore.ts"
import { Jobs } from "../../src/Jobs.ts"
import { failure, storeInFile, testRuntime } from "../../src/testing.ts"
import { define } from "../support/Engine.ts"

/** Runs in one process; 200000 in the long form. */
const wanted = Number(process.env["SYMBI_TEST_SOAK_RUNS"] ?? 2_000)

const jobsAtOnce = 20
/** Runs of each round; after half of all rounds the process is taken to have what it needs. */
const perRound = 250

/** So many rows the store remembers as it read them; only the long form comes to where that grows no more. */
const rememberedRows = 16_000

setFlagsFromString("--expose-gc")
const collectGarbage: () => void = runInNewContext("gc")

const megabyte = 1_048_576

describe.runIf(process.platform === "linux")(`a process after ${wanted} runs`, () => {
  it.live(
    "has no more memory, descriptors, log of changes and metrics than when it had begun",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const folder = yield* fs.makeTempDirectoryScoped({ prefix: "symbi-soak-" })
        const file = `${folder}/symbiont.db`
        yield* Effect.gen(function* () {
          const jobs = yield* Jobs
          const store = yield* JobStore

          const measure = Effect.gen(function* () {
            // What was let go is collected in two steps.
            for (let pass = 0; pass < 3; pass++) {
              collectGarbage()
              yield* Effect.sleep("20 millis")
            }
            const series = yield* Metric.snapshot
            return {
              heap: process.memoryUsage().heapUsed / megabyte,
              descriptors: readdirSync("/proc/self/fd").length,
              wal: statSync(`${file}-wal`).size / megabyte,
              series: series.length
            }
          })

          const names = Array.from({ length: jobsAtOnce }, (_, n) => `soak-${n}`)
          for (const [n, name] of names.entries()) {
            yield* jobs.create(
              define({
                name,
                agent_id: n % 5 === 0 ? "fails" : n % 5 === 1 ? "beats" : "answers",
                cron_expr: "0 0 1 1 *",
                max_concurrent: 5,
                max_retries: 1_000,
                keep_runs: 20,
                delivery: ["custom:probe"],
                ...(n % 5 === 1 ? { heartbeat: { enabled: true } } : {}),
                ...(n % 5 === 2 ? { session_mode: "shared_persistent", session_max_bytes: 10_000 } : {})
              }),
              "test"
            )
          }

          let asked = 0
          const allEnded = Effect.map(store.counts, (counts) => counts.runs_succeeded + counts.runs_failed >= asked)
          const round = Effect.gen(function* () {
            yield* Effect.forEach(
              Array.from({ length: perRound }, (_, n) => names[n % jobsAtOnce] ?? "soak-0"),
              (name) => jobs.runNow(name, { actor: "test", queue: true }),
              { concurrency: "unbounded", discard: true }
            )
            asked += perRound
            yield* Effect.repeat(Effect.delay(allEnded, "50 millis"), { until: (ended) => ended })
          })

          const rounds = Math.ceil(wanted / perRound)
          const warm = Math.max(1, Math.floor(rounds / 2))
          for (let n = 0; n < warm; n++) yield* round
          const before = yield* measure
          for (let n = warm; n < rounds; n++) yield* round
          const after = yield* measure
          yield* Effect.logInfo("soak", before, after)

          const counts = yield* store.counts
          assert.isAtLeast(counts.runs_succeeded + counts.runs_failed, wanted)
          assert.strictEqual(counts.running, 0)
          const remembered = Math.max(0, Math.min(wanted, rememberedRows) - warm * perRound)
          assert.isBelow(after.heap - before.heap, 5 + (remembered * 4_096) / megabyte)
          assert.isAtMost(after.descriptors - before.descriptors, 2)
          assert.isBelow(after.wal, 32)
          assert.isAtMost(after.series - before.series, 2)
        }).pipe(
          Effect.provide(
            testRuntime({
              agents: {
                answers: ({ turns }) => Effect.succeed({ output: `answer ${turns.length}`.repeat(20) }),
                beats: ({ iteration }) => Effect.succeed({ output: iteration === 2 ? "sleep" : "look" }),
                fails: () => Effect.fail(failure("permanent", "no"))
              },
              // The tests' own router keeps what it is given.
              router: Layer.succeed(DeliveryRouter, { route: () => Effect.void }),
              store: storeInFile(file),
              settings: { scheduler: { max_concurrent_jobs: 50 } }
            })
          )
        )
      }).pipe(Effect.scoped, Effect.provide(NodeContext.layer)),
    120_000 + wanted * 20
  )
})
