import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as TestClock from "effect/TestClock"
import { AuditLog } from "../../src/AuditLog.ts"
import type { DeliveryFilter, NewDelivery } from "../../src/JobStore.ts"
import { JobStore } from "../../src/JobStore.ts"
import { audited } from "../support/Audit.ts"
import { Database } from "./Conformance.ts"
import type { StoreTest } from "./ConformanceOfRuns.ts"
import { finish, insert, jobId, look, manual, me, newRun, nthJob, other, success, t0 } from "./fixtures.ts"

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
        assert.deepStrictEqual(yield* store.waitingDestinations(t0 + 9), { due: [], next: null })
        yield* endWith(t0 + 2, { channel: "stdout", kind: "output" }, { channel: "log_file", kind: "output" })
        yield* endWith(t0 + 1, { channel: "log_file", kind: "output" }, { channel: "log_file", kind: "dead_letter" })
        assert.deepStrictEqual(yield* store.waitingDestinations(t0), { due: [], next: t0 + 1 })
        assert.deepStrictEqual(yield* store.waitingDestinations(t0 + 1), { due: ["log_file"], next: t0 + 2 })
        assert.deepStrictEqual(yield* store.waitingDestinations(t0 + 2), { due: ["log_file", "stdout"], next: null })
        assert.deepStrictEqual(yield* store.dueDeliveries("log_file", t0, 10, []), [])
        const due = yield* store.dueDeliveries("log_file", t0 + 2, 10, [])
        assert.deepStrictEqual(
          due.map(({ delivery }) => [delivery.created_at - t0, delivery.kind as string]),
          [
            [1, "output"],
            [1, "dead_letter"],
            [2, "output"]
          ]
        )
        assert.deepInclude(due[0]?.run, { output: "fine", status: "succeeded" })
        assert.strictEqual(due[0]?.job.id, jobId(1))
        assert.strictEqual((yield* store.dueDeliveries("log_file", t0 + 2, 2, [])).length, 2)
        const known = due.slice(0, 2).map(({ delivery }) => delivery.id)
        assert.deepStrictEqual(yield* store.dueDeliveries("log_file", t0 + 2, 2, known), due.slice(2))
        assert.strictEqual((yield* store.dueDeliveries("stdout", t0 + 2, 9, [])).length, 1)
      }))

    test("and of what became of them", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, { next_run: null }))
        yield* endWith(t0, { channel: "stdout", kind: "output" })
        const [due] = yield* store.dueDeliveries("stdout", t0, 10, [])
        const read = due?.delivery ?? assert.fail("nothing is due")
        const { id } = read
        const retry = { state: "pending" as const, next_attempt_at: t0 + 2_000, delivered_at: null, error: "busy" }
        assert.isTrue(yield* store.settleDelivery(read, retry, []))
        assert.deepStrictEqual(yield* store.dueDeliveries("stdout", t0 + 1_999, 10, []), [])
        const [again] = yield* store.dueDeliveries("stdout", t0 + 2_000, 10, [])
        assert.deepInclude(again?.delivery, { id, attempts: 1, error: "busy" })
        const dead = { state: "dead" as const, next_attempt_at: null, delivered_at: null, error: "gone" }
        const lost = [{ type: "DeliveryDeadLettered" as const, actor: "scheduler" }]
        const asRead = again?.delivery ?? assert.fail("nothing is due")
        assert.isFalse(yield* store.settleDelivery(read, dead, lost), "it is not as it was read")
        assert.isTrue(yield* store.settleDelivery(asRead, dead, lost))
        assert.isFalse(yield* store.settleDelivery(asRead, dead, lost), "it is dead already")
        assert.deepStrictEqual(yield* store.dueDeliveries("stdout", t0 + 9_000, 10, []), [])
        assert.deepStrictEqual(yield* store.waitingDestinations(t0), { due: [], next: null })
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
        const due = yield* Effect.repeatN(store.dueDeliveries("stdout", t0 + 1, 1, []), 1)
        assert.strictEqual(due[0]?.delivery.created_at, t0 + 1)
        yield* execute("UPDATE runs SET tool_calls = 'x'")
        assert.deepStrictEqual(yield* store.dueDeliveries("stdout", t0 + 1, 10, []), [])
        assert.deepStrictEqual(yield* store.waitingDestinations(t0), { due: [], next: null })
        const dead = yield* audited({ type: "DeliveryDeadLettered", job: jobId(1), limit: 9 })
        assert.deepStrictEqual(
          dead.map((event) => event.reason),
          ["the stored row of its run is damaged", "the stored row of its delivery is damaged"]
        )
      }))
  })

  describe(`a store on ${engine} keeps what agents say while they run`, () => {
    test("of the current attempt alone, several texts for one channel", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, { next_run: null, webhook_url: "https://hooks.example.com/x" }))
        yield* manual("job-1")
        const [started] = (yield* look()).started
        const { run } = started ?? assert.fail("nothing started")
        const ref = { run_id: run.id, attempt: 1, owner: me }
        assert.isTrue(yield* store.addNotice(ref, "webhook", "first", t0 + 1))
        assert.isTrue(yield* store.addNotice(ref, "webhook", "second", t0 + 2))
        const due = yield* store.dueDeliveries("webhook hooks.example.com", t0 + 2, 9, [])
        assert.deepStrictEqual(
          due.map(({ delivery, notice, run }) => [delivery.kind as string, notice, run.status as string]),
          [
            ["notify", "first", "running"],
            ["notify", "second", "running"]
          ]
        )
        for (const fenced of [
          { ...ref, attempt: 2 },
          { ...ref, owner: other }
        ]) {
          const refused = yield* Effect.flip(store.addNotice(fenced, "webhook", "late", t0 + 3))
          assert.strictEqual(refused._tag, "FencedOut")
        }
        yield* finish(run, success({ deliveries: [{ channel: "webhook", kind: "output" }] }), t0 + 4)
        assert.strictEqual((yield* Effect.flip(store.addNotice(ref, "webhook", "late", t0 + 5)))._tag, "FencedOut")
        const ended = yield* store.findRun(run.id)
        assert.deepStrictEqual(
          ended.deliveries.map(({ kind }) => kind as string),
          ["notify", "notify", "output"]
        )
      }))

    test("up to twenty a run", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, { next_run: null }))
        yield* manual("job-1")
        const [started] = (yield* look()).started
        const ref = { run_id: started?.run.id ?? assert.fail("nothing started"), attempt: 1, owner: me }
        const added = yield* Effect.forEach(
          Array.from({ length: 25 }, (_, n) => n),
          (n) => store.addNotice(ref, n % 2 === 0 ? "stdout" : "log_file", `${n}`, t0),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(added.filter((one) => one).length, 20)
        assert.strictEqual((yield* store.findRun(ref.run_id)).deliveries.length, 20)
      }))
  })

  describe(`a store on ${engine} keeps what was not delivered`, () => {
    const dead = { state: "dead" as const, next_attempt_at: null, delivered_at: null, error: "gone" }

    /** Ends a run with an output for `stdout`, which dies at `now`. */
    const dieAt = (now: number, alert?: Parameters<(typeof JobStore.Service)["settleDelivery"]>[3]) =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* endWith(now, { channel: "stdout", kind: "output" })
        const [due] = yield* store.dueDeliveries("stdout", now, 9, [])
        const read = due?.delivery ?? assert.fail("nothing is due")
        yield* TestClock.setTime(now)
        yield* store.settleDelivery(read, dead, [], alert)
        return read.id
      })

    test("in lists, by state, channel and job, page after page", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, { next_run: null }), nthJob(2, { next_run: null }))
        const lost = yield* Effect.forEach([1, 2, 3], (n) => dieAt(t0 + n))
        yield* endWith(t0 + 4, { channel: "log_file", kind: "output" })
        const ids = (filter: Partial<DeliveryFilter>) =>
          Effect.map(store.listDeliveries({ limit: 9, ...filter }), ({ items }) => items.map(({ id }) => id))
        assert.deepStrictEqual(yield* ids({ state: "dead" }), lost.toReversed())
        assert.deepStrictEqual(yield* ids({ state: "failed" }), [])
        assert.lengthOf(yield* ids({ state: "pending" }), 1)
        assert.lengthOf(yield* ids({ channel: "log_file" }), 1)
        assert.lengthOf(yield* ids({ job_id: jobId(1) }), 4)
        assert.lengthOf(yield* ids({ job_id: jobId(2) }), 0)
        const first = yield* store.listDeliveries({ limit: 2, state: "dead" })
        const rest = yield* store.listDeliveries({ limit: 2, state: "dead", cursor: first.next ?? undefined })
        assert.deepStrictEqual(
          [...first.items, ...rest.items].map(({ id, job_name }) => [id, job_name]),
          lost.toReversed().map((id) => [id, "job-1"])
        )
        assert.isNull(rest.next)
        assert.deepStrictEqual(yield* store.deliveryCounts, { pending: 1, failed: 0, dead: 3, oldest_pending: t0 + 4 })
        assert.strictEqual((yield* store.findDelivery(lost[0] ?? "")).error, "gone")
        assert.strictEqual((yield* Effect.flip(store.findDelivery("dlv_none")))._tag, "DeliveryNotFound")
      }))

    test("and sends it anew, one or all, under the same id, with an event of who asked", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        const requeued = { type: "DeliveryRequeued" as const, actor: "ann" }
        yield* insert(nthJob(1, { next_run: null }))
        const one = yield* dieAt(t0 + 1)
        const others = [yield* dieAt(t0 + 2), yield* dieAt(t0 + 3)]
        const again = yield* store.redeliver(one, t0 + 9, ({ id }) => ({ ...requeued, reason: id }))
        assert.deepInclude(again, { id: one, state: "pending", attempts: 0, next_attempt_at: t0 + 9, error: "gone" })
        const which = { state: "dead" as const, channel: "stdout" as const, job_id: jobId(1) }
        assert.strictEqual(yield* store.redeliverAll({ ...which, job_id: jobId(2) }, t0 + 9, () => requeued), 0)
        assert.strictEqual(
          yield* store.redeliverAll(which, t0 + 9, (count) => ({ ...requeued, reason: String(count) })),
          2
        )
        const due = yield* store.dueDeliveries("stdout", t0 + 9, 9, [])
        assert.sameMembers(
          due.map(({ delivery }) => delivery.id),
          [one, ...others]
        )
        assert.deepStrictEqual(
          (yield* audited({ type: "DeliveryRequeued", limit: 9 })).map(({ actor, reason }) => [actor, reason]),
          [
            ["ann", "2"],
            ["ann", one]
          ]
        )
        const missing = yield* Effect.flip(store.redeliver("dlv_none", t0, () => requeued))
        assert.strictEqual(missing._tag, "DeliveryNotFound")
      }))

    test("and lets an attempt under way settle nothing that was asked for anew meanwhile", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, { next_run: null }))
        yield* endWith(t0, { channel: "stdout", kind: "output" })
        const [due] = yield* store.dueDeliveries("stdout", t0, 9, [])
        const read = due?.delivery ?? assert.fail("nothing is due")
        // In the very instant in which it was due, too.
        yield* store.redeliver(read.id, t0, () => ({ type: "DeliveryRequeued", actor: "ann" }))
        assert.isFalse(yield* store.settleDelivery(read, dead, []))
        assert.deepInclude(yield* store.findDelivery(read.id), { state: "pending", attempts: 0 })
        assert.lengthOf(yield* store.dueDeliveries("stdout", t0, 9, []), 1)
      }))

    test("of slots too that a change of their job left out", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        const tells = { next_run: null, delivery: ["stdout" as const], deliver_on: ["skipped" as const] }
        yield* insert(nthJob(1, tells), nthJob(2, tells), nthJob(3, { ...tells, deliver_on: ["failure"] }))
        const missed = (at: number) => [newRun({ scheduled_for: at, status: "missed" as const, holds_permit: false })]
        const edit = (ref: string) =>
          store.modifyJob(ref, (job) => Either.right({ job: { ...job, version: 2 }, runs: missed(t0), audit: [] }))
        yield* edit("job-1")
        yield* edit("job-3")
        yield* store.changeJobs({ names: ["job-2"], files: [], folders: [] }, t0, ({ jobs }) =>
          Either.right({
            creates: [],
            removals: [],
            changes: jobs.map((before) => ({ before, job: { ...before, version: 2 }, runs: missed(t0), audit: [] }))
          })
        )
        const due = yield* store.dueDeliveries("stdout", t0, 9, [])
        assert.sameMembers(
          due.map(({ job, run }) => `${job.name} ${run.status}`),
          ["job-1 missed", "job-2 missed"]
        )
      }))

    test("and sends it where its job sends by now", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        const webhook = { next_run: null, delivery: ["webhook" as const] }
        yield* insert(nthJob(1, { ...webhook, webhook_url: "https://old.example/x" }))
        yield* endWith(t0, { channel: "webhook", kind: "output" })
        yield* store.modifyJob("job-1", (job) =>
          Either.right({ job: { ...job, webhook_url: "https://new.example/x", version: 2 }, audit: [] })
        )
        assert.deepStrictEqual(yield* store.dueDeliveries("webhook old.example", t0, 9, []), [])
        assert.deepStrictEqual((yield* store.waitingDestinations(t0)).due, ["webhook new.example"])
        assert.lengthOf(yield* store.dueDeliveries("webhook new.example", t0, 9, []), 1)
      }))

    test("and raises an alert about it, but not one after the other", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        const { execute } = yield* Database
        const alert = { channel: "log_file" as const, quiet: 60_000 }
        yield* insert(nthJob(1, { next_run: null }))
        const first = yield* dieAt(t0 + 1, alert)
        yield* dieAt(t0 + 2, alert)
        const [due, ...others] = yield* store.dueDeliveries("log_file", t0 + 9, 9, [])
        assert.deepStrictEqual(others, [])
        assert.deepInclude(due?.delivery, { kind: "undelivered", about: first, state: "pending", created_at: t0 + 1 })
        assert.deepInclude(due?.about, { id: first, state: "dead", error: "gone" })
        // One from a time that is still to come, by a clock that was set back, silences nothing.
        yield* execute(`UPDATE deliveries SET created_at = ${t0 + 9_999_999} WHERE kind = 'undelivered'`)
        yield* dieAt(t0 + 3, alert)
        assert.lengthOf(yield* store.dueDeliveries("log_file", t0 + 9, 9, []), 2)
        yield* execute(`DELETE FROM deliveries WHERE kind = 'undelivered' AND created_at <> ${t0 + 9_999_999}`)
        yield* execute(`UPDATE deliveries SET created_at = ${t0 + 1} WHERE kind = 'undelivered'`)
        yield* dieAt(t0 + 60_001, alert)
        assert.lengthOf(yield* store.dueDeliveries("log_file", t0 + 99_999, 9, []), 2)
        // An alert that cannot be delivered is told of at once, and what is told is what it was about.
        yield* store.settleDelivery(due?.delivery ?? assert.fail("no alert"), dead, [], {
          channel: "custom:pager",
          quiet: 0
        })
        const [last] = yield* store.dueDeliveries("custom:pager", t0 + 99_999, 9, [])
        assert.strictEqual(last?.about?.id, first)
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
