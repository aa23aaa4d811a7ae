import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { RunSummary } from "../../src/Domain/Run.ts"
import type { FailpointName } from "../../src/Failpoints.ts"
import { layerSqlite } from "../../src/JobStore/Sqlite.ts"
import { JobStore } from "../../src/JobStore.ts"
import { bundled, child } from "../support/Child.ts"

class Service extends Context.Tag("test/Service")<Service, string>() {}

const built = Layer.scoped(Service, bundled("ServiceWithFailpoint.ts")).pipe(Layer.provideMerge(NodeContext.layer))

/** Each failpoint, and the hit at which the service dies: while runs are in flight and others have ended. */
const deaths: ReadonlyArray<readonly [FailpointName, number]> = [
  ["look.before", 4],
  ["look.written", 3],
  ["look.committed", 3],
  ["finish.before", 3],
  ["finish.written", 4],
  ["finish.committed", 3],
  ["delivery.sent", 3],
  ["delivery.committed", 2]
]

const slotsOf = (runs: ReadonlyArray<RunSummary>): ReadonlyArray<number> =>
  runs
    .flatMap((run) => {
      if (run.missed_from === null || run.missed_to === null) return [run.scheduled_for]
      const from = run.missed_from
      return Array.from({ length: (run.missed_to - from) / 1_000 + 1 }, (_, n) => from + n * 1_000)
    })
    .toSorted((a, b) => a - b)

const assertWhole = Effect.fnUntraced(function* (name: string) {
  const store = yield* JobStore
  const job = yield* store.findJob(name)
  const { items: runs } = yield* store.listRuns(name, { limit: 1_000 })
  const slots = slotsOf(runs)
  const last = (job.next_run ?? 0) - 1_000
  const expected =
    job.every === undefined
      ? [Date.parse(job.at ?? "")]
      : Array.from({ length: (last - job.anchor) / 1_000 }, (_, n) => job.anchor + (n + 1) * 1_000)
  assert.isAbove(expected.length, 0)
  assert.deepStrictEqual(slots, expected, `${name}: each slot up to the cursor has one row`)
  for (const run of runs) {
    assert.isNotNull(run.finished_at, `${name}: ${run.status} at the end`)
    assert.isTrue(
      run.attempts.every((attempt) => attempt.outcome !== null),
      `${name}: an attempt was left open`
    )
    const channels = run.status === "succeeded" || run.status === "failed" ? [...job.delivery] : []
    assert.deepStrictEqual(
      run.deliveries.map((delivery) => delivery.channel),
      channels
    )
    assert.isTrue(run.deliveries.every((delivery) => delivery.state === "delivered"))
  }
  return runs
})

layer(built, { timeout: "60 seconds", excludeTestServices: true })("a service killed at a failpoint", (it) => {
  describe.concurrent("goes on where it was", () => {
    for (const [failpoint, hit] of deaths) {
      it.scoped(`${failpoint}, hit ${hit}`, () =>
        Effect.gen(function* () {
          const bundle = yield* Service
          const fs = yield* FileSystem.FileSystem
          const folder = yield* fs.makeTempDirectoryScoped({ prefix: "symbiont-kill-" })
          const killed = yield* Effect.flatMap(child(bundle, folder, failpoint, String(hit)), ({ ended }) => ended)
          assert.strictEqual(killed.signal, "SIGKILL", killed.stderr)
          const second = yield* Effect.flatMap(child(bundle, folder), ({ ended }) => ended)
          assert.strictEqual(second.code, 0, second.stderr)
          yield* Effect.gen(function* () {
            const runs = (yield* Effect.forEach(["quick", "slow", "flaky", "once"], assertWhole)).flat()
            assert.isAbove(runs.filter((run) => run.status === "succeeded").length, 3)
            assert.strictEqual((yield* (yield* JobStore).counts).running, 0)
          }).pipe(Effect.provide(layerSqlite(`${folder}/symbiont.db`)))
        })
      )
    }
  })
})
