import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import type { StoredJob } from "../../src/Domain/Job.ts"
import { JobStore, type MissedAhead } from "../../src/JobStore.ts"
import { audited } from "../support/Audit.ts"
import type { StoreTest } from "./ConformanceOfRuns.ts"
import { finish, insert, look, manual, newRun, nthJob, runsOf, success, t0 } from "./fixtures.ts"

const minute = 60_000
const hour = 60 * minute
const event = { type: "ClockJumped", actor: "scheduler", reason: "set back" } as const

const missed = (from: number, to: number) =>
  newRun({ scheduled_for: from, status: "missed", missed_from: from, missed_to: to, missed_count: 9 })

/** What every store does when the clock is set back. */
export const clocksConform = (engine: string, test: StoreTest) => {
  describe(`a store on ${engine} whose clock is set back`, () => {
    test("keeps waits as long as they were", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, { next_run: null, max_concurrent: 9 }))
        yield* manual("job-1")
        const { started } = yield* look()
        yield* Effect.forEach(started, ({ run }) =>
          finish(run, success({ deliveries: [{ channel: "stdout", kind: "output" }] }), t0 + 2 * hour)
        )
        const waiting = yield* manual("job-1", { start_at: t0 + 2 * hour })
        const overdue = yield* manual("job-1", { start_at: t0 + 30 * minute })
        const past = yield* manual("job-1", { start_at: t0 - minute })
        assert.strictEqual(yield* store.clockSetBack(t0, hour, () => assert.fail("no job was changed"), event), 0)
        assert.strictEqual((yield* store.waitingDestinations(t0)).next, t0 + hour)
        const starts = new Map((yield* runsOf("job-1")).map((run) => [run.id, run.start_at]))
        assert.strictEqual(starts.get(waiting.id), t0 + hour)
        assert.strictEqual(starts.get(overdue.id), t0)
        assert.strictEqual(starts.get(past.id), t0 - minute)
        const ready = yield* look()
        assert.sameMembers(
          ready.started.map(({ run }) => run.id),
          [overdue.id, past.id]
        )
        assert.deepStrictEqual(
          (yield* audited({ type: "ClockJumped", limit: 9 })).map(({ reason }) => reason),
          ["set back"]
        )
      }))

    test("stops no run for a slot that has its row already", () =>
      Effect.gen(function* () {
        yield* insert(nthJob(1))
        const [first] = (yield* look()).started
        const again = (slot: number) =>
          look({
            now: t0 + minute,
            plan: (_job, { holders }) => ({
              runs: [newRun({ scheduled_for: slot, holds_permit: false })],
              next_run: t0 + minute,
              cancel: holders,
              audit: []
            })
          })
        assert.deepStrictEqual((yield* again(t0)).cancel, [])
        assert.deepStrictEqual(
          (yield* again(t0 + 1)).cancel.map(({ run_id }) => run_id),
          [first?.run.id]
        )
      }))

    test("asks for a new plan of jobs changed or missed at an instant to come, and of no other", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* TestClock.setTime(t0 + hour)
        yield* insert(
          nthJob(1, { next_run: null }),
          nthJob(2, { next_run: t0 + hour }),
          nthJob(3, { next_run: null, updated_at: t0 + 1 }),
          nthJob(4, { next_run: null, anchor: t0 + 1 })
        )
        yield* look({
          now: t0 + hour,
          plan: (job) => ({
            runs: [missed(t0 - 5 * minute, t0 + 5 * minute), missed(t0 + 6 * minute, t0 + 9 * minute)],
            next_run: (job.next_run ?? 0) + hour,
            cancel: [],
            audit: []
          })
        })
        const asked: Array<readonly [string, ReadonlyArray<number>]> = []
        const replan = (job: StoredJob, ahead: ReadonlyArray<MissedAhead>) => {
          asked.push([job.name, ahead.map(({ missed_from }) => missed_from - t0)])
          if (job.name !== "job-2") return null
          const [cut, withdrawn] = ahead
          return {
            next_run: t0 + minute,
            anchor: t0 - 7,
            status: "active" as const,
            missed: [
              ...(cut === undefined ? [] : [{ id: cut.id, passed: { missed_to: t0, missed_count: 6 } }]),
              ...(withdrawn === undefined ? [] : [{ id: withdrawn.id, passed: null }])
            ]
          }
        }
        assert.strictEqual(yield* store.clockSetBack(t0, hour, replan, event), 1)
        assert.deepStrictEqual(asked, [
          ["job-2", [-5 * minute, 6 * minute]],
          ["job-3", []],
          ["job-4", []]
        ])
        assert.deepInclude(yield* store.findJob("job-2"), { next_run: t0 + minute, anchor: t0 - 7, status: "active" })
        assert.deepStrictEqual(
          (yield* runsOf("job-2")).map((run) => [run.missed_from, run.missed_to, run.missed_count]),
          [[t0 - 5 * minute, t0, 6]]
        )
        // The withdrawn slot is free again.
        const again = yield* look({
          now: t0 + 6 * minute,
          plan: () => ({ runs: [newRun({ scheduled_for: t0 + 6 * minute })], next_run: null, cancel: [], audit: [] })
        })
        assert.strictEqual(again.started.length, 1)
      }))
  })
}
