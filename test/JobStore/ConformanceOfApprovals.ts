import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Approval } from "../../src/Domain/Approval.ts"
import type { Run } from "../../src/Domain/Run.ts"
import { type ApprovalEnd, type EndApproval, JobStore, type NewApproval, type Settlement } from "../../src/JobStore.ts"
import type { StoreTest } from "./ConformanceOfRuns.ts"
import { finish, insert, jobId, look, manual, me, nthJob, runsOf, success, t0 } from "./fixtures.ts"

const hour = 3_600_000
const idle = { next_run: null }

const ended =
  (status: "denied" | "skipped", reason: string): EndApproval<ApprovalEnd> =>
  () => ({
    approval: { state: status === "denied" ? "denied" : "voided", decided_at: t0, decided_by: "key_ada", reason },
    end: { run: { status, finished_at: t0, reason: { code: "approval", text: reason } }, job: {} },
    audit: [{ type: "ApprovalDenied", actor: "key_ada", reason }]
  })

const granted: EndApproval<ApprovalEnd> = () => ({
  approval: { state: "approved", decided_at: t0, decided_by: "key_ada", reason: null },
  end: null,
  audit: [{ type: "ApprovalGranted", actor: "key_ada" }]
})

const asked = (change: Partial<NewApproval> = {}): Settlement => ({
  attempt: { outcome: null, failure: null, error_message: null },
  run: { status: "awaiting_approval", reason: { code: "approval", text: "waits" } },
  job: {},
  deliveries: [{ channel: "stdout", kind: "approval" }],
  audit: [{ type: "ApprovalRequested", actor: "scheduler" }],
  approval: {
    approvers: ["ada", "bob"],
    submitted_by: "cli",
    expires_at: t0 + hour,
    expires_by: "approval_timeout",
    approval_default: "deny",
    over_budget: null,
    binding: "abc",
    supersede: ended("skipped", "superseded"),
    ...change
  }
})

const decide = (ref: string, how: EndApproval<ApprovalEnd>, now = t0) =>
  Effect.flatMap(JobStore, (store) =>
    store.decideApproval(ref, now, (...found) => Either.right(how(...found)) as Either.Either<ApprovalEnd, "refused">)
  )

/** Asks for a run of a job by hand and lets it wait for approval. */
const park = (ref: string, settlement: Settlement = asked(), now = t0) =>
  Effect.gen(function* () {
    yield* manual(ref, { scheduled_for: now })
    const { started } = yield* look({ now })
    const [first] = started
    if (first === undefined) return yield* Effect.dieMessage("nothing was started")
    return yield* finish(first.run, settlement, now)
  })

/** Runs that wait for approval in every store. */
export const approvalsConform = (engine: string, test: StoreTest) => {
  describe(`a store on ${engine} lets runs wait for approval`, () => {
    test("without a permit and without an attempt, and hands them out again once", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, idle))
        const run = yield* park("job-1")
        assert.deepInclude(run, { status: "awaiting_approval", attempts: [], started_at: null })
        assert.deepStrictEqual(yield* store.findRun(run.id), run)
        assert.lengthOf(run.deliveries, 1)
        const approval = yield* store.findApproval(run.approval_id ?? "")
        assert.deepStrictEqual(yield* store.findApproval(run.id), approval)
        assert.deepInclude(approval, {
          state: "pending",
          run_id: run.id,
          job_name: "job-1",
          trigger: "manual",
          approvers: ["ada", "bob"],
          requested_at: t0,
          expires_at: t0 + hour,
          decided_at: null
        })
        // Its place is free meanwhile.
        const other = yield* manual("job-1")
        assert.deepStrictEqual(
          (yield* look()).started.map((started) => started.run.id),
          [other.id]
        )
        const decided = yield* decide(run.id, granted)
        assert.deepInclude(decided.approval, { state: "approved", decided_by: "key_ada" })
        assert.strictEqual(decided.run.status, "pending")
        assert.deepStrictEqual((yield* look()).started, [], "it queues for its place")
        const [before] = (yield* runsOf("job-1")).filter(({ id }) => id === other.id)
        assert.strictEqual(before?.status, "running")
        yield* finish({ ...run, id: other.id, attempts: [{ number: 1 }] } as unknown as Run)
        const { started } = yield* look({ now: t0 + 5_000 })
        assert.deepStrictEqual(
          started.map((one) => [one.run.id, one.attempt.number, one.approval?.state]),
          [[run.id, 1, "approved"]]
        )
        const again = yield* Effect.flip(store.finish({ run_id: run.id, attempt: 1, owner: me }, t0, () => asked()))
        assert.strictEqual(again._tag, "FencedOut", "a run is asked about once")
        yield* finish(started[0]?.run as Run, success())
        assert.strictEqual((yield* store.findRun(run.id)).status, "succeeded")
      }))

    test("until a decision that is refused changes nothing", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, idle))
        const run = yield* park("job-1")
        const refused = yield* Effect.flip(store.decideApproval(run.id, t0, () => Either.left("refused" as const)))
        assert.strictEqual(refused, "refused")
        assert.deepStrictEqual(yield* store.findRun(run.id), run)
        yield* decide(run.approval_id ?? "", ended("denied", "no"))
        const after = yield* store.findRun(run.id)
        assert.deepStrictEqual([after.status, after.reason?.text, after.finished_at], ["denied", "no", t0])
        assert.strictEqual((yield* Effect.flip(store.findApproval("apr_none")))._tag, "ApprovalNotFound")
      }))

    test("until their time is over, which the next wake knows of", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, idle), nthJob(2, idle))
        const run = yield* park("job-1")
        yield* park("job-2", asked({ expires_at: t0 + 2 * hour }))
        assert.strictEqual(yield* store.nextWake({ now: t0, permits: 1, partitions: null }), t0 + hour)
        const seen: Array<Approval> = []
        const expire: EndApproval<ApprovalEnd> = (approval, ...rest) => {
          seen.push(approval)
          return ended("denied", "over")(approval, ...rest)
        }
        assert.deepStrictEqual((yield* look({ now: t0 + hour - 1, expire })).ended, [])
        const { ended: over } = yield* look({ now: t0 + hour, expire })
        assert.deepStrictEqual(
          over.map(({ job_name, status }) => [job_name, status]),
          [["job-1", "denied"]]
        )
        assert.deepStrictEqual(
          seen.map((approval) => approval.run_id),
          [run.id]
        )
        assert.strictEqual(yield* store.nextWake({ now: t0 + hour, permits: 1, partitions: null }), t0 + 2 * hour)
      }))

    test("one of a job at most: those of older slots end, whichever comes first to ask", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, { ...idle, max_concurrent: 2 }))
        const older = yield* manual("job-1", { scheduled_for: t0 - hour })
        const newer = yield* manual("job-1", { scheduled_for: t0 })
        const { started } = yield* look()
        const runOf = (id: string) => started.find(({ run }) => run.id === id)?.run as Run
        yield* finish(runOf(newer.id), asked())
        const late = yield* finish(runOf(older.id), asked())
        assert.strictEqual(late.status, "skipped")
        assert.strictEqual((yield* store.findRun(newer.id)).status, "awaiting_approval")
        const next = yield* park("job-1", asked(), t0 + hour / 2)
        assert.strictEqual((yield* store.findRun(newer.id)).status, "skipped")
        assert.strictEqual((yield* store.findRun(next.id)).status, "awaiting_approval")
        const states = (yield* store.listApprovals({ limit: 10 })).items.map(({ state }) => state)
        assert.deepStrictEqual(states, ["pending", "voided", "voided"])
      }))

    test("and ends the waits that a change or a deletion of their job ends", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, idle), nthJob(2, idle), nthJob(3, idle))
        const runs = yield* Effect.forEach(["job-1", "job-2", "job-3"], (ref) => park(ref))
        const kept = yield* store.modifyJob("job-1", (job) =>
          Either.right({ job: { ...job, version: 2 }, audit: [], awaiting: () => null })
        )
        assert.strictEqual(kept.version, 2)
        yield* store.modifyJob("job-2", (job) =>
          Either.right({ job: { ...job, version: 2 }, audit: [], awaiting: ended("denied", "changed") })
        )
        yield* store.deleteJob("job-3", t0, () => ({
          audit: { type: "CronJobDeleted", actor: "test" },
          awaiting: ended("denied", "deleted")
        }))
        const found = yield* Effect.forEach(runs, ({ id }) => store.findRun(id))
        assert.deepStrictEqual(
          found.map(({ reason, status }) => [status, reason?.text]),
          [
            ["awaiting_approval", "waits"],
            ["denied", "changed"],
            ["denied", "deleted"]
          ]
        )
      }))

    test("that can be cancelled", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, idle))
        const run = yield* park("job-1")
        const cancelled = yield* store.cancelWaiting(run.id, t0, (_run, _job, approval) => ({
          end: { run: { status: "cancelled", finished_at: t0 }, job: {} },
          approval:
            approval === null ? null : { state: "voided", decided_at: t0, decided_by: "test", reason: "cancelled" },
          audit: []
        }))
        assert.strictEqual(cancelled.status, "cancelled")
        assert.strictEqual((yield* store.findApproval(run.id)).state, "voided")
      }))

    test("in pages, newest first, by state", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(...[1, 2, 3, 4].map((n) => nthJob(n, idle)))
        for (const n of [1, 2, 3, 4]) yield* park(`job-${n}`)
        yield* decide((yield* runsOf("job-2"))[0]?.id ?? "", ended("denied", "no"))
        const first = yield* store.listApprovals({ state: "pending", limit: 2 })
        assert.deepStrictEqual(
          first.items.map(({ job_id }) => job_id),
          [jobId(4), jobId(3)]
        )
        const second = yield* store.listApprovals({ state: "pending", limit: 2, cursor: first.next ?? "" })
        assert.deepStrictEqual(
          second.items.map(({ job_id }) => job_id),
          [jobId(1)]
        )
        assert.isNull(second.next)
        assert.lengthOf((yield* store.listApprovals({ state: "denied", limit: 9 })).items, 1)
      }))

    test("as long as they were to when the clock is set back, but not beyond the hours in which they may run", () =>
      Effect.gen(function* () {
        const store = yield* JobStore
        yield* insert(nthJob(1, idle), nthJob(2, idle))
        const timed = yield* park("job-1")
        const hours = yield* park("job-2", asked({ expires_by: "allowed_hours" }))
        yield* store.clockSetBack(t0 - 10 * hour, 10 * hour, () => null, { type: "ClockJumped", actor: "scheduler" })
        assert.strictEqual((yield* store.findApproval(timed.id)).expires_at, t0 - 9 * hour)
        assert.strictEqual((yield* store.findApproval(hours.id)).expires_at, t0 + hour)
      }))
  })
}
