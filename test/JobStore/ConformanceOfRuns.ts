import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { SessionId } from "../../src/Domain/Ids.ts"
import type { Session } from "../../src/Domain/Session.ts"
import type { Stores } from "../../src/JobStore/Sqlite.ts"
import { JobStore } from "../../src/JobStore.ts"
import { audited } from "../support/Audit.ts"
import type { Database } from "./Conformance.ts"
import {
  finish,
  insert,
  interrupted,
  jobId,
  look,
  manual,
  me,
  newRun,
  nthJob,
  other,
  runsOf,
  success,
  t0
} from "./fixtures.ts"

/** Declares a test that has an empty store. */
export type StoreTest = <E>(name: string, body: () => Effect.Effect<void, E, Stores | Database>) => void

const only = <A>(items: ReadonlyArray<A>): A => {
  const [item] = items
  if (item === undefined || items.length > 1) throw new Error(`expected one, got ${items.length}`)
  return item
}

const session = (turns: Session["turns"]): Session => ({
  id: SessionId.make(`ses_${"0".repeat(26)}`),
  job_id: jobId(1),
  turns,
  created_at: t0,
  updated_at: t0
})

/** The life of runs in every store. */
export const runsConform = (engine: string, test: StoreTest) => {
  describe(`a store on ${engine} starts runs`, () => {
    test("never more than there are permits, the longest ready first", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(...[1, 2, 3].map((n) => nthJob(n, { next_run: null })))
        const third = yield* manual("job-3", { start_at: t0 - 1 })
        const second = yield* manual("job-2", { start_at: t0 - 2 })
        const first = yield* manual("job-1", { start_at: t0 - 3 })
        assert.deepStrictEqual((yield* look({ permits: 0 })).started, [])
        const { started } = yield* look({ permits: 2 })
        assert.deepStrictEqual(
          started.map(({ run }) => run.id),
          [first.id, second.id]
        )
        assert.strictEqual((yield* store.counts).running, 2)
        assert.deepStrictEqual(
          (yield* look({ permits: 2 })).started.map(({ run }) => run.id),
          [third.id]
        )
      }))

    test("with an open attempt under the caller's name", () =>
      Effect.gen(function* () {
        yield* insert(nthJob(1, { next_run: null }))
        const asked = yield* manual("job-1", { input: "hello" })
        assert.deepInclude(asked, { status: "pending", attempts: [], input: "hello" })
        const { attempt, job, run } = only((yield* look({ now: t0 + 9 })).started)
        assert.strictEqual(job.id, jobId(1))
        assert.deepInclude(run, { id: asked.id, status: "running", started_at: t0 + 9 })
        assert.deepInclude(attempt, { number: 1, started_at: t0 + 9, finished_at: null, outcome: null })
      }))

    test("not before their instant, which is the next wake", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, { next_run: null }))
        yield* manual("job-1", { start_at: t0 + 500 })
        assert.deepStrictEqual((yield* look()).started, [])
        assert.strictEqual(yield* store.nextWake({ now: t0, permits: 1, partitions: null }), t0 + 500)
        assert.strictEqual((yield* look({ now: t0 + 500 })).started.length, 1)
        assert.isNull(yield* store.nextWake({ now: t0, permits: 1, partitions: null }))
      }))

    test("and with no permit free no ready run is a reason to wake", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, { next_run: null }))
        yield* manual("job-1")
        assert.strictEqual(yield* store.nextWake({ now: t0, permits: 1, partitions: null }), t0)
        assert.isNull(yield* store.nextWake({ now: t0, permits: 0, partitions: null }))
      }))

    test("more at once than a statement can bind", () =>
      Effect.gen(function* () {
        yield* insert(nthJob(1, { next_run: null, max_concurrent: 10_000 }))
        yield* Effect.forEach(Array.from({ length: 600 }), () => manual("job-1"), { concurrency: "unbounded" })
        const first = yield* look({ permits: 100_000 })
        const second = yield* look({ permits: 100_000 })
        assert.strictEqual(first.started.length + second.started.length, 600)
      }))
  })

  describe(`a store on ${engine} ends runs`, () => {
    test("with all that ends with them, in one transaction", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, { session_mode: "shared_persistent" }))
        const { run } = only((yield* look()).started)
        const ended = yield* finish(
          run,
          success({
            job: { last_run: t0, failure_count: 2, last_summary: "did it" },
            session: session([{ role: "user", text: "hi" }]),
            deliveries: [
              { channel: "stdout", kind: "output" },
              { channel: "log_file", kind: "output" },
              { channel: "stdout", kind: "output" }
            ],
            audit: [{ type: "CronJobExecuted", actor: "scheduler", job_id: jobId(1), run_id: run.id }]
          })
        )
        assert.deepInclude(ended, { status: "succeeded", output: "fine", execution_time_ms: 5_000 })
        assert.deepInclude(ended.attempts[0], { number: 1, outcome: "succeeded", finished_at: t0 + 5_000 })
        assert.deepStrictEqual(
          ended.deliveries.map((d) => d.channel as string),
          ["stdout", "log_file"]
        )
        assert.deepStrictEqual(yield* store.findRun(run.id), ended)
        const { evaluations: _e, iterations: _i, output: _o, tool_calls: _t, ...summary } = ended
        assert.deepStrictEqual(only(yield* runsOf("job-1")), summary)
        const job = yield* store.findJob("job-1")
        assert.deepInclude(job, { last_run: t0, failure_count: 2, last_summary: "did it", version: 1 })
        assert.deepStrictEqual((yield* store.findSession(jobId(1)))?.turns, [{ role: "user", text: "hi" }])
        assert.strictEqual(only(yield* audited({ type: "CronJobExecuted", limit: 9 })).run_id, run.id)
        assert.deepInclude(yield* store.counts, {
          running: 0,
          runs_succeeded: 1,
          runs_failed: 0,
          execution_time_ms_sum: 5_000,
          execution_time_count: 1
        })
      }))

    test("only by the attempt and the owner that run them; a late finish writes nothing", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1))
        const { run } = only((yield* look()).started)
        const late = success({
          deliveries: [{ channel: "stdout", kind: "output" }],
          audit: [{ type: "CronJobExecuted", actor: "late" }],
          job: { last_summary: "late" }
        })
        const refused = (attempt: number, owner: typeof me) =>
          Effect.flip(store.finish({ run_id: run.id, attempt, owner }, t0, () => late))
        assert.strictEqual((yield* refused(1, other))._tag, "FencedOut")
        assert.strictEqual((yield* refused(2, me))._tag, "FencedOut")
        yield* finish(run, { ...success(), run: { status: "pending", next_attempt_at: t0 } })
        assert.strictEqual((yield* refused(1, me))._tag, "FencedOut")
        yield* look({ now: t0 + 1 })
        assert.strictEqual((yield* refused(1, me))._tag, "FencedOut")
        const now = yield* store.findRun(run.id)
        assert.deepInclude(now, { status: "running", output: null })
        assert.deepStrictEqual(now.deliveries, [])
        assert.isNull((yield* store.findJob("job-1")).last_summary)
        assert.deepStrictEqual(yield* audited({ type: "CronJobExecuted", limit: 9 }), [])
        yield* finish(now)
        assert.strictEqual((yield* refused(2, me))._tag, "FencedOut")
        assert.strictEqual((yield* store.counts).runs_succeeded, 1)
      }))

    test("or puts them back for a further attempt, which keeps the permit", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, { next_run: null }))
        yield* manual("job-1")
        const queued = yield* manual("job-1", { holds_permit: false })
        const { run } = only((yield* look()).started)
        const pending = yield* finish(run, {
          ...success(),
          attempt: { outcome: "failed", failure: "transient", error_message: "oops" },
          run: { status: "pending", next_attempt_at: t0 + 30_000, error_message: "oops" },
          job: {}
        })
        assert.deepInclude(pending, { status: "pending", next_attempt_at: t0 + 30_000 })
        assert.deepStrictEqual((yield* look({ now: t0 + 29_999 })).started, [])
        assert.strictEqual(yield* store.nextWake({ now: t0, permits: 1, partitions: null }), t0 + 30_000)
        const retried = only((yield* look({ now: t0 + 30_000 })).started)
        assert.strictEqual(retried.run.id, run.id)
        assert.strictEqual(retried.attempt.number, 2)
        assert.deepInclude(retried.run, { started_at: t0, next_attempt_at: null })
        assert.deepInclude(retried.run.attempts[0], { outcome: "failed", failure: "transient", error_message: "oops" })
        assert.strictEqual((yield* store.findRun(queued.id)).status, "pending")
        assert.deepInclude(yield* store.counts, { runs_failed: 0, runs_succeeded: 0 })
      }))

    test("and passes their permit to the oldest run queued for it", () =>
      Effect.gen(function* () {
        yield* insert(nthJob(1, { next_run: null }), nthJob(2, { next_run: null }))
        yield* manual("job-1")
        const second = yield* manual("job-1", { holds_permit: false })
        const third = yield* manual("job-1", { holds_permit: false })
        yield* manual("job-2", { holds_permit: false, start_at: t0 + 90_000 })
        const { run } = only((yield* look()).started)
        yield* finish(run)
        const next = only((yield* look({ now: t0 + 9_000 })).started)
        assert.strictEqual(next.run.id, second.id)
        yield* finish(next.run, success(), t0 + 10_000)
        assert.strictEqual(only((yield* look({ now: t0 + 11_000 })).started).run.id, third.id)
      }))

    test("and passes on all permits that a raised limit has made free", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, { next_run: null }))
        yield* manual("job-1")
        for (let i = 0; i < 4; i++) yield* manual("job-1", { holds_permit: false })
        const { run } = only((yield* look()).started)
        yield* store.modifyJob("job-1", (job) => Either.right({ job: { ...job, max_concurrent: 3 }, audit: [] }))
        yield* finish(run)
        assert.strictEqual((yield* look({ now: t0 + 9_000 })).started.length, 3)
      }))

    test("by cancelling those that wait, which passes their permit on too", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, { next_run: null }))
        const waiting = yield* manual("job-1", { start_at: t0 + 60_000 })
        const queued = yield* manual("job-1", { holds_permit: false })
        const cancel = store.cancelWaiting(waiting.id, t0, () => ({
          end: { run: { status: "cancelled", finished_at: t0 }, job: {} },
          approval: null,
          audit: [{ type: "RunCancelled", actor: "test", run_id: waiting.id }]
        }))
        assert.strictEqual((yield* cancel).status, "cancelled")
        assert.deepStrictEqual(yield* store.findRun(waiting.id), yield* cancel)
        assert.strictEqual((yield* audited({ type: "RunCancelled", limit: 9 })).length, 1)
        const { run } = only((yield* look()).started)
        assert.strictEqual(run.id, queued.id)
        const running = yield* store.cancelWaiting(run.id, t0, () => ({
          end: { run: { status: "cancelled" }, job: {} },
          approval: null,
          audit: []
        }))
        assert.strictEqual(running.status, "running")
      }))

    test("of a job that was deleted meanwhile, but keeps no session of it", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1))
        const { run } = only((yield* look()).started)
        yield* store.deleteJob("job-1", t0, () => ({ audit: { type: "CronJobDeleted", actor: "test" } }))
        yield* finish(run, success({ session: session([]), deliveries: [{ channel: "stdout", kind: "output" }] }))
        assert.strictEqual((yield* store.findRun(run.id)).status, "succeeded")
        assert.isNull(yield* store.findSession(jobId(1)))
        assert.strictEqual((yield* store.dueDeliveries("stdout", t0 + 9_000, 9, [])).length, 1)
      }))

    test("and keeps one session for a job, with its latest turns", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, { session_mode: "shared_persistent" }))
        const first = only((yield* look()).started).run
        yield* finish(first, success({ session: session([{ role: "user", text: "1" }]) }))
        const second = only((yield* look({ now: t0 + 60_000 })).started).run
        yield* finish(
          second,
          success({ session: { ...session([{ role: "user", text: "2" }]), updated_at: t0 + 60_000 } })
        )
        assert.deepInclude(yield* store.findSession(jobId(1)), {
          turns: [{ role: "user" as const, text: "2" }],
          created_at: t0,
          updated_at: t0 + 60_000
        })
      }))
  })

  describe(`a store on ${engine} recovers`, () => {
    test("the runs of owners whose lease ran out, and only those, in batches", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, { next_run: null, max_concurrent: 10_000 }))
        yield* Effect.forEach(Array.from({ length: 120 }), () => manual("job-1"), { concurrency: "unbounded" })
        yield* store.registerNode(other, t0, t0 + 30_000)
        yield* look({ owner: other, permits: 110 })
        const { started } = yield* look({ owner: me, permits: 10 })
        const recover = (now: number) => store.recover(now, me, interrupted)
        assert.strictEqual(yield* recover(t0 + 1_000), 0)
        yield* store.renewLease(other, t0 + 30_000, t0 + 60_000)
        assert.strictEqual(yield* recover(t0 + 59_999), 0)
        assert.strictEqual(yield* recover(t0 + 60_000), 100)
        assert.strictEqual(yield* recover(t0 + 60_000), 10)
        assert.strictEqual(yield* recover(t0 + 60_000), 0)
        assert.deepInclude(yield* store.counts, { running: 10, runs_failed: 110 })
        const mine = yield* store.findRun(started[0]?.run.id ?? "")
        assert.strictEqual(mine.status, "running")
      }))

    test("at once what ran before this node was registered", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        assert.isNull(yield* store.registerNode(other, t0, t0 + 30_000))
        yield* insert(nthJob(1))
        const { run } = only((yield* look({ owner: other })).started)
        assert.strictEqual(yield* store.registerNode(me, t0 + 1, t0 + 30_000), t0)
        const retry = () => ({ ...interrupted(), run: { status: "pending" as const, next_attempt_at: t0 + 1 } })
        assert.strictEqual(yield* store.recover(t0 + 1, me, retry), 1)
        const late = yield* Effect.flip(store.finish({ run_id: run.id, attempt: 1, owner: other }, t0, () => success()))
        assert.strictEqual(late._tag, "FencedOut")
        const again = only((yield* look({ now: t0 + 1 })).started)
        assert.strictEqual(again.attempt.number, 2)
        assert.strictEqual(again.run.attempts[0]?.outcome, "interrupted")
      }))
  })

  describe(`a store on ${engine} takes runs by hand`, () => {
    const keyed = (key: string, hash: string, now = t0) =>
      Effect.flatMap(JobStore, (store) =>
        store.insertManualRun("job-1", now, () => Either.right(newRun({ trigger: "manual" })), { key, hash })
      )

    test("once for a key, however often it is asked", () =>
      Effect.gen(function* () {
        yield* insert(nthJob(1, { next_run: null }))
        const runs = yield* Effect.forEach(Array.from({ length: 100 }), () => keyed("k", "h"), {
          concurrency: "unbounded"
        })
        assert.strictEqual(new Set(runs.map((run) => run.id)).size, 1)
        assert.strictEqual((yield* runsOf("job-1")).length, 1)
        const conflict = yield* Effect.flip(keyed("k", "other"))
        assert.deepInclude(conflict, { _tag: "IdempotencyConflict", key: "k" })
        assert.notStrictEqual((yield* keyed("k2", "h")).id, runs[0]?.id)
      }))

    test("and forgets a key after a day", () =>
      Effect.gen(function* () {
        yield* insert(nthJob(1, { next_run: null }))
        const first = yield* keyed("k", "h")
        assert.strictEqual((yield* keyed("k", "h", t0 + 86_399_999)).id, first.id)
        assert.notStrictEqual((yield* keyed("k", "other", t0 + 86_400_000)).id, first.id)
      }))

    test("unless they are refused; what is live is known then", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1))
        yield* look()
        const refused = store.insertManualRun("job-1", t0, (_job, live) => Either.left(live))
        assert.deepInclude(yield* Effect.flip(refused), { holding: 1, queued: 0 })
        assert.strictEqual((yield* runsOf("job-1")).length, 1)
        assert.deepInclude(yield* Effect.flip(manual("nobody")), { _tag: "JobNotFound" })
      }))
  })

  describe(`a store on ${engine} keeps history`, () => {
    test("newest first, filtered before it is cut, paged under inserts", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, { next_run: null }))
        const ids: Array<string> = []
        for (let n = 0; n < 6; n++) {
          const status = n % 2 === 0 ? "skipped" : "missed"
          ids.unshift((yield* manual("job-1", { status, scheduled_for: t0 + n })).id)
        }
        const missed = yield* store.listRuns("job-1", { status: "missed", limit: 2 })
        assert.deepStrictEqual(
          missed.items.map((run) => run.id as string),
          [ids[0], ids[2]]
        )
        yield* manual("job-1", { status: "missed" })
        const rest = yield* store.listRuns(jobId(1), { status: "missed", limit: 2, cursor: missed.next ?? "" })
        assert.deepStrictEqual(
          rest.items.map((run) => run.id as string),
          [ids[4]]
        )
        assert.isNull(rest.next)
        assert.strictEqual((yield* Effect.flip(store.listRuns("job-9", { limit: 1 })))._tag, "JobNotFound")
        assert.strictEqual((yield* Effect.flip(store.findRun("run_x")))._tag, "RunNotFound")
      }))
  })
}
