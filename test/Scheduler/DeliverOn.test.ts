import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Approvals } from "../../src/Approvals.ts"
import { Deliveries, failure, scriptedAgent } from "../../src/testing.ts"
import { create, engine, minute, runsOf, second, until } from "../support/Engine.ts"

const heard = Effect.flatMap(Deliveries, ({ all }) =>
  Effect.map(all, (routed) => routed.map(({ job_name, output }) => `${job_name}: ${output}`))
)

const flaky = scriptedAgent({ answers: "first" }, { fails: failure("permanent", "boom") })

describe("deliver_on", () => {
  it.effect("tells of success, failure, dead letters and approvals unless the job says otherwise", () =>
    Effect.gen(function* () {
      yield* create({ name: "all", every: "1m", delivery: ["stdout"], max_retries: 1 })
      yield* until(3 * minute)
      const [first, second, notice, ...rest] = yield* heard
      assert.deepStrictEqual([first, second], ["all: first", "all: boom"])
      assert.match(notice ?? "", /was dead-lettered/)
      assert.deepStrictEqual(rest, [])
    }).pipe(Effect.provide(engine({ agent: flaky })))
  )

  it.effect("tells only of what the job names", () =>
    Effect.gen(function* () {
      const told = (name: string, deliver_on: ReadonlyArray<string>) =>
        create({ name, agent_id: name, every: "1m", delivery: ["stdout"], deliver_on, max_retries: 1 })
      yield* told("ends", ["failure"])
      yield* told("dies", ["dead_letter"])
      yield* told("never", ["approval"])
      yield* until(3 * minute)
      const lines = yield* heard
      assert.lengthOf(lines, 2)
      assert.include(lines, "ends: boom")
      assert.isTrue(lines.some((line) => line.startsWith("dies: Job")))
      assert.deepStrictEqual(
        (yield* runsOf("never")).map(({ deliveries, status }) => [status, deliveries.length]),
        [
          ["succeeded", 0],
          ["failed", 0]
        ]
      )
    }).pipe(
      Effect.provide(
        engine({
          ends: scriptedAgent({ answers: "first" }, { fails: failure("permanent", "boom") }),
          dies: scriptedAgent({ answers: "first" }, { fails: failure("permanent", "boom") }),
          never: scriptedAgent({ answers: "first" }, { fails: failure("permanent", "boom") })
        })
      )
    )
  )

  it.effect("tells of slots that were skipped, missed or denied, by every way into them", () =>
    Effect.gen(function* () {
      const told = { delivery: ["stdout", "stdout"], deliver_on: ["skipped"] }
      yield* create({ name: "busy", every: "1m", ...told })
      yield* create({
        name: "closed",
        every: "1m",
        ...told,
        policy: { allowed_hours: { start: "03:00", end: "04:00" } }
      })
      yield* create({
        name: "asked",
        at: "1970-01-01T00:01:00Z",
        ...told,
        policy: { require_approval: true, approval_timeout: "30m" }
      })
      yield* create({
        name: "late",
        at: "1970-01-01T00:01:00Z",
        ...told,
        policy: { require_approval: true, approval_timeout: "90s" }
      })
      yield* until(2 * minute + second)
      const approvals = yield* Approvals
      const { items } = yield* approvals.list({ state: "pending", limit: 9 })
      const asked = items.find(({ job_name }) => job_name === "asked") ?? assert.fail("nothing waits")
      yield* approvals.deny(asked.id, { actor: "test", name: null }, "not today")
      yield* until(4 * minute)
      const lines = yield* heard
      const of = (name: string) => lines.filter((line) => line.startsWith(`${name}: `))
      assert.match(of("busy")[0] ?? "", /^busy: Slot 1970-01-01T00:02:00Z was skipped: /)
      assert.match(of("closed")[0] ?? "", /^closed: Slot 1970-01-01T00:01:00Z was denied: /)
      assert.match(of("asked")[0] ?? "", /^asked: Slot .* was denied: .*not today/)
      assert.match(of("late")[0] ?? "", /^late: Slot .* was denied: /)
      assert.lengthOf([...of("asked"), ...of("late")], 2)
    }).pipe(Effect.provide(engine({ agent: scriptedAgent({ takes: "10 minutes" }) })))
  )
})
