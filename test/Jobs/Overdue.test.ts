import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { Ids } from "../../src/Domain/Ids.ts"
import { JobStore } from "../../src/JobStore.ts"
import { checkDefinition, newJob, pauseJob, withOverdue } from "../../src/Jobs.ts"
import { storeInMemory } from "../../src/testing.ts"
import { define, hour, minute } from "../support/Engine.ts"

const runtime = Layer.merge(storeInMemory, Ids.Default)

/** A job every 10 minutes, created at 0; nobody claims its slots. */
const unclaimed = Effect.gen(function* () {
  const store = yield* JobStore
  const definition = define({ name: "unclaimed", every: "10m" })
  const recurrence = Either.getOrThrow(checkDefinition(definition, { anchor: 0, timezone: "UTC" }))
  const { job: id } = yield* Ids
  const job = newJob(definition, recurrence, { id: yield* id, source_file: null, applied: null, defined_by: "test" }, 0)
  yield* store.insertJobs([{ job, audit: [] }])
  return job
})

const pauseAt = (name: string, now: number) =>
  Effect.flatMap(JobStore, (store) =>
    store.modifyJob(name, (before) =>
      Either.map(pauseJob(before, "apply", now), (change) => withOverdue(before, change, now, "UTC"))
    )
  )

describe("a change of a job whose slots are due but not claimed yet", () => {
  it.effect("leaves one missed row that stands for all of them", () =>
    Effect.gen(function* () {
      const store = yield* JobStore
      yield* unclaimed
      yield* pauseAt("unclaimed", 35 * minute)
      const { items } = yield* store.listRuns("unclaimed", { limit: 10 })
      assert.deepStrictEqual(
        items.map((run) => [run.status, run.reason?.code, run.missed_count, run.missed_from, run.missed_to]),
        [["missed", "paused", 3, 10 * minute, 30 * minute]]
      )
      assert.strictEqual((yield* store.findJob("unclaimed")).next_run, 40 * minute)
    }).pipe(Effect.provide(runtime))
  )

  it.effect("leaves no row when none was due", () =>
    Effect.gen(function* () {
      const store = yield* JobStore
      yield* unclaimed
      yield* pauseAt("unclaimed", 9 * minute)
      assert.deepStrictEqual((yield* store.listRuns("unclaimed", { limit: 10 })).items, [])
    }).pipe(Effect.provide(runtime))
  )

  it.effect("costs the same after a long time", () =>
    Effect.gen(function* () {
      const store = yield* JobStore
      yield* unclaimed
      yield* pauseAt("unclaimed", 5 * 365 * 24 * hour)
      const { items } = yield* store.listRuns("unclaimed", { limit: 10 })
      assert.deepStrictEqual(
        items.map((run) => run.missed_count),
        [5 * 365 * 24 * 6]
      )
    }).pipe(Effect.provide(runtime))
  )
})
