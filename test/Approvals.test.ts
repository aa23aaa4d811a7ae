import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import type { AgentHandler } from "../src/Agents.ts"
import { Approvals } from "../src/Approvals.ts"
import type { AuditLog } from "../src/AuditLog.ts"
import type { Approval } from "../src/Domain/Approval.ts"
import type { Run } from "../src/Domain/Run.ts"
import { TimeZone } from "../src/Domain/Schedule.ts"
import { JobStore } from "../src/JobStore.ts"
import { Jobs } from "../src/Jobs.ts"
import { type PolicyContext, PolicyGate } from "../src/PolicyGate.ts"
import { expiryUnder } from "../src/Scheduler/ApprovalExpiry.ts"
import type { BootIdentity } from "../src/Scheduler.ts"
import { Deliveries, failure, scriptedAgent } from "../src/testing.ts"
import { audited } from "./support/Audit.ts"
import { create, engine, hour, minute, runsOf, statusesOf, until } from "./support/Engine.ts"

const ada = { actor: "key_ada", name: "ada" }
const bob = { actor: "key_bob", name: "bob" }

const asks = { require_approval: true }

/** An agent that counts its calls. */
const counting = Effect.map(Ref.make(0), (calls) => {
  const agent: AgentHandler = () =>
    Effect.as(
      Ref.update(calls, (n) => n + 1),
      { output: "done" }
    )
  return { agent, calls: Ref.get(calls) }
})

/** The one approval that waits. */
const waiting = Effect.gen(function* () {
  const { items } = yield* (yield* Approvals).list({ state: "pending", limit: 10 })
  assert.lengthOf(items, 1)
  return items[0] as Approval
})

const runOf = (approval: Approval) => Effect.flatMap(JobStore, (store) => store.findRun(approval.run_id))

const eventsOf = (run: Pick<Run, "id">) =>
  Effect.gen(function* () {
    const events = yield* audited({ limit: 1_000 })
    return events
      .filter((event) => event.run_id === run.id)
      .map((event) => [event.type, event.actor])
      .toReversed()
  })

/** Runs a test on an engine whose agent counts its calls. */
const withEngine = <A, E>(
  test: (
    calls: Effect.Effect<number>
  ) => Effect.Effect<A, E, Jobs | Approvals | AuditLog | JobStore | Deliveries | BootIdentity>,
  options: Parameters<typeof engine>[1] = {}
) =>
  Effect.gen(function* () {
    const { agent, calls } = yield* counting
    yield* test(calls).pipe(Effect.provide(engine({ agent }, options)))
  })

describe("a run that needs an approval", () => {
  it.effect("waits without a place, runs once when it is approved, and is on record", () =>
    withEngine((calls) =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const approvals = yield* Approvals
        yield* create({ name: "deploy", every: "1h", policy: asks, delivery: ["stdout"], input: "ship it" })
        yield* until(hour)
        const approval = yield* waiting
        const before = yield* runOf(approval)
        assert.deepInclude(before, { status: "awaiting_approval", attempts: [], started_at: null })
        assert.deepStrictEqual(before.decision, { _tag: "RequireApproval", approvers: [] })
        assert.deepStrictEqual(before.reason?.code, "approval")
        assert.deepInclude(approval, {
          job_name: "deploy",
          input: "ship it",
          submitted_by: "test",
          requested_at: hour,
          expires_at: 25 * hour,
          expires_by: "approval_timeout",
          approval_default: "deny"
        })
        assert.strictEqual(yield* calls, 0)
        // It holds no place: another run of the job starts at once, though max_concurrent is 1.
        const other = yield* jobs.runNow("deploy", { actor: "test" })
        yield* TestClock.adjust(1)
        assert.strictEqual((yield* jobs.getRun(other.id)).status, "awaiting_approval")
        yield* approvals.deny(other.id, ada, "not that one")

        assert.strictEqual((yield* runOf(approval)).status, "skipped")
        yield* until(2 * hour)
        const second = yield* waiting
        const granted = yield* approvals.approve(second.id, ada, "go")
        assert.deepInclude(granted, { state: "approved", decided_by: "key_ada", decided_at: 2 * hour, reason: "go" })
        yield* TestClock.adjust(1)
        const after = yield* runOf(second)
        assert.deepInclude(after, { status: "succeeded", output: "done", reason: null })
        assert.deepStrictEqual(
          after.attempts.map(({ number }) => number),
          [1]
        )
        assert.deepStrictEqual(after.decision, { _tag: "Allow" })
        assert.deepStrictEqual(
          after.evaluations.map(({ approved_by, decision }) => [decision._tag, approved_by]),
          [
            ["RequireApproval", null],
            ["Allow", "key_ada"]
          ]
        )
        assert.strictEqual(yield* calls, 1)
        assert.deepStrictEqual(yield* eventsOf(after), [
          ["ApprovalRequested", "scheduler"],
          ["ApprovalGranted", "key_ada"],
          ["CronJobExecuted", "scheduler"]
        ])
        assert.deepInclude(yield* jobs.get("deploy"), { failure_count: 0, status: "active" })
      })
    )
  )

  it.effect("is denied by a person, which ends a one-shot as failed", () =>
    withEngine((calls) =>
      Effect.gen(function* () {
        yield* create({ name: "once", at: "1970-01-01T02:00:00Z", policy: asks })
        yield* until(2 * hour)
        const approval = yield* waiting
        yield* (yield* Approvals).deny(approval.id, bob, "too risky")
        const run = yield* runOf(approval)
        assert.strictEqual(run.status, "denied")
        assert.deepStrictEqual(run.reason, { code: "approval_denied", text: "denied by bob: too risky" })
        assert.deepInclude(yield* (yield* Jobs).get("once"), { status: "failed", failure_count: 0 })
        assert.strictEqual(yield* calls, 0)
        const again = yield* Effect.flip((yield* Approvals).approve(approval.id, ada, null))
        assert.strictEqual(again._tag, "ApprovalClosed")
        assert.include(again.message, "is denied already: too risky")
      })
    )
  )

  it.effect("is denied when nobody decides, at its time-out or at the end of the allowed hours", () =>
    withEngine((calls) =>
      Effect.gen(function* () {
        const hours = { start: "00:00", end: "04:00" }
        yield* create({ name: "quick", at: "1970-01-01T02:00:00Z", policy: { ...asks, approval_timeout: "30m" } })
        yield* create({ name: "night", at: "1970-01-01T02:00:00Z", policy: { ...asks, allowed_hours: hours } })
        yield* until(2 * hour + 30 * minute - 1)
        assert.deepStrictEqual(yield* statusesOf("quick"), ["awaiting_approval"])
        yield* until(2 * hour + 30 * minute)
        assert.deepStrictEqual(
          (yield* runsOf("quick")).map((run) => [run.status, run.reason?.code, run.finished_at]),
          [["denied", "approval_expired", 2 * hour + 30 * minute]]
        )
        const night = yield* waiting
        assert.deepInclude(night, { expires_at: 4 * hour, expires_by: "allowed_hours" })
        yield* until(4 * hour)
        assert.deepStrictEqual(yield* statusesOf("night"), ["denied"])
        const late = yield* Effect.flip((yield* Approvals).approve(night.id, ada, null))
        assert.strictEqual(late._tag, "ApprovalClosed")
        assert.strictEqual(yield* calls, 0)
        assert.deepStrictEqual(
          (yield* eventsOf(yield* runOf(night))).map(([type]) => type),
          ["ApprovalRequested", "ApprovalExpired"]
        )
      })
    )
  )

  it.effect("runs when nobody objects, if its policy says so", () =>
    withEngine((calls) =>
      Effect.gen(function* () {
        const policy = { ...asks, approval_timeout: "10m", approval_default: "allow" }
        yield* create({ name: "soft", at: "1970-01-01T02:00:00Z", policy })
        yield* until(2 * hour + 10 * minute)
        assert.deepStrictEqual(yield* statusesOf("soft"), ["succeeded"])
        assert.strictEqual(yield* calls, 1)
      })
    )
  )

  it.effect("is asked by its gate once more after the approval, when its hours may be over", () =>
    Effect.gen(function* () {
      const asked: Array<PolicyContext> = []
      const gate = Layer.succeed(PolicyGate, {
        evaluate: (_, context) => {
          asked.push(context)
          return Effect.succeed(
            context.now < 3 * hour
              ? { _tag: "RequireApproval" as const, approvers: [] }
              : { _tag: "Deny" as const, reason: "too late by now" }
          )
        }
      })
      yield* withEngine(
        (calls) =>
          Effect.gen(function* () {
            yield* create({ name: "gated", at: "1970-01-01T02:00:00Z" })
            yield* until(3 * hour)
            const approval = yield* waiting
            yield* (yield* Approvals).approve(approval.id, ada, null)
            yield* TestClock.adjust(1)
            const run = yield* runOf(approval)
            assert.deepStrictEqual([run.status, run.reason], ["denied", { code: "policy", text: "too late by now" }])
            assert.deepStrictEqual(
              asked.map(({ approval }) => approval?.decided_by ?? null),
              [null, "key_ada"]
            )
            assert.strictEqual(yield* calls, 0)
          }),
        { policy: gate }
      )
    })
  )

  it.effect("goes on under a gate of one's own that keeps asking for the approval it has", () =>
    withEngine(
      (calls) =>
        Effect.gen(function* () {
          yield* create({ name: "gated", at: "1970-01-01T02:00:00Z" })
          yield* until(2 * hour)
          yield* (yield* Approvals).approve((yield* waiting).id, ada, null)
          yield* TestClock.adjust(1)
          assert.deepStrictEqual(yield* statusesOf("gated"), ["succeeded"])
          assert.strictEqual(yield* calls, 1)
        }),
      {
        policy: Layer.succeed(PolicyGate, {
          evaluate: () => Effect.succeed({ _tag: "RequireApproval" as const, approvers: [] })
        })
      }
    )
  )

  it.effect("makes way for the run of a newer slot, so one of a job waits at most", () =>
    withEngine(() =>
      Effect.gen(function* () {
        yield* create({ name: "often", every: "1h", policy: asks })
        yield* until(3 * hour)
        assert.deepStrictEqual(
          (yield* runsOf("often")).map((run) => [run.status, run.reason?.code]),
          [
            ["skipped", "superseded"],
            ["skipped", "superseded"],
            ["awaiting_approval", "approval"]
          ]
        )
        assert.strictEqual((yield* waiting).scheduled_for, 3 * hour)
      })
    )
  )

  it.effect("as a backfill waits beside the others, each for itself", () =>
    withEngine((calls) =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const approvals = yield* Approvals
        yield* until(10 * hour)
        yield* create({ name: "old", cron_expr: "0 * * * *", policy: asks })
        yield* jobs.backfill("old", { from: "1970-01-01T05:00:00Z", to: "1970-01-01T08:00:00Z" }, "cli")
        yield* TestClock.adjust(minute)
        const { items } = yield* approvals.list({ state: "pending", limit: 10 })
        assert.deepStrictEqual(
          items.map((one) => [one.trigger, one.submitted_by]),
          Array(3).fill(["backfill", "cli"])
        )
        for (const one of items) yield* approvals.approve(one.id, ada, null)
        yield* TestClock.adjust(minute)
        assert.deepStrictEqual(yield* statusesOf("old"), Array(3).fill("succeeded"))
        assert.strictEqual(yield* calls, 3)
      })
    )
  )

  it.effect("ends when its job is edited or deleted, but not by a pause", () =>
    withEngine((calls) =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const approvals = yield* Approvals
        for (const name of ["edited", "deleted", "paused", "touched"]) {
          yield* create({ name, at: "1970-01-01T02:00:00Z", policy: asks, input: "old" })
        }
        yield* until(2 * hour)
        const { items } = yield* approvals.list({ state: "pending", limit: 10 })
        const idOf = (name: string) => items.find((one) => one.job_name === name)?.id ?? ""
        const afterwards = yield* jobs.update("edited", { input: "new" }, { actor: "key_eve" })
        assert.strictEqual(afterwards.status, "failed", "a one-shot whose slot was denied")
        yield* jobs.update("touched", { input: "old" }, { actor: "key_eve" })
        yield* jobs.remove("deleted", "key_eve")
        yield* jobs.pause("paused", "key_eve")
        const stateOf = (name: string) =>
          Effect.map(approvals.get(idOf(name)), ({ decided_by, state }) => [state, decided_by])
        assert.deepStrictEqual(yield* stateOf("edited"), ["voided", "key_eve"])
        assert.deepStrictEqual(yield* stateOf("deleted"), ["voided", "key_eve"])
        assert.deepStrictEqual(yield* stateOf("paused"), ["pending", null])
        assert.deepStrictEqual(yield* stateOf("touched"), ["pending", null])
        const [edited] = yield* runsOf("edited")
        assert.deepStrictEqual([edited?.status, edited?.reason?.code], ["denied", "approval_void"])
        const gone = yield* runOf(yield* approvals.get(idOf("deleted")))
        assert.deepStrictEqual([gone.status, gone.reason?.code], ["cancelled", "job_deleted"])
        assert.strictEqual((yield* Effect.flip(approvals.approve(idOf("edited"), ada, null)))._tag, "ApprovalClosed")
        yield* approvals.approve(idOf("paused"), ada, null)
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(yield* statusesOf("paused"), ["succeeded"])
        assert.strictEqual(yield* calls, 1)
      })
    )
  )

  it.effect("that was approved does not run what its job has become meanwhile", () =>
    Effect.gen(function* () {
      const agent = scriptedAgent({ fails: failure("transient", "busy") }, { answers: "second" })
      yield* Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* create({
          name: "flaky",
          at: "1970-01-01T02:00:00Z",
          policy: asks,
          retry: { attempts: 3, backoff: "10m" }
        })
        yield* create({
          name: "steady",
          at: "1970-01-01T05:00:00Z",
          policy: asks,
          retry: { attempts: 3, backoff: "10m" }
        })
        yield* until(2 * hour)
        yield* (yield* Approvals).approve((yield* waiting).id, ada, null)
        yield* TestClock.adjust(minute)
        assert.deepStrictEqual(yield* statusesOf("flaky"), ["pending"])
        yield* jobs.update("flaky", { input: "something else" }, { actor: "key_eve" })
        yield* until(3 * hour)
        const [run] = yield* runsOf("flaky")
        assert.deepStrictEqual([run?.status, run?.reason?.code], ["denied", "approval_void"])
      }).pipe(Effect.provide(engine({ agent })))
    })
  )

  it.effect("keeps its approval over a retry", () =>
    Effect.gen(function* () {
      const agent = scriptedAgent({ fails: failure("transient", "busy") }, { answers: "second" })
      yield* Effect.gen(function* () {
        yield* create({
          name: "flaky",
          at: "1970-01-01T02:00:00Z",
          policy: asks,
          retry: { attempts: 3, backoff: "10m" }
        })
        yield* until(2 * hour)
        yield* (yield* Approvals).approve((yield* waiting).id, ada, null)
        yield* until(3 * hour)
        const [run] = yield* runsOf("flaky")
        assert.deepStrictEqual(
          run?.attempts.map(({ number, outcome }) => [number, outcome]),
          [
            [1, "failed"],
            [2, "succeeded"]
          ]
        )
      }).pipe(Effect.provide(engine({ agent })))
    })
  )

  it.effect("can be cancelled while it waits", () =>
    withEngine(() =>
      Effect.gen(function* () {
        yield* create({ name: "job", at: "1970-01-01T02:00:00Z", policy: asks })
        yield* until(2 * hour)
        const approval = yield* waiting
        const run = yield* (yield* Jobs).cancelRun(approval.run_id, "key_eve")
        assert.deepStrictEqual([run.status, run.reason?.code], ["cancelled", "cancelled"])
        assert.deepInclude(yield* (yield* Approvals).get(approval.id), { state: "voided", decided_by: "key_eve" })
        assert.deepStrictEqual(yield* eventsOf(run), [
          ["ApprovalRequested", "scheduler"],
          ["RunCancelled", "key_eve"]
        ])
      })
    )
  )

  it.effect("queues for its place once approved, when the job is busy by then", () =>
    Effect.gen(function* () {
      const agent = scriptedAgent({ takes: "1 hour" })
      yield* Effect.gen(function* () {
        const jobs = yield* Jobs
        const approvals = yield* Approvals
        yield* create({ name: "busy", every: "10h", policy: asks })
        const first = yield* jobs.runNow("busy", { actor: "test" })
        yield* TestClock.adjust(1)
        yield* approvals.approve(first.id, ada, null)
        yield* TestClock.adjust(minute)
        const second = yield* jobs.runNow("busy", { actor: "test", queue: true })
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(yield* statusesOf("busy"), ["running", "pending"])
        yield* TestClock.adjust(hour)
        yield* approvals.approve(second.id, ada, null)
        const third = yield* jobs.runNow("busy", { actor: "test", queue: true })
        yield* TestClock.adjust(2 * hour)
        assert.deepStrictEqual(yield* statusesOf("busy"), ["succeeded", "succeeded", "awaiting_approval"])
        assert.strictEqual((yield* waiting).run_id, third.id)
      }).pipe(Effect.provide(engine({ agent })))
    })
  )

  it.effect("tells its job's channels what to do, with the command and the link", () =>
    withEngine(() =>
      Effect.gen(function* () {
        const policy = { ...asks, approvers: ["ada", "bob"], approval_timeout: "2h" }
        yield* create({ name: "deploy", at: "1970-01-01T02:00:00Z", policy, delivery: ["stdout"], input: "v2" })
        yield* until(2 * hour)
        const approval = yield* waiting
        const [notice] = yield* (yield* Deliveries).all
        assert.deepStrictEqual(notice?.output.split("\n"), [
          'Job "deploy" waits for approval to run agent "agent" (slot 1970-01-01T02:00:00Z).',
          "Expires: 1970-01-01T04:00:00Z; without a decision it is denied.",
          "Approvers: ada, bob",
          "Input: v2",
          `Approve: symbi approvals approve ${approval.id}`,
          `Deny: symbi approvals deny ${approval.id} --reason "..."`,
          `Link: http://127.0.0.1:8080/api/v1/approvals/${approval.id}`
        ])
      })
    )
  )
})

describe("the end of a wait with its window", () => {
  it("is the first minute outside it, also on days when the clock is set back or forward", () => {
    const cases = [
      ["Europe/Berlin", "22:00", "02:30", "2026-10-25T01:02:13Z", "2026-10-25T01:30:00Z"],
      ["America/New_York", "01:00", "01:45", "2026-11-01T06:01:13Z", "2026-11-01T06:45:00Z"],
      ["America/New_York", "01:15", "02:15", "2026-11-01T05:21:13Z", "2026-11-01T06:00:00Z"],
      ["Europe/Berlin", "01:00", "02:30", "2026-03-29T00:10:00Z", "2026-03-29T01:00:00Z"],
      ["UTC", "22:00", "04:00", "2026-05-05T23:00:00Z", "2026-05-06T04:00:00Z"]
    ] as const
    for (const [timezone, start, end, now, expected] of cases) {
      const hours = { start, end, timezone: Schema.decodeSync(TimeZone)(timezone) }
      const { expires_at, expires_by } = expiryUnder(
        [{ require_approval: true, allowed_hours: hours }],
        Date.parse(now)
      )
      assert.deepStrictEqual(
        [new Date(expires_at).toISOString(), expires_by],
        [expected.replace("Z", ".000Z"), "allowed_hours"]
      )
    }
    assert.deepStrictEqual(expiryUnder([{ require_approval: true }], 0), {
      expires_at: 24 * hour,
      expires_by: "approval_timeout",
      approval_default: "deny"
    })
  })
})

describe("who may decide", () => {
  it.effect("stays not the one who defined the job, whoever edits what is for people", () =>
    withEngine(() =>
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const approvals = yield* Approvals
        yield* create({ name: "mine", every: "1h", policy: { ...asks, approvers: ["test", "bob"] } })
        yield* jobs.update("mine", {}, { actor: "key_bob" })
        yield* jobs.update("mine", { description: "by bob", labels: ["b"] }, { actor: "key_bob" })
        yield* until(hour)
        const first = yield* waiting
        assert.strictEqual(first.submitted_by, "test")
        const tester = { actor: "test", name: "test" }
        assert.strictEqual((yield* Effect.flip(approvals.approve(first.id, tester, null)))._tag, "NotAnApprover")
        yield* jobs.update("mine", { input: "his work now" }, { actor: "key_bob" })
        yield* until(2 * hour)
        const second = yield* waiting
        assert.strictEqual(second.submitted_by, "key_bob")
        assert.strictEqual((yield* approvals.approve(second.id, tester, null)).state, "approved")
      })
    )
  )

  it.effect("is anyone where nobody is named, else those by name or key id, never the submitter beside others", () =>
    withEngine(() =>
      Effect.gen(function* () {
        const approvals = yield* Approvals
        const jobs = yield* Jobs
        const ask = (approvers: ReadonlyArray<string>, actor: string) =>
          Effect.gen(function* () {
            const name = `${approvers.join("-")}-${actor}`
            yield* create({ name, every: "100d", policy: { ...asks, approvers } })
            const { id } = yield* jobs.runNow(name, { actor })
            yield* TestClock.adjust(1)
            return id
          })
        const answer = (run: string, by: typeof ada | { actor: string; name: null }) =>
          Effect.match(approvals.approve(run, by, null), { onFailure: (e) => e._tag, onSuccess: ({ state }) => state })
        const api = { actor: "api", name: null }
        assert.strictEqual(yield* answer(yield* ask([], "api"), api), "approved")
        assert.strictEqual(yield* answer(yield* ask([], "key_ada"), ada), "approved")
        const named = yield* ask(["ada", "bob"], "key_ada")
        assert.strictEqual(yield* answer(named, api), "NotAnApprover")
        assert.strictEqual(yield* answer(named, { actor: "key_eve", name: "eve" }), "NotAnApprover")
        assert.strictEqual(yield* answer(named, ada), "NotAnApprover")
        assert.strictEqual(yield* answer(named, bob), "approved")
        assert.strictEqual(yield* answer(yield* ask(["ada"], "key_ada"), ada), "approved")
        assert.strictEqual(yield* answer(yield* ask(["key_bob"], "key_ada"), bob), "approved")
        assert.strictEqual(yield* answer("run_nowhere", ada), "ApprovalNotFound")
      })
    )
  )
})
