import { spawn } from "node:child_process"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { DeliveryRouter, Outbox, OutboxSignal, StandardOutput } from "../src/Delivery.ts"
import { BootId } from "../src/Domain/Ids.ts"
import { layerSqlite } from "../src/JobStore/Sqlite.ts"
import { JobStore } from "../src/JobStore.ts"
import { ServiceEnvironment } from "../src/ServiceEnvironment.ts"
import { testSettings } from "../src/testing.ts"
import { makeJob } from "./Jobs.ts"
import { databaseFile, median, type Size, timed } from "./Measure.ts"

const owner = BootId.make(`boot_${"0".repeat(26)}`)

/** A server in a process of its own: one that answers 200 at once, or one that takes what comes and never answers. */
const receiver = (answers: boolean) =>
  Effect.acquireRelease(
    Effect.async<{ readonly port: number; readonly end: () => void }>((resume) => {
      const answer = answers ? `request.resume().on("end", () => response.end())` : ""
      const script = `const server = require("node:http").createServer((request, response) => { ${answer} })
server.listen(0, "127.0.0.1", () => console.log(server.address().port))`
      const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] })
      child.stdout.once("data", (port) => resume(Effect.succeed({ port: Number(port), end: () => child.kill() })))
    }),
    ({ end }) => Effect.sync(end)
  )

const runsPerJob = 50

const pendingOfJob = Effect.fnUntraced(function* (port: number) {
  const store = yield* JobStore
  const now = Date.now()
  const made = yield* makeJob(now)
  const job = {
    ...made,
    next_run: null,
    max_concurrent: 10_000,
    delivery: ["webhook" as const],
    webhook_url: `http://127.0.0.1:${port}/hook`
  }
  yield* store.insertJobs([{ job, audit: [] }])
  const ask = store.insertManualRun(job.id, now, () =>
    Either.right({
      trigger: "manual",
      status: "pending",
      scheduled_for: now,
      start_at: null,
      input: null,
      reason: null,
      holds_permit: true
    })
  )
  yield* Effect.forEach(Array.from({ length: runsPerJob }), () => ask, { concurrency: 100, discard: true })
  while (true) {
    const { started } = yield* store.look({
      now,
      owner,
      partitions: null,
      permits: 10_000,
      batch: 1,
      plan: () => ({ runs: [], next_run: null, cancel: [], audit: [] }),
      expire: () => Effect.runSync(Effect.die("no approvals"))
    })
    if (started.length === 0) return
    yield* Effect.forEach(
      started,
      ({ attempt, run }) =>
        store.finish({ run_id: run.id, attempt: attempt.number, owner }, now, () => ({
          attempt: { outcome: "succeeded", failure: null, error_message: null },
          run: { status: "succeeded", finished_at: now, execution_time_ms: 1, output: "the output of a run" },
          job: {},
          deliveries: [{ channel: "webhook", kind: "output" }],
          audit: []
        })),
      { concurrency: 100, discard: true }
    )
  }
})

/** Ends `count` runs, of jobs that deliver to a port of this machine. */
const pendingTo = (port: number, count: number) =>
  Effect.forEach(Array.from({ length: count / runsPerJob }), () => pendingOfJob(port), { discard: true })

const edges = Layer.merge(DeliveryRouter.layer, OutboxSignal.Default).pipe(
  Layer.provide([
    Layer.succeed(StandardOutput, { isTTY: false, write: () => Effect.void }),
    ServiceEnvironment.layer({ variables: {}, directory: "." })
  ]),
  Layer.provideMerge(testSettings({ scheduler: { delivery: { allow_hosts: ["127.0.0.1"] } } })),
  Layer.provide(NodeContext.layer)
)

/** The milliseconds until all but `left` deliveries are made. */
const drained = (left: number) =>
  timed(
    Effect.gen(function* () {
      const store = yield* JobStore
      while ((yield* store.deliveryCounts).pending > left) yield* Effect.sleep("20 millis")
    }).pipe(Effect.provide(Outbox.layer), Effect.provide(edges))
  )

/** Pending webhook deliveries made per second, alone and behind those of a receiver that never answers. */
export const deliveries = ({ quick, rounds }: Size) =>
  Effect.gen(function* () {
    const count = quick ? 2_000 : 10_000
    const hung = quick ? 200 : 1_000
    const alive = yield* receiver(true)
    const dead = yield* receiver(false)
    const rate = (behind: number) =>
      Effect.gen(function* () {
        const file = yield* databaseFile
        const millis = yield* Effect.gen(function* () {
          if (behind > 0) yield* pendingTo(dead.port, behind)
          yield* pendingTo(alive.port, count)
          return yield* drained(behind)
        }).pipe(Effect.provide(layerSqlite(file)))
        return (count * 1_000) / millis
      })
    const alone: Array<number> = []
    const beside: Array<number> = []
    for (let round = 0; round < rounds; round++) {
      alone.push(yield* rate(0))
      beside.push(yield* rate(hung))
    }
    return [
      { name: `drain ${count} webhook deliveries`, value: median(alone), unit: "deliveries/s" },
      { name: `the same behind ${hung} to a receiver that hangs`, value: median(beside), unit: "deliveries/s" },
      { name: "a dead receiver's neighbours, against alone", value: median(beside) / median(alone), unit: "x" }
    ]
  })
