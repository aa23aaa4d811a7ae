import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { AuditLog } from "../../src/AuditLog.ts"
import type { NewDelivery } from "../../src/JobStore.ts"
import { JobStore } from "../../src/JobStore.ts"
import { audited } from "../support/Audit.ts"
import { Database } from "./Conformance.ts"
import type { StoreTest } from "./ConformanceOfRuns.ts"
import { finish, insert, jobId, look, manual, nthJob, success, t0 } from "./fixtures.ts"

const endWith = (now: number, ...deliveries: ReadonlyArray<NewDelivery>) =>
  Effect.gen(function* () {
    yield* manual("job-1")
    const { started } = yield* look()
    yield* Effect.forEach(started, ({ run }) => finish(run, success({ deliveries }), now))
  })

/** The outbox and the audit log of every store. */
export const deliveriesConform = (engine: string, test: StoreTest) => {
  describe(`a store on ${engine} keeps an outbox`, () => {
    test("of deliveries that are due, oldest first, with their run and job", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, { next_run: null }))
        assert.isNull(yield* store.nextDelivery)
        yield* endWith(t0 + 2, { channel: "stdout", kind: "output" })
        yield* endWith(t0 + 1, { channel: "log_file", kind: "output" }, { channel: "log_file", kind: "dead_letter" })
        assert.strictEqual(yield* store.nextDelivery, t0 + 1)
        assert.deepStrictEqual(yield* store.dueDeliveries(t0, 10), [])
        const due = yield* store.dueDeliveries(t0 + 2, 10)
        assert.deepStrictEqual(
          due.map(({ delivery }) => [delivery.channel as string, delivery.kind]),
          [
            ["log_file", "output"],
            ["log_file", "dead_letter"],
            ["stdout", "output"]
          ]
        )
        assert.deepInclude(due[0]?.run, { output: "fine", status: "succeeded" })
        assert.strictEqual(due[0]?.job.id, jobId(1))
        assert.strictEqual((yield* store.dueDeliveries(t0 + 2, 2)).length, 2)
      }))

    test("and of what became of them", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, { next_run: null }))
        yield* endWith(t0, { channel: "stdout", kind: "output" })
        const [due] = yield* store.dueDeliveries(t0, 10)
        const id = due?.delivery.id ?? assert.fail("nothing is due")
        const retry = { state: "pending" as const, next_attempt_at: t0 + 2_000, delivered_at: null, error: "busy" }
        yield* store.settleDelivery(id, retry, [])
        assert.deepStrictEqual(yield* store.dueDeliveries(t0 + 1_999, 10), [])
        const [again] = yield* store.dueDeliveries(t0 + 2_000, 10)
        assert.deepInclude(again?.delivery, { id, attempts: 1, error: "busy" })
        const dead = { state: "dead" as const, next_attempt_at: null, delivered_at: null, error: "gone" }
        yield* store.settleDelivery(id, dead, [{ type: "DeliveryDeadLettered", actor: "scheduler" }])
        yield* store.settleDelivery(id, dead, [{ type: "DeliveryDeadLettered", actor: "scheduler" }])
        assert.deepStrictEqual(yield* store.dueDeliveries(t0 + 9_000, 10), [])
        assert.isNull(yield* store.nextDelivery)
        assert.strictEqual((yield* audited({ type: "DeliveryDeadLettered", limit: 9 })).length, 1)
        const run = yield* store.findRun(again?.run.id ?? "")
        assert.deepInclude(run.deliveries[0], { state: "dead", attempts: 2, error: "gone" })
      }))

    test("in which a damaged row stops no other", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        const { execute } = yield* Database
        yield* insert(nthJob(1, { next_run: null }))
        yield* endWith(t0, { channel: "stdout", kind: "output" })
        yield* execute("UPDATE deliveries SET channel = 'pigeon'")
        yield* endWith(t0 + 1, { channel: "stdout", kind: "output" })
        const due = yield* Effect.repeatN(store.dueDeliveries(t0 + 1, 1), 1)
        assert.strictEqual(due[0]?.delivery.created_at, t0 + 1)
        yield* execute("UPDATE runs SET tool_calls = 'x'")
        assert.deepStrictEqual(yield* store.dueDeliveries(t0 + 1, 10), [])
        assert.isNull(yield* store.nextDelivery)
        const dead = yield* audited({ type: "DeliveryDeadLettered", job: jobId(1), limit: 9 })
        assert.deepStrictEqual(
          dead.map((event) => event.reason),
          ["the stored row of its run is damaged", "the stored row of its delivery is damaged"]
        )
      }))
  })

  describe(`a store on ${engine} keeps an audit log`, () => {
    test("newest first, by type and job", () =>
      Effect.gen(function* () {
        yield* (yield* AuditLog).append(
          [
            { type: "ClockJumped", actor: "scheduler", reason: "one" },
            { type: "CronJobPaused", actor: "api", job_id: jobId(1), job_name: "a", after: { status: "paused" } }
          ],
          t0
        )
        yield* (yield* AuditLog).append(
          [{ type: "ClockJumped", actor: "scheduler", reason: "two", time: t0 - 5 }],
          t0 + 1
        )
        const all = yield* audited({ limit: 10 })
        assert.deepStrictEqual(
          all.map((event) => event.reason),
          ["two", null, "one"]
        )
        assert.deepStrictEqual(
          all.map((event) => event.time),
          [t0 - 5, t0, t0]
        )
        assert.deepStrictEqual(all[1]?.after, { status: "paused" })
        const jumps = yield* audited({ type: "ClockJumped", limit: 1 })
        assert.deepStrictEqual(
          jumps.map((event) => event.reason),
          ["two"]
        )
        assert.strictEqual((yield* audited({ job: jobId(1), limit: 10 })).length, 1)
      }))
  })
}
