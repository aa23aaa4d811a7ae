import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import type { AgentHandler } from "../../src/Agents.ts"
import { Approvals } from "../../src/Approvals.ts"
import type { AuditType } from "../../src/Domain/Audit.ts"
import { isTerminal } from "../../src/Domain/Run.ts"
import { JobStore } from "../../src/JobStore.ts"
import { Jobs } from "../../src/Jobs.ts"
import { MetricsEnabled } from "../../src/Observability.ts"
import { audited } from "../support/Audit.ts"
import { create, engine } from "../support/Engine.ts"

const seeds = Number(process.env["SYMBI_TEST_SEEDS"] ?? 150)
const fibers = 20

/** A small generator of its own, so that a failing seed can be run alone (mulberry32). */
const randomFrom = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (((t ^ (t >>> 14)) >>> 0) % 4_294_967_296) % below
  }
}

const acts = ["approve", "deny", "cancel", "pause", "edit"] as const

const decisions: ReadonlySet<AuditType> = new Set<AuditType>([
  "ApprovalGranted",
  "ApprovalDenied",
  "ApprovalExpired",
  "ApprovalVoided"
])

/** What may have become of the approval, given what became of the run. */
const agreeing: Readonly<Record<string, ReadonlyArray<string>>> = {
  succeeded: ["approved"],
  // Cancelled, or its job edited, before it was approved or after.
  cancelled: ["voided", "approved"],
  denied: ["denied", "expired", "voided", "approved"]
}

describe("a run that waits for approval", () => {
  it.effect(
    `has one outcome and runs once at most, whatever ${fibers} people do at once (${seeds} seeds)`,
    () =>
      Effect.gen(function* () {
        const calls = yield* Ref.make<ReadonlyMap<string, number>>(new Map())
        const agent: AgentHandler = ({ run }) =>
          Effect.as(
            Ref.update(calls, (before) => new Map(before).set(run?.id ?? "", (before.get(run?.id ?? "") ?? 0) + 1)),
            { output: "done" }
          )
        const outcomes = new Map<string, number>()
        yield* Effect.gen(function* () {
          const jobs = yield* Jobs
          const approvals = yield* Approvals
          const store = yield* JobStore
          for (let seed = 1; seed <= seeds; seed++) {
            const random = randomFrom(seed)
            const name = `job-${seed}`
            yield* create({
              name,
              at: "2999-01-01T00:00:00Z",
              policy: { require_approval: true, approval_timeout: "1s" }
            })
            const { id } = yield* jobs.runNow(name, { actor: "test" })
            yield* TestClock.adjust(0)
            const waiting = yield* store.findRun(id)
            assert.strictEqual(waiting.status, "awaiting_approval", `seed ${seed}`)

            const act = (n: number): Effect.Effect<unknown, unknown> => {
              switch (acts[random(acts.length)]) {
                case "approve":
                  return approvals.approve(id, { actor: `key_${n}`, name: null }, null)
                case "deny":
                  return approvals.deny(id, { actor: `key_${n}`, name: null }, null)
                case "cancel":
                  return jobs.cancelRun(id, `key_${n}`)
                case "pause":
                  return Effect.as(jobs.pause(name, `key_${n}`), "none")
                default:
                  return Effect.as(jobs.update(name, { input: `${n}` }, { actor: `key_${n}` }), "none")
              }
            }
            // In every fourth seed all of them come about the millisecond at which the approval expires.
            const atTheEnd = seed % 4 === 0
            const people = Array.from({ length: fibers }, (_, n) => {
              const before = atTheEnd
                ? Effect.sleep((seed % 8 === 0 ? 1_000 : 999) + random(2))
                : Effect.repeatN(Effect.yieldNow(), random(40))
              return Effect.either(Effect.zipRight(before, act(n)))
            })
            const acting = yield* Effect.fork(Effect.all(people, { concurrency: "unbounded" }))
            if (atTheEnd) yield* Effect.zipRight(TestClock.adjust("999 millis"), TestClock.adjust("2 millis"))
            const answers = yield* Fiber.join(acting)
            yield* TestClock.adjust("2 seconds")

            const run = yield* store.findRun(id)
            const approval = yield* approvals.get(id)
            const told = `seed ${seed}: run ${run.status} (${run.reason?.code}), approval ${approval.state}`
            assert.isTrue(isTerminal(run.status), told)
            assert.include(agreeing[run.status] ?? [], approval.state, told)
            const called = (yield* Ref.get(calls)).get(id) ?? 0
            assert.isAtMost(called, 1, told)
            if (run.status === "succeeded") assert.strictEqual(called, 1, told)
            if (approval.state !== "approved") assert.strictEqual(called, 0, told)
            const verdicts = answers.filter(
              (answer) =>
                Either.isRight(answer) &&
                typeof answer.right === "object" &&
                answer.right !== null &&
                "approvers" in answer.right
            )
            assert.strictEqual(
              verdicts.length,
              approval.state === "approved" || approval.state === "denied" ? 1 : 0,
              told
            )
            const job = yield* store.findJob(name)
            const events = (yield* audited({ job: job.id, limit: 100 })).filter((one) => one.run_id === id)
            const cancelled = events.filter((one) => one.type === "RunCancelled").length
            const decided = events.filter((one) => decisions.has(one.type)).length
            // A run cancelled while it waited has no decision; one cancelled later has both.
            assert.strictEqual(decided, approval.state === "voided" && cancelled === 1 ? 0 : 1, told)
            assert.isAtMost(cancelled, 1, told)
            const key = `${run.status}/${approval.state}`
            outcomes.set(key, (outcomes.get(key) ?? 0) + 1)
          }
        }).pipe(Effect.provide(engine({ agent })), Effect.provideService(MetricsEnabled, false))
        // The seeds reach every outcome, or the races would prove nothing.
        for (const key of [
          "succeeded/approved",
          "denied/denied",
          "denied/expired",
          "denied/voided",
          "cancelled/voided"
        ]) {
          assert.isAbove(outcomes.get(key) ?? 0, 0, `${key} of ${JSON.stringify([...outcomes])}`)
        }
      }),
    60_000 + seeds * 100
  )
})
