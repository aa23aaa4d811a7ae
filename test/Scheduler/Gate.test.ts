import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import type { AgentHandler } from "../../src/Agents.ts"
import { AgentFailure } from "../../src/Domain/Agent.ts"
import { Jobs } from "../../src/Jobs.ts"
import { failure, scriptedAgent } from "../../src/testing.ts"
import { findingOf } from "../../src/WakeGate/Finding.ts"
import { type GateFinding, WakeGate } from "../../src/WakeGate.ts"
import { create, engine, minute, runsOf, statusesOf, until } from "../support/Engine.ts"

/** A gate that prints these, one a time; a failure where it is to fail. */
const printing = (...outputs: ReadonlyArray<string | AgentFailure>) => {
  let asked = 0
  return Layer.succeed(WakeGate, {
    ask: (job): Effect.Effect<GateFinding | null, AgentFailure> => {
      const output = outputs[Math.min(asked++, outputs.length - 1)] ?? ""
      return typeof output === "string" ? Effect.succeed(findingOf(job.gate ?? {}, output, job.gate_seen)) : output
    }
  })
}

const remembering = Effect.map(Ref.make<ReadonlyArray<string>>([]), (given) => {
  const handler: AgentHandler = ({ input }) =>
    Effect.as(
      Ref.update(given, (before) => [...before, input]),
      { output: "did it", usage: { input_tokens: 4_000, output_tokens: 1_000, cost_usd: 0.024 } }
    )
  return { handler, given: Ref.get(given) }
})

const gate = { command: ["./new-mail"] as const }

describe("a gate", () => {
  it.effect("lets the agent sleep when there is nothing to do, and says what that saved", () =>
    Effect.gen(function* () {
      const agent = yield* remembering
      yield* Effect.gen(function* () {
        yield* create({ name: "mail", every: "10m", gate, input: "Sort these.", delivery: ["stdout"] })
        yield* until(10 * minute)
        yield* until(20 * minute)
        yield* until(30 * minute)
        const [first, second, third] = yield* runsOf("mail")
        assert.deepInclude(first, { status: "skipped", saved: null, usage: null, context_bytes: null })
        assert.deepStrictEqual(first?.reason, { code: "no_change", text: "nothing to do: the gate printed nothing" })
        assert.deepInclude(second, { status: "succeeded", saved: null })
        assert.deepInclude(third, {
          status: "skipped",
          saved: { input_tokens: 4_000, output_tokens: 1_000, cost_usd: 0.024 }
        })
        assert.strictEqual(
          third?.reason?.text,
          "nothing to do: the gate printed nothing; about 5,000 tokens (0.024 USD) saved, as the last run spent"
        )
        assert.deepStrictEqual(yield* agent.given, ["Sort these.\n\n2 new mails"])
        assert.lengthOf(third?.deliveries ?? [null], 0)
        const jobs = yield* Jobs
        assert.deepInclude(yield* jobs.get("mail"), { failure_count: 0, status: "active" })
      }).pipe(Effect.provide(engine({ agent: agent.handler }, { wakeGate: printing("", "2 new mails\n", " \n") })))
    })
  )

  it.effect("on change wakes once for each change that a run has succeeded on", () =>
    Effect.gen(function* () {
      let calls = 0
      const agent: AgentHandler = () =>
        ++calls === 1 ? new AgentFailure({ kind: "transient", message: "not yet" }) : Effect.succeed({ output: "seen" })
      yield* Effect.gen(function* () {
        yield* create({ name: "page", every: "10m", gate: { url: "https://example.com/feed" } })
        for (let slot = 1; slot <= 5; slot++) yield* until(slot * 10 * minute)
        assert.deepStrictEqual(yield* statusesOf("page"), ["failed", "succeeded", "skipped", "succeeded", "skipped"])
      }).pipe(Effect.provide(engine({ agent }, { wakeGate: printing("v1", "v1", "v1", "v2", "v2") })))
    })
  )

  it.effect("that fails is a failed run, tried again as any other; never a silent skip", () =>
    Effect.gen(function* () {
      const agent = yield* remembering
      const broken = new AgentFailure({ kind: "transient", message: "the gate failed: ./new-mail exited with code 1" })
      yield* Effect.gen(function* () {
        yield* create({ name: "mail", every: "1h", gate, retry: { attempts: 2, backoff: "1m" } })
        yield* until(60 * minute)
        yield* until(62 * minute)
        const [run] = yield* runsOf("mail")
        // The second attempt finds nothing, and the agent was never woken.
        assert.deepStrictEqual([run?.status, run?.attempts.length], ["skipped", 2])
        yield* until(120 * minute)
        yield* until(122 * minute)
        assert.deepStrictEqual(yield* statusesOf("mail"), ["skipped", "failed"])
        assert.include((yield* runsOf("mail"))[1]?.error_message ?? "", "exited with code 1")
      }).pipe(Effect.provide(engine({ agent: agent.handler }, { wakeGate: printing(broken, "", broken) })))
    })
  )

  it.effect("does not end what the agent has begun", () =>
    Effect.gen(function* () {
      const agent = scriptedAgent({ fails: failure("transient", "not yet") }, { answers: "done" })
      yield* Effect.gen(function* () {
        yield* create({ name: "mail", every: "1h", gate, retry: { attempts: 2, backoff: "1m" } })
        yield* until(60 * minute)
        yield* until(62 * minute)
        assert.deepStrictEqual(yield* statusesOf("mail"), ["succeeded"])
      }).pipe(Effect.provide(engine({ agent }, { wakeGate: printing("2 new mails", "") })))
    })
  )

  it.effect("is not asked by who runs the job by hand: it reads what there is, and runs", () =>
    Effect.gen(function* () {
      const agent = yield* remembering
      yield* Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* create({ name: "mail", every: "1h", gate, input: "Sort these." })
        yield* jobs.runNow("mail", { actor: "test" })
        yield* until(minute)
        assert.deepStrictEqual(yield* statusesOf("mail"), ["succeeded"])
        assert.deepStrictEqual(yield* agent.given, ["Sort these."])
      }).pipe(Effect.provide(engine({ agent: agent.handler }, { wakeGate: printing("") })))
    })
  )

  it.effect("of a one-shot that finds nothing leaves the job failed, as its slot ended without a run", () =>
    Effect.gen(function* () {
      const agent = yield* remembering
      yield* Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* create({ name: "once", at: "1970-01-01T00:10:00Z", gate })
        yield* until(10 * minute)
        assert.deepStrictEqual(yield* statusesOf("once"), ["skipped"])
        assert.deepInclude(yield* jobs.get("once"), { status: "failed" })
      }).pipe(Effect.provide(engine({ agent: agent.handler }, { wakeGate: printing("") })))
    })
  )
})

describe("what a gate gives", () => {
  it.each([
    [gate, "", null, false],
    [gate, "\n \n", null, false],
    [gate, "something", null, true],
    [gate, 'looked\n{"wake": false}\n', null, false],
    [gate, '{"wake": true}', null, true],
    [gate, '{"wake": "no"}', null, true],
    [gate, '{"sleep": true}', null, true],
    [{ ...gate, wake_on: "change" as const }, "same", "same", false],
    [{ ...gate, wake_on: "change" as const }, "other", "same", true],
    [{ url: "https://example.com" }, "same", "same", false],
    [{ url: "https://example.com" }, "same", null, true],
    [{ url: "https://example.com", wake_on: "output" as const }, "same", "same", true],
    [{ url: "https://example.com" }, '{"wake": true}', '{"wake": true}', true]
  ])("%j that gives %j after %j wakes: %s", (asked, output, before, wakes) => {
    const seen = before === null ? null : findingOf(asked, before, null).seen
    assert.strictEqual(findingOf(asked, output, seen).wakes, wakes)
  })
})
