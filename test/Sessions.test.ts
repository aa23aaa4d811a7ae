import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import type { AgentHandler, Invocation } from "../src/Agents.ts"
import type { RunId } from "../src/Domain/Ids.ts"
import { JobStore } from "../src/JobStore.ts"
import { Jobs } from "../src/Jobs.ts"
import { Metrics, renderPrometheus } from "../src/Observability.ts"
import { RunObserver, type Stage } from "../src/Scheduler.ts"
import { Settings } from "../src/Settings.ts"
import { failure } from "../src/testing.ts"
import { create, engine, minute, runsOf, second, until } from "./support/Engine.ts"

/** An agent that keeps what it was called with and answers by the number of its call. */
const recording = (answer: (call: number) => ReturnType<AgentHandler>) =>
  Effect.gen(function* () {
    const calls = yield* Ref.make<ReadonlyArray<Invocation>>([])
    const handler: AgentHandler = (invocation) =>
      Effect.flatMap(
        Ref.updateAndGet(calls, (before) => [...before, invocation]),
        (all) => answer(all.length)
      )
    return { handler, calls: Ref.get(calls) }
  })

const said = (output: string, summary?: string) =>
  Effect.succeed(summary === undefined ? { output } : { output, summary })

/** The engine with every stage of every run written down, as `<run> <stage>` by the number of the run. */
const traced = (agents: Parameters<typeof engine>[0], scheduler: Parameters<typeof engine>[1] = {}) =>
  Effect.map(Ref.make<ReadonlyArray<readonly [RunId, Stage]>>([]), (trace) => ({
    runtime: engine(agents, scheduler).pipe(
      Layer.provide(
        Layer.succeed(RunObserver, {
          entered: (run, stage) => Ref.update(trace, (before) => [...before, [run, stage] as const])
        })
      )
    ),
    stages: (run: string | undefined) =>
      Effect.map(Ref.get(trace), (all) => all.filter(([id]) => id === run).map(([, stage]) => stage))
  }))

describe("what a run remembers", () => {
  it.effect("by default: the summary of the run before, or that it failed and how", () =>
    Effect.gen(function* () {
      const agent = yield* recording((call) =>
        call === 1
          ? said("first answer")
          : call === 2
            ? said("second answer", "in short: two")
            : call === 3
              ? Effect.fail(failure("permanent", "disk full"))
              : said("x".repeat(5_000))
      )
      yield* Effect.gen(function* () {
        yield* create({ name: "default", every: "1m", input: "go" })
        yield* until(6 * minute)
        const calls = yield* agent.calls
        assert.deepStrictEqual(
          calls.slice(0, 4).map((call) => call.summary),
          [null, "first answer", "in short: two", "The previous run failed: disk full"]
        )
        assert.strictEqual(calls[4]?.summary?.length, 2_000)
        assert.strictEqual(calls[5]?.summary?.length, 2_000)
        assert.isTrue(calls.every((call) => call.turns.length === 0 && call.input === "go"))
        const sessions = new Set((yield* runsOf("default")).map((run) => run.session_id))
        assert.strictEqual(sessions.size, 6)
      }).pipe(Effect.provide(engine({ agent: agent.handler })))
    })
  )

  it.effect("shared_persistent: the whole conversation so far, in one session, and no failed exchange", () =>
    Effect.gen(function* () {
      const agent = yield* recording((call) =>
        call === 2 ? Effect.fail(failure("transient", "busy")) : said(`answer ${call}`)
      )
      yield* Effect.gen(function* () {
        const store = yield* JobStore
        const job = yield* create({ name: "shared", every: "1m", session_mode: "shared_persistent", input: "go" })
        yield* until(4 * minute)
        const calls = yield* agent.calls
        assert.deepStrictEqual(
          calls.map((call) => call.turns.map((turn) => turn.text)),
          [[], ["go", "answer 1"], ["go", "answer 1"], ["go", "answer 1", "go", "answer 3"]]
        )
        assert.isTrue(calls.every((call) => call.summary === null))
        const session = yield* store.findSession(job.id)
        assert.strictEqual(session?.turns.length, 6)
        const ids = new Set(
          (yield* runsOf("shared")).filter((run) => run.status === "succeeded").map((run) => run.session_id)
        )
        assert.deepStrictEqual([...ids], [session?.id ?? null])
      }).pipe(Effect.provide(engine({ agent: agent.handler })))
    })
  )

  it.effect("fully_ephemeral: nothing at all", () =>
    Effect.gen(function* () {
      const agent = yield* recording(() => said("answer", "summary"))
      yield* Effect.gen(function* () {
        const store = yield* JobStore
        const job = yield* create({ name: "blank", every: "1m", session_mode: "fully_ephemeral" })
        yield* until(3 * minute)
        const contexts = (yield* agent.calls).map(({ input, summary, turns }) => ({ input, summary, turns }))
        assert.deepStrictEqual(contexts, Array(3).fill({ input: "", summary: null, turns: [] }))
        assert.isNull(yield* store.findSession(job.id))
      }).pipe(Effect.provide(engine({ agent: agent.handler })))
    })
  )

  it.effect("in files: its folder goes with the run, and stays with a shared session", () =>
    Effect.gen(function* () {
      const folders = yield* Ref.make<ReadonlyArray<string>>([])
      const agent: AgentHandler = ({ sessionDirectory, run }) =>
        Effect.gen(function* () {
          const folder = yield* sessionDirectory
          yield* Ref.update(folders, (before) => [...before, folder])
          if (run?.job_name === "fails") return yield* failure("permanent", "no")
          if (run?.job_name === "killed") return yield* Effect.never
          return { output: folder }
        })
      yield* Effect.gen(function* () {
        const jobs = yield* Jobs
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const { data_dir } = yield* Settings
        for (const name of ["ephemeral", "fails", "killed"]) yield* create({ name, every: "1h" })
        yield* create({ name: "shared", every: "1h", session_mode: "shared_persistent" })
        for (const name of ["ephemeral", "fails", "killed", "shared", "shared"]) {
          const run = yield* jobs.runNow(name, { actor: "test" })
          yield* Effect.iterate(run, {
            while: (now) => now.status === "running" && name !== "killed",
            body: () => Effect.zipRight(TestClock.adjust(1), jobs.getRun(run.id))
          })
          if (name === "killed") {
            yield* Effect.repeat(Effect.zipRight(TestClock.adjust(1), Ref.get(folders)), {
              until: (made) => made.length === 3
            })
            yield* jobs.cancelRun(run.id, "test")
          }
        }
        const made = yield* Ref.get(folders)
        assert.strictEqual(new Set(made).size, 4)
        assert.strictEqual(made[3], made[4])
        assert.deepStrictEqual(yield* fs.readDirectory(path.join(data_dir, "sessions")), [path.basename(made[3] ?? "")])
      }).pipe(Effect.provide(engine({ agent })))
    })
  )
})

describe("the stages of a run", () => {
  it.effect(
    "come in the guide's order, policy before execution before delivery, and the session is always closed",
    () =>
      Effect.gen(function* () {
        const agents = {
          good: (() => said("report")) satisfies AgentHandler,
          bad: (() => Effect.fail(failure("permanent", "no"))) satisfies AgentHandler,
          dies: (() => Effect.die("boom")) satisfies AgentHandler,
          endless: (() => Effect.never) satisfies AgentHandler
        }
        const { runtime, stages } = yield* traced(agents)
        yield* Effect.gen(function* () {
          const jobs = yield* Jobs
          for (const agent_id of Object.keys(agents)) yield* create({ name: agent_id, agent_id, every: "1m" })
          yield* create({ name: "denied", agent_id: "good", every: "1m", policy: { require_capabilities: ["fly"] } })
          yield* create({ name: "slow", agent_id: "endless", every: "1m", max_runtime: "5s" })
          yield* until(minute + 10 * second)
          const [killed] = yield* runsOf("endless")
          yield* jobs.cancelRun(killed?.id ?? "", "test")
          const of = (name: string) => Effect.flatMap(runsOf(name), ([run]) => stages(run?.id))
          const before = ["concurrency", "jitter", "session", "policy"] as const
          const after = ["session_cleanup", "record"] as const
          assert.deepStrictEqual(yield* of("good"), [...before, "execution", "delivery", ...after])
          for (const name of ["bad", "dies", "endless"]) {
            assert.deepStrictEqual(yield* of(name), [...before, "execution", ...after], name)
          }
          assert.deepStrictEqual(yield* of("denied"), [...before, ...after])
          assert.deepStrictEqual(
            (yield* runsOf("slow")).slice(0, 1).map((run) => run.status),
            ["timed_out"]
          )
          assert.deepStrictEqual((yield* of("slow")).slice(-2), [...after])
        }).pipe(Effect.provide(runtime))
      })
  )

  it.effect("end with the record and the metrics", () =>
    Effect.gen(function* () {
      const store = yield* JobStore
      const name = "counted-in-the-end"
      yield* create({ name, every: "1m" })
      yield* until(3 * minute + 10 * second)
      const runs = yield* runsOf(name)
      assert.deepStrictEqual(
        runs.map((run) => [run.status, run.execution_time_ms, (run.finished_at ?? 0) - (run.started_at ?? 0)]),
        Array(3).fill(["succeeded", 5 * second, 5 * second])
      )
      const counts = yield* store.counts
      assert.deepStrictEqual(
        [counts.runs_succeeded, counts.runs_failed, counts.execution_time_ms_sum, counts.running],
        [3, 0, 15 * second, 0]
      )
      assert.include(
        renderPrometheus((yield* Metrics).families()),
        `symbiont_cron_runs_total{job_name="${name}",status="succeeded"} 3`
      )
    }).pipe(Effect.provide(engine({ agent: () => Effect.delay(said("ok"), "5 seconds") })))
  )
})
