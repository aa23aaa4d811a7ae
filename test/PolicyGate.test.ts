import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import type { AgentHandler } from "../src/Agents.ts"
import type { Job } from "../src/Domain/Job.ts"
import { AllowedHours, type Policy, type PolicyDecision } from "../src/Domain/Policy.ts"
import { Jobs } from "../src/Jobs.ts"
import { withinHours } from "../src/PolicyGate/Conditions.ts"
import { decide as decidePure, NamedPolicies, type PolicyContext, PolicyGate } from "../src/PolicyGate.ts"
import { failure, scriptedAgent } from "../src/testing.ts"
import { audited } from "./support/Audit.ts"
import { create, engine, hour, instant, minute, runsOf, statusesOf, until } from "./support/Engine.ts"

const at = (time: string) => instant(`2026-03-04T${time}Z`)

const context = (fields: Partial<PolicyContext> = {}): PolicyContext => ({
  now: at("12:00:00"),
  environment: "production",
  identity: null,
  approval: null,
  run: null,
  agent: { id: "agent", kind: "effect", capabilities: ["read", "write"] } as unknown as PolicyContext["agent"],
  ...fields
})

/** What the gate decides on a job with that policy. */
const decide = (policy: Policy | undefined, fields: Partial<PolicyContext> = {}, policy_ref?: string) =>
  Effect.flatMap(PolicyGate, (gate) =>
    gate.evaluate(
      {
        name: "job",
        agent_id: "agent",
        ...(policy && { policy }),
        ...(policy_ref && { policy_ref })
      } as unknown as Job,
      context(fields)
    )
  ).pipe(
    Effect.provide(PolicyGate.layer),
    Effect.provide(
      Layer.succeed(NamedPolicies, { policies: new Map([["office", { allowed_environments: ["office"] }]]) })
    )
  )

const codeOf = (decision: PolicyDecision) => (decision._tag === "Deny" ? decision.code : decision._tag)

describe("a policy", () => {
  it.effect("that is absent allows", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* decide(undefined), { _tag: "Allow" })
      assert.deepStrictEqual(yield* decide({}), { _tag: "Allow" })
    })
  )

  it.effect("decides Allow, Deny with a reason, or RequireApproval with its approvers", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* decide({ require_approval: true, approvers: ["ada"] }), {
        _tag: "RequireApproval",
        approvers: ["ada"]
      })
      assert.deepStrictEqual(yield* decide({ require_capabilities: ["read", "fly"] }), {
        _tag: "Deny",
        code: "require_capabilities",
        reason: 'agent "agent" lacks the capability "fly"'
      })
    })
  )

  it.effect("names the environment and the allowed ones when it denies", () =>
    Effect.gen(function* () {
      assert.strictEqual(codeOf(yield* decide({ allowed_environments: ["staging", "production"] })), "Allow")
      assert.deepStrictEqual(yield* decide({ allowed_environments: ["staging"] }), {
        _tag: "Deny",
        code: "allowed_environments",
        reason: "the environment is production; allowed: staging"
      })
    })
  )

  it.effect("asks for every capability", () =>
    Effect.gen(function* () {
      assert.strictEqual(codeOf(yield* decide({ require_capabilities: ["write", "read"] })), "Allow")
      assert.strictEqual(codeOf(yield* decide({ require_capabilities: [] })), "Allow")
      assert.strictEqual(codeOf(yield* decide({ require_capabilities: ["admin"] })), "require_capabilities")
    })
  )

  it.effect("denies an agent or a named policy that nobody knows", () =>
    Effect.gen(function* () {
      assert.strictEqual(codeOf(yield* decide({}, { agent: null })), "unknown_agent")
      assert.strictEqual(codeOf(yield* decide({}, {}, "nowhere")), "unknown_policy")
    })
  )

  it.effect("that asks for approval beside another asks those whom both name", () =>
    Effect.gen(function* () {
      const asks = (...approvers: ReadonlyArray<string>) => ({ require_approval: true, approvers })
      const both = (own: Policy, named: Policy) =>
        decidePure(
          { name: "job", agent_id: "agent", policy: own, policy_ref: "named" } as unknown as Job,
          context(),
          new Map([["named", named]])
        )
      const approversOf = (decision: PolicyDecision) =>
        decision._tag === "RequireApproval" ? decision.approvers : codeOf(decision)
      assert.deepStrictEqual(approversOf(both(asks("ada", "bob"), asks("bob", "eve"))), ["bob"])
      assert.deepStrictEqual(approversOf(both(asks(), asks("bob"))), ["bob"])
      assert.deepStrictEqual(approversOf(both(asks(), asks())), [])
      assert.deepStrictEqual(approversOf(both({}, asks("bob"))), ["bob"])
      assert.strictEqual(approversOf(both(asks("ada"), asks("bob"))), "approval")
      const approval = { state: "approved" } as unknown as PolicyContext["approval"]
      assert.deepStrictEqual(yield* decide(asks("ada"), { approval }), { _tag: "Allow" })
    })
  )

  it.effect("that asks for a credential denies what is not verified", () =>
    Effect.gen(function* () {
      const check = { code: null, detail: null, kid: "k", jti: "j", expires_at: 0 }
      const pinned = { require_agent_pin: true }
      const allowed = yield* decide(pinned, { identity: { ...check, result: "verified" } })
      assert.deepStrictEqual(allowed, { _tag: "Allow" })
      assert.strictEqual(codeOf(yield* decide(pinned)), "agent_pin")
      const refused = { ...check, result: "refused" as const, code: "KEY_REVOKED", detail: "the key was revoked" }
      assert.deepStrictEqual(yield* decide(pinned, { identity: refused }), {
        _tag: "Deny",
        code: "agent_pin",
        reason: "KEY_REVOKED: the key was revoked"
      })
    })
  )

  it.effect("named by a job holds beside the job's own", () =>
    Effect.gen(function* () {
      assert.strictEqual(codeOf(yield* decide({}, {}, "office")), "allowed_environments")
      assert.strictEqual(codeOf(yield* decide({}, { environment: "office" }, "office")), "Allow")
      assert.strictEqual(
        codeOf(yield* decide({ require_capabilities: ["fly"] }, { environment: "office" }, "office")),
        "require_capabilities"
      )
    })
  )
})

describe("allowed_hours", () => {
  const hours = Schema.decodeUnknownSync(AllowedHours)
  const inside = (start: string, end: string, time: string, timezone?: string) =>
    withinHours(hours({ start, end, ...(timezone && { timezone }) }), at(time))

  it("includes its start and excludes its end", () => {
    assert.isTrue(inside("00:00", "04:00", "00:00:00"))
    assert.isTrue(inside("00:00", "04:00", "03:59:59.999"))
    assert.isFalse(inside("00:00", "04:00", "04:00:00"))
    assert.isFalse(inside("00:00", "04:00", "23:59:59.999"))
  })

  it("may cross midnight", () => {
    for (const time of ["22:00:00", "23:59:59", "00:00:00", "01:59:59"]) assert.isTrue(inside("22:00", "02:00", time))
    for (const time of ["02:00:00", "12:00:00", "21:59:59"]) assert.isFalse(inside("22:00", "02:00", time))
  })

  it("is in UTC unless a timezone is given", () => {
    assert.isTrue(inside("12:00", "13:00", "12:30:00"))
    assert.isFalse(inside("12:00", "13:00", "12:30:00", "America/New_York"))
    assert.isTrue(inside("12:00", "13:00", "17:30:00", "America/New_York"))
    assert.isTrue(inside("23:00", "01:00", "18:45:00", "Asia/Kathmandu"))
  })

  it("whose start is its end is refused", () => {
    assert.throws(() => hours({ start: "04:00", end: "04:00" }), /start and end must differ/)
  })
})

describe("a denied run", () => {
  it.effect("never calls its agent, says why, is on record, and does not count as a failure", () =>
    Effect.gen(function* () {
      const called = yield* Ref.make(0)
      const agent: AgentHandler = () =>
        Effect.as(
          Ref.update(called, (n) => n + 1),
          { output: "" }
        )
      yield* Effect.gen(function* () {
        const jobs = yield* Jobs
        const denied = (policy: Readonly<Record<string, unknown>>, code: string) => ({ policy, code })
        const cases = {
          environment: denied({ allowed_environments: ["production"] }, "allowed_environments"),
          capability: denied({ require_capabilities: ["fly"] }, "require_capabilities"),
          hours: denied({ allowed_hours: { start: "10:00", end: "11:00" } }, "allowed_hours"),
          pin: denied({ require_agent_pin: true }, "agent_pin")
        }
        for (const [name, { policy }] of Object.entries(cases)) {
          yield* create({ name, every: "1m", policy, retry: { attempts: 3 }, delivery: ["stdout"] })
        }
        yield* create({ name: "nobody", agent_id: "missing", every: "1m" })
        yield* until(5 * minute)
        for (const [name, code] of [
          ...Object.entries(cases).map(([key, one]) => [key, one.code] as const),
          ["nobody", "unknown_agent"] as const
        ]) {
          const runs = yield* runsOf(name)
          assert.deepStrictEqual(
            runs.map((run) => [run.status, run.reason?.code, run.attempts.length, run.deliveries.length]),
            Array(5).fill(["denied", code, 1, 0]),
            name
          )
          assert.isNotEmpty(runs[0]?.reason?.text)
          const job = yield* jobs.get(name)
          assert.deepStrictEqual([job.status, job.failure_count], ["active", 0], name)
          const type = code === "agent_pin" ? "AgentPinVerificationFailed" : "CronJobDenied"
          const events = yield* audited({ type, job: job.id, limit: 10 })
          assert.strictEqual(events.length, 5)
          assert.include(events[0]?.reason ?? "", `${code}: `)
        }
        assert.deepStrictEqual((yield* runsOf("capability"))[0]?.decision, {
          _tag: "Deny",
          code: "require_capabilities",
          reason: 'agent "agent" lacks the capability "fly"'
        })
        assert.strictEqual(yield* Ref.get(called), 0)
      }).pipe(Effect.provide(engine({ agent })))
    })
  )

  it.effect("is one by hand too, and that of a one-shot fails its job", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const policy = { allowed_environments: ["moon"] }
      yield* create({ name: "hand", every: "1h", policy })
      yield* create({ name: "once", at: "1970-01-01T00:01:00Z", policy })
      yield* jobs.runNow("hand", { actor: "test" })
      yield* until(2 * minute)
      assert.deepStrictEqual(yield* statusesOf("hand"), ["denied"])
      assert.deepStrictEqual(yield* statusesOf("once"), ["denied"])
      assert.strictEqual((yield* jobs.get("once")).status, "failed")
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({}) })))
  )

  it.effect("does not end a row of failures, and skipped ones do not either", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "bad", every: "1m", policy: { allowed_environments: ["moon"] } })
      yield* jobs.update("bad", { policy: null }, { actor: "test" })
      yield* until(2 * minute)
      yield* jobs.update("bad", { policy: { allowed_environments: ["moon"] } }, { actor: "test" })
      yield* until(4 * minute)
      assert.strictEqual((yield* jobs.get("bad")).failure_count, 2)
      yield* jobs.update("bad", { policy: null }, { actor: "test" })
      yield* until(5 * minute)
      assert.deepStrictEqual(yield* statusesOf("bad"), ["failed", "failed", "denied", "denied", "failed"])
      assert.strictEqual((yield* jobs.get("bad")).status, "dead_letter")
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({ fails: failure("permanent", "no") }) })))
  )
})

describe("the policy gate", () => {
  it.effect("is asked once for each attempt, at its start and not at its slot, and can be replaced", () =>
    Effect.gen(function* () {
      const asked = yield* Ref.make<ReadonlyArray<number>>([])
      const policy = Layer.succeed(
        PolicyGate,
        PolicyGate.of({
          evaluate: (_job, { now }) =>
            Effect.as(
              Ref.update(asked, (before) => [...before, now]),
              { _tag: "Allow" }
            )
        })
      )
      yield* Effect.gen(function* () {
        yield* create({ name: "job", cron_expr: "0 * * * *", max_jitter: 600, retry: { attempts: 2, backoff: "15m" } })
        yield* until(2 * hour - minute)
        const [run] = yield* runsOf("job")
        assert.deepStrictEqual(
          yield* Ref.get(asked),
          run?.attempts.map((attempt) => attempt.started_at)
        )
        assert.strictEqual(run?.attempts.length, 2)
        assert.strictEqual(run?.attempts[0]?.started_at, run?.start_at)
      }).pipe(
        Effect.provide(engine({ agent: scriptedAgent({ fails: failure("transient", "not yet") }, {}) }, { policy }))
      )
    })
  )
})
