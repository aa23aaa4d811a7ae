import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { type AgentHandler, AgentRuntime, type EffectAgentEntry } from "../../src/Agents.ts"
import { Approvals } from "../../src/Approvals.ts"
import { Budgets } from "../../src/Budgets.ts"
import { AgentFailure, AgentId, type Usage } from "../../src/Domain/Agent.ts"
import { Jobs } from "../../src/Jobs.ts"
import { runByHand } from "../../src/RunByHand.ts"
import type { TestSettings } from "../../src/testing.ts"
import { storeInFile } from "../../src/testing.ts"
import { create, engine, hour, instant, minute, runsOf, statusesOf, until } from "../support/Engine.ts"

const start = instant("2026-03-09T20:00:00Z")
const tokens = (count: number, cost_usd?: number): Usage => ({
  input_tokens: count - 10,
  output_tokens: 10,
  ...(cost_usd === undefined ? {} : { cost_usd })
})

/** An agent that says afterwards what it spent. */
const spends =
  (usage: Usage): AgentHandler =>
  () =>
    Effect.succeed({ output: "ok", usage })

/** An agent that asks before each of its calls, as models do. */
const calls =
  (count: number, usage: Usage): AgentHandler =>
  ({ reserve, spent }) =>
    Effect.gen(function* () {
      for (let call = 0; call < count; call++) {
        yield* reserve(usage)
        yield* spent(usage)
      }
      return { output: "ok" }
    })

/** The engine from the evening of 9 March 2026 on. */
const from = <A, E, R>(
  agents: Readonly<Record<string, AgentHandler | EffectAgentEntry>>,
  test: Effect.Effect<A, E, R>,
  scheduler: TestSettings["scheduler"] = {}
) =>
  until(start).pipe(
    Effect.zipRight(Effect.provide(test, Budgets.Default.pipe(Layer.provideMerge(engine(agents, { scheduler })))))
  )

const reasonOf = (name: string, index: number) => Effect.map(runsOf(name), (runs) => runs[index]?.reason)

describe("a budget", () => {
  it.effect("caps how many runs start in a day, and lets them start again on the next", () =>
    from(
      { agent: spends(tokens(100)) },
      Effect.gen(function* () {
        yield* create({ name: "capped", every: "1h", budget: { per_day: { runs: 2 } } })
        yield* until(start + 5 * hour)
        assert.deepStrictEqual(yield* statusesOf("capped"), [
          "succeeded",
          "succeeded",
          "denied",
          "succeeded",
          "succeeded"
        ])
        assert.deepStrictEqual(yield* reasonOf("capped", 2), {
          code: "budget",
          text: 'the budget of job "capped" for today is used up: 2 of 2 runs'
        })
        const jobs = yield* Jobs
        assert.deepInclude(yield* jobs.get("capped"), { status: "active", failure_count: 0 })
      })
    )
  )

  it.effect("takes its days and months in the service's timezone", () =>
    from(
      { agent: spends(tokens(100)) },
      Effect.gen(function* () {
        // A new day begins at 21:00Z.
        yield* create({ name: "local", every: "30m", budget: { per_day: { runs: 1 } } })
        yield* until(start + 90 * minute)
        assert.deepStrictEqual(yield* statusesOf("local"), ["succeeded", "succeeded", "denied"])
      }),
      { timezone: "Europe/Istanbul" }
    )
  )

  it.effect("holds back a run that is likely to go beyond what is left", () =>
    from(
      { agent: spends(tokens(100, 0.5)) },
      Effect.gen(function* () {
        yield* create({ name: "costly", every: "10m", budget: { total: { cost_usd: 1.2 } } })
        yield* until(start + 40 * minute)
        assert.deepStrictEqual(yield* statusesOf("costly"), ["succeeded", "succeeded", "denied", "denied"])
        assert.strictEqual(
          (yield* reasonOf("costly", 2))?.text,
          'the budget of job "costly" in all does not allow it: 1 USD of 1.2 USD spent, and about 0.5 USD would be next'
        )
        const [line] = yield* (yield* Budgets).list([])
        assert.deepInclude(line, {
          of: "job",
          name: "costly",
          span: "all time",
          spent: { tokens: 200, cost_usd: 1, runs: 2 }
        })
      })
    )
  )

  it.effect("of an agent is shared by its jobs, that of the service by all", () =>
    from(
      { agent: { handler: spends(tokens(100)) }, other: spends(tokens(100)) },
      Effect.gen(function* () {
        for (const [name, agent_id] of [
          ["a", "agent"],
          ["b", "agent"],
          ["c", "other"]
        ] as const) {
          yield* create({ name, agent_id, every: "10m" })
        }
        yield* until(start + 10 * minute)
        yield* until(start + 20 * minute)
        const all = yield* Effect.forEach(["a", "b", "c"], statusesOf)
        assert.deepStrictEqual(all.flat().sort(), [
          "denied",
          "succeeded",
          "succeeded",
          "succeeded",
          "succeeded",
          "succeeded"
        ])
      }),
      { budget: { per_month: { runs: 5 } } }
    )
  )

  it.effect("is never overspent by runs side by side", () =>
    Effect.gen(function* () {
      const all = yield* Deferred.make<void>()
      let waiting = 0
      // All have asked to start before the first one spends.
      const agent: AgentHandler = (invocation) =>
        Effect.gen(function* () {
          if (++waiting === 50) yield* Deferred.succeed(all, undefined)
          yield* Deferred.await(all)
          return yield* calls(1, tokens(100))(invocation)
        })
      yield* from(
        { agent },
        Effect.gen(function* () {
          const jobs = yield* Jobs
          yield* create({ name: "many", every: "1d", max_concurrent: 50, budget: { per_day: { tokens: 1_000 } } })
          yield* Effect.forEach(Array.from({ length: 50 }), () => jobs.runNow("many", { actor: "test" }))
          yield* until(start + minute)
          yield* until(start + 2 * minute)
          const runs = yield* runsOf("many")
          const succeeded = runs.filter(({ status }) => status === "succeeded").length
          // Those that have not spent yet hold a place, too.
          assert.isTrue(succeeded === 9 || succeeded === 10, String(succeeded))
          assert.lengthOf(
            runs.filter(({ status }) => status === "failed"),
            50 - succeeded
          )
          const [line] = yield* (yield* Budgets).list([])
          assert.deepInclude(line, {
            spent: { tokens: 100 * succeeded, cost_usd: 0, runs: 50 },
            reserved: { tokens: 0, cost_usd: 0 }
          })
        }),
        { max_concurrent_jobs: 50 }
      )
    })
  )

  it.effect("stops a run that comes to its own cap, which is no use to try again; what it spent stays on it", () =>
    from(
      { agent: calls(5, tokens(100)) },
      Effect.gen(function* () {
        yield* create({ name: "long", every: "10m", retry: { attempts: 3 }, budget: { per_run: { tokens: 250 } } })
        yield* until(start + 10 * minute)
        const [run] = yield* runsOf("long")
        assert.deepInclude(run, { status: "failed", usage: { input_tokens: 180, output_tokens: 20 } })
        assert.strictEqual(
          run?.error_message,
          'stopped: the budget of job "long" for one run does not allow it: 200 tokens of 250 tokens spent, and about 100 tokens would be next'
        )
        assert.strictEqual(run?.attempts.length, 1)
        assert.strictEqual(run?.attempts[0]?.failure, "budget")
      })
    )
  )

  it.effect("pauses the job at the cap where it is to; who resumes it goes on", () =>
    from(
      { agent: spends(tokens(100)) },
      Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* create({ name: "paused", every: "1h", budget: { per_day: { runs: 1 }, at_cap: "pause" } })
        yield* until(start + 3 * hour)
        assert.deepStrictEqual(yield* statusesOf("paused"), ["succeeded", "denied"])
        assert.deepInclude(yield* jobs.get("paused"), { status: "paused", paused_by: "budget" })
        yield* until(start + 4 * hour + minute)
        yield* jobs.resume("paused", "test")
        yield* until(start + 5 * hour + minute)
        assert.deepStrictEqual(yield* statusesOf("paused"), ["succeeded", "denied", "succeeded"])
      })
    )
  )

  it.effect("asks a person at the cap where it is to, who may let one run go beyond", () =>
    from(
      { agent: calls(2, tokens(100)) },
      Effect.gen(function* () {
        const approvals = yield* Approvals
        yield* create({ name: "asked", every: "1h", budget: { total: { tokens: 200 }, at_cap: "ask" } })
        yield* until(start + 2 * hour)
        assert.deepStrictEqual(yield* statusesOf("asked"), ["succeeded", "awaiting_approval"])
        const [approval] = (yield* approvals.list({ limit: 10 })).items
        assert.include(approval?.over_budget ?? "", "200 tokens of 200 tokens spent")
        assert.include((yield* reasonOf("asked", 1))?.text ?? "", "200 tokens of 200 tokens spent")
        yield* approvals.approve(approval?.id ?? "", { actor: "test", name: null }, null)
        yield* until(start + 2 * hour + minute)
        const runs = yield* runsOf("asked")
        assert.deepInclude(runs[1], { status: "succeeded", usage: { input_tokens: 180, output_tokens: 20 } })
        // The next one is asked about anew.
        yield* until(start + 3 * hour)
        assert.deepStrictEqual((yield* statusesOf("asked")).slice(2), ["awaiting_approval"])
      })
    )
  )

  it.effect("and a policy that wants a person are asked for at once", () =>
    from(
      { agent: calls(2, tokens(100)) },
      Effect.gen(function* () {
        const approvals = yield* Approvals
        yield* create({
          name: "both",
          every: "1h",
          policy: { require_approval: true },
          budget: { total: { runs: 0 }, at_cap: "ask" }
        })
        yield* create({ name: "deny", every: "1h", policy: { require_approval: true }, budget: { total: { runs: 0 } } })
        yield* until(start + hour)
        assert.deepStrictEqual(yield* statusesOf("both"), ["awaiting_approval"])
        assert.deepStrictEqual(yield* statusesOf("deny"), ["denied"])
        const [approval] = (yield* approvals.list({ limit: 10 })).items
        yield* approvals.approve(approval?.id ?? "", { actor: "test", name: null }, null)
        yield* until(start + hour + minute)
        assert.deepStrictEqual(yield* statusesOf("both"), ["succeeded"])
      })
    )
  )

  it.effect("with a cap on cost denies an agent whose price nobody knows", () =>
    from(
      { agent: calls(1, tokens(100)) },
      Effect.gen(function* () {
        yield* create({ name: "unpriced", every: "1h", budget: { per_day: { cost_usd: 5 } } })
        yield* until(start + hour)
        const [run] = yield* runsOf("unpriced")
        assert.strictEqual(run?.status, "failed")
        assert.include(run?.error_message ?? "", "its agent does not say what it costs")
      })
    )
  )

  it.effect("is asked before each iteration of an agent that tells its usage only afterwards", () =>
    from(
      { agent: spends(tokens(100)) },
      Effect.gen(function* () {
        yield* create({
          name: "beating",
          every: "10m",
          heartbeat: { enabled: true, max_iterations: 50 },
          budget: { per_run: { tokens: 350 } }
        })
        yield* until(start + 10 * minute)
        const [run] = yield* runsOf("beating")
        assert.deepInclude(run, { status: "failed", usage: { input_tokens: 270, output_tokens: 30 } })
        assert.include(run?.error_message ?? "", "300 tokens of 350 tokens spent")
      })
    )
  )

  it.effect("does not hold a job back for ever because one run took more than a whole day may", () =>
    from(
      { agent: spends(tokens(1_200)) },
      Effect.gen(function* () {
        yield* create({ name: "greedy", every: "3h", budget: { per_day: { tokens: 1_000 } } })
        // 23:00, 02:00, 05:00.
        yield* until(start + 9 * hour)
        assert.deepStrictEqual(yield* statusesOf("greedy"), ["succeeded", "succeeded", "denied"])
      })
    )
  )

  it.effect("forgets what the agent before spent, once the job has another", () =>
    from(
      { agent: spends(tokens(1_200)), free: spends(tokens(10)) },
      Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* create({ name: "moved", every: "1h", budget: { total: { tokens: 2_000 } } })
        yield* until(start + hour)
        yield* jobs.update("moved", { agent_id: AgentId.make("free") }, { actor: "test" })
        yield* until(start + 3 * hour)
        assert.deepStrictEqual(yield* statusesOf("moved"), ["succeeded", "succeeded", "succeeded"])
      })
    )
  )

  it.effect("of one run holds over its attempts, those included that were ended within a call", () => {
    const hangs: AgentHandler = ({ reserve }) => Effect.zipRight(reserve(tokens(100)), Effect.never)
    return from(
      { agent: hangs },
      Effect.gen(function* () {
        yield* create({
          name: "hanging",
          every: "5h",
          max_runtime: "1m",
          retry: { attempts: 5, backoff: "1m", factor: 1 },
          budget: { per_run: { tokens: 250 }, total: { tokens: 10_000 } }
        })
        yield* until(start + 5 * hour)
        for (let passed = 1; passed <= 12; passed++) yield* until(start + 5 * hour + passed * minute)
        const [run] = yield* runsOf("hanging")
        assert.deepStrictEqual(
          [run?.status, run?.attempts.map(({ failure }) => failure)],
          ["failed", ["timeout", "timeout", "budget"]]
        )
        const [line] = yield* (yield* Budgets).list([])
        assert.deepInclude(line, { spent: { tokens: 200, cost_usd: 0, runs: 1 }, reserved: { tokens: 0, cost_usd: 0 } })
      })
    )
  })

  it.effect("counts what a call may have taken that ended without saying so, but not what was refused", () => {
    const failing: AgentHandler = ({ input, reserve }) =>
      Effect.zipRight(
        reserve(tokens(100)),
        input === "late"
          ? new AgentFailure({ kind: "timeout", message: "no answer" })
          : input === "cut"
            ? new AgentFailure({ kind: "transient", message: "cut", output: "begun" })
            : input === "silent"
              ? Effect.succeed({ output: "told nothing" })
              : new AgentFailure({ kind: "rate_limited", message: "429" })
      )
    return from(
      { agent: failing },
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const spent: Array<number | undefined> = []
        yield* create({ name: "unsure", every: "90d", max_retries: 100, budget: { total: { tokens: 10_000 } } })
        for (const input of ["late", "cut", "silent", "limited"]) {
          yield* jobs.runNow("unsure", { actor: "test", input })
          yield* TestClock.adjust(1)
          const [line] = yield* (yield* Budgets).list([])
          spent.push(line?.spent.tokens)
        }
        assert.deepStrictEqual(spent, [100, 200, 300, 300])
      })
    )
  })

  it.effect("counts a run that goes on over midnight for the day on which it began", () => {
    const overMidnight: AgentHandler = ({ reserve, spent }) =>
      Effect.gen(function* () {
        yield* reserve(tokens(100))
        yield* spent(tokens(100))
        yield* Effect.sleep("10 minutes")
        yield* reserve(tokens(50))
        yield* spent(tokens(50))
        return { output: "ok" }
      })
    return from(
      { agent: overMidnight },
      Effect.gen(function* () {
        yield* create({ name: "nightly", cron_expr: "55 23 * * *", budget: { per_day: { runs: 1, tokens: 1_000 } } })
        yield* until(start + 4 * hour)
        yield* until(start + 4 * hour + 10 * minute)
        const [line] = yield* (yield* Budgets).list([])
        assert.deepInclude(line, { span: "2026-03-10", spent: { tokens: 50, cost_usd: 0, runs: 0 } })
        yield* until(start + 28 * hour)
        yield* until(start + 28 * hour + 10 * minute)
        assert.deepStrictEqual(yield* statusesOf("nightly"), ["succeeded", "succeeded"])
      })
    )
  })

  it.effect("leaves a job failing whose agent fails, whatever is left to try again with", () =>
    from(
      {
        agent: ({ reserve, spent }) =>
          reserve(tokens(100)).pipe(
            Effect.zipRight(spent(tokens(100))),
            Effect.zipRight(new AgentFailure({ kind: "transient", message: "boom" }))
          )
      },
      Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* create({
          name: "failing",
          every: "5h",
          retry: { attempts: 3, backoff: "1m" },
          budget: { per_run: { tokens: 150 } }
        })
        yield* until(start + 5 * hour)
        yield* until(start + 5 * hour + 2 * minute)
        const [run] = yield* runsOf("failing")
        assert.deepInclude(run, { status: "failed" })
        assert.match(run?.error_message ?? "", /100 tokens of 150 tokens spent/)
        assert.deepInclude(yield* jobs.get("failing"), { failure_count: 1 })
      })
    )
  )

  it.effect("that a person is asked about is not exceeded because nobody answered", () =>
    from(
      { agent: spends(tokens(100)) },
      Effect.gen(function* () {
        const policy = { require_approval: true, approval_default: "allow", approval_timeout: "1h" }
        yield* create({ name: "unasked", every: "10h", policy, budget: { total: { runs: 0 }, at_cap: "ask" } })
        yield* until(start + 10 * hour)
        yield* until(start + 11 * hour + minute)
        assert.deepStrictEqual(yield* statusesOf("unasked"), ["denied"])
      })
    )
  )

  it.effect("pauses nothing by a one-shot, which ends, nor by a backfill", () =>
    from(
      { agent: spends(tokens(100)) },
      Effect.gen(function* () {
        const jobs = yield* Jobs
        const budget = { total: { runs: 0 }, at_cap: "pause" }
        yield* create({ name: "once", at: "2026-03-09T21:00:00Z", budget })
        yield* create({ name: "past", cron_expr: "0 */10 * * *", budget })
        yield* jobs.backfill("past", { from: "2026-03-08T00:00:00Z", to: "2026-03-09T19:00:00Z" }, "test")
        yield* until(start + hour)
        assert.deepInclude(yield* jobs.get("once"), { status: "failed", paused_by: null })
        assert.deepInclude(yield* jobs.get("past"), { status: "active", paused_by: null })
        assert.include(yield* statusesOf("past"), "denied")
      })
    )
  )

  it.effect("of an agent and of the service is for runs by hand, too", () =>
    from(
      { agent: calls(1, tokens(100)) },
      Effect.gen(function* () {
        const budgets = yield* Budgets
        const agents = yield* AgentRuntime
        const agent = { ...(yield* agents.find("agent")), budget: { per_day: { tokens: 250, runs: 5 } } }
        const byHand = Effect.scoped(
          Effect.flatMap(budgets.byHand(agent), (budget) =>
            runByHand(agent, { input: "", maxRuntime: "none", log: () => Effect.void, budget })
          )
        )
        yield* byHand
        yield* byHand
        assert.strictEqual((yield* Effect.flip(byHand)).kind, "budget")
        const [line] = yield* budgets.list([agent])
        assert.deepInclude(line, { spent: { tokens: 200, cost_usd: 0, runs: 3 }, reserved: { tokens: 0, cost_usd: 0 } })
      })
    )
  )

  it.scoped("counts what a run had reserved as spent when its service dies", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const store = storeInFile(`${yield* fs.makeTempDirectoryScoped()}/symbiont.db`)
      const hangs: AgentHandler = ({ reserve }) => Effect.zipRight(reserve(tokens(300)), Effect.never)
      yield* until(start)
      yield* Effect.gen(function* () {
        yield* create({ name: "dies", every: "1h", on_interrupt: "fail", budget: { total: { tokens: 1_000 } } })
        yield* until(start + hour)
        const [line] = yield* (yield* Budgets).list([])
        assert.deepInclude(line, { spent: { tokens: 0, cost_usd: 0, runs: 1 }, reserved: { tokens: 300, cost_usd: 0 } })
      }).pipe(Effect.provide(Budgets.Default.pipe(Layer.provideMerge(engine({ agent: hangs }, { store })))))
      yield* Effect.gen(function* () {
        const [line] = yield* (yield* Budgets).list([])
        assert.deepInclude(line, { spent: { tokens: 300, cost_usd: 0, runs: 1 }, reserved: { tokens: 0, cost_usd: 0 } })
      }).pipe(Effect.provide(Budgets.Default.pipe(Layer.provideMerge(engine({ agent: hangs }, { store })))))
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
