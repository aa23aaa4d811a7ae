import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { LiveRuns } from "../../src/JobStore.ts"
import { JobStore } from "../../src/JobStore.ts"
import { audited } from "../support/Audit.ts"
import type { StoreTest } from "./ConformanceOfRuns.ts"
import { backfill, finish, insert, jobId, look, manual, newRun, nthJob, runsOf, success, t0 } from "./fixtures.ts"

const hour = 3_600_000
const past = (n: number) => t0 - n * hour
const idle = { next_run: null }

/** What is live of job-1, as those who plan see it. */
const live = Effect.flatMap(JobStore, (store) =>
  Effect.flip(store.insertManualRun("job-1", t0, (_job, runs) => Either.left(runs)))
) as Effect.Effect<LiveRuns, never, JobStore>

/** Runs for past slots in every store. */
export const backfillsConform = (engine: string, test: StoreTest) => {
  describe(`a store on ${engine} backfills`, () => {
    test("slots with runs that take turns, and one event for them all", () =>
      Effect.gen(function* () {
        yield* insert(nthJob(1, idle))
        const { job, runs } = yield* backfill("job-1", [past(3), past(2), past(1)])
        assert.strictEqual(job.id, jobId(1))
        assert.deepStrictEqual(
          runs.map((run) => [run.scheduled_for, run.status]),
          [3, 2, 1].map((n) => [past(n), "pending" as const])
        )
        const order: Array<number> = []
        for (let n = 0; n < 3; n++) {
          const { started } = yield* look({ now: t0 + n * 10_000 })
          assert.deepStrictEqual(
            started.map(({ run }) => [run.trigger, run.id]),
            [["backfill", runs[n]?.id ?? ""]]
          )
          for (const { run } of started) {
            order.push(run.scheduled_for)
            yield* finish(run, success({ job: {} }), t0 + n * 10_000 + 5_000)
          }
        }
        assert.deepStrictEqual(order, [past(3), past(2), past(1)])
        assert.deepStrictEqual((yield* look({ now: t0 + hour })).started, [])
        assert.strictEqual((yield* audited({ type: "CronJobBackfilled", limit: 9 })).length, 1)
      }))

    test("and says which of them have a run that succeeded or can still change", () =>
      Effect.gen(function* () {
        yield* insert(nthJob(1))
        const statuses = ["succeeded", "failed", "pending", "skipped", "running", "missed"] as const
        const slots = statuses.map((_, n) => past(n))
        yield* look({
          plan: () => ({
            runs: statuses.map((status, n) => newRun({ status, scheduled_for: past(n), holds_permit: false })),
            next_run: null,
            cancel: [],
            audit: []
          })
        })
        yield* manual("job-1", { scheduled_for: past(1), status: "succeeded", holds_permit: false })
        const { plan } = yield* backfill("job-1", slots)
        const sorted = plan.known.toSorted((a, b) => b.scheduled_for - a.scheduled_for)
        assert.deepStrictEqual(sorted, [
          { scheduled_for: past(0), status: "succeeded" },
          { scheduled_for: past(2), status: "pending" },
          { scheduled_for: past(4), status: "running" }
        ])
        assert.deepStrictEqual(
          plan.runs.map((run) => run.scheduled_for),
          [past(1), past(3), past(5)]
        )
        const again = yield* backfill("job-1", slots)
        assert.deepStrictEqual([again.plan.known.length, again.runs.length], [6, 0])
      }))

    test("up to the limit at once, and counts them apart from the other runs", () =>
      Effect.gen(function* () {
        yield* insert(nthJob(1, { ...idle, max_concurrent: 3 }))
        const byHand = yield* manual("job-1")
        yield* backfill("job-1", [past(4), past(3), past(2), past(1)])
        yield* manual("job-1", { holds_permit: false })
        assert.deepStrictEqual(yield* live, { holding: 3, backfilling: 2, queued: 1, holders: [byHand.id] })
        const { started } = yield* look()
        assert.deepStrictEqual(
          started.map(({ run }) => run.scheduled_for).toSorted((a, b) => a - b),
          [past(4), past(3), t0]
        )
      }))

    test("behind every other run that waits for a permit, whenever it came", () =>
      Effect.gen(function* () {
        yield* insert(nthJob(1, idle))
        const { runs } = yield* backfill("job-1", [past(2), past(1)])
        const waiting = yield* manual("job-1", { holds_permit: false })
        const order = [runs[0]?.id, waiting.id, runs[1]?.id]
        for (let n = 0; n < 3; n++) {
          const { started } = yield* look({ now: t0 + n * 10_000 })
          assert.deepStrictEqual(
            started.map(({ run }) => run.id),
            order.slice(n, n + 1)
          )
          for (const { run } of started) yield* finish(run, success({ job: {} }), t0 + n * 10_000 + 5_000)
        }
      }))

    test("no further when the job is deleted: what is queued is cancelled, what has begun goes on", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, idle))
        const { runs } = yield* backfill("job-1", [past(3), past(2), past(1)])
        const waiting = yield* manual("job-1", { holds_permit: false })
        const { started } = yield* look()
        yield* store.deleteJob("job-1", t0 + 1, ({ id }) => ({
          audit: { type: "CronJobDeleted", actor: "test", job_id: id }
        }))
        for (const { run } of started) yield* finish(run, success({ job: {} }))
        assert.deepStrictEqual(
          (yield* look({ now: t0 + 9_000 })).started.map(({ run }) => run.id),
          [waiting.id]
        )
        const ended = yield* Effect.forEach(runs, (run) => store.findRun(run.id ?? ""))
        assert.deepStrictEqual(
          ended.map((run) => [run.status, run.finished_at, run.reason?.code]),
          [
            ["succeeded", t0 + 5_000, undefined],
            ["cancelled", t0 + 1, "job_deleted"],
            ["cancelled", t0 + 1, "job_deleted"]
          ]
        )
      }))

    test("nothing when they are refused, or of no such job", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1))
        const refused = store.insertBackfill(
          "job-1",
          t0,
          () => Either.left("no" as const),
          () => ({ runs: [newRun()], audit: [] })
        )
        assert.strictEqual(yield* Effect.flip(refused), "no")
        assert.deepStrictEqual(yield* runsOf("job-1"), [])
        assert.deepInclude(yield* Effect.flip(backfill("nobody", [])), { _tag: "JobNotFound" })
      }))

    test("a thousand slots in one transaction", () =>
      Effect.gen(function* () {
        yield* insert(nthJob(1, idle))
        const { runs } = yield* backfill(
          "job-1",
          Array.from({ length: 1_000 }, (_, n) => past(1_000 - n))
        )
        assert.strictEqual(runs.length, 1_000)
        assert.strictEqual((yield* runsOf("job-1")).length, 1_000)
        assert.deepInclude(yield* live, { holding: 1, backfilling: 1, queued: 0 })
      }))
  })
}
