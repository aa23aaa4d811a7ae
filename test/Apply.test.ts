import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AgentRuntime } from "../src/Agents.ts"
import { Apply } from "../src/Apply.ts"
import type { Applied, PlannedJob } from "../src/Domain/Apply.ts"
import { DurationText } from "../src/Domain/Duration.ts"
import { Jobs } from "../src/Jobs.ts"
import { scriptedAgent } from "../src/testing.ts"
import { create, engine, hour, minute, runsOf, second, until } from "./support/Engine.ts"

const runtime = Apply.Default.pipe(Layer.provideMerge(engine({ agent: scriptedAgent({}) })))

const names = (jobs: ReadonlyArray<PlannedJob>) => jobs.map((job) => job.name as string)

/** What was done, by the names of the jobs. */
const byName = (applied: Applied) => ({
  created: names(applied.created),
  updated: names(applied.updated),
  resumed: names(applied.resumed),
  paused: names(applied.paused),
  deleted: names(applied.deleted),
  unchanged: applied.unchanged.map((name) => name as string),
  warnings: applied.warnings,
  diagnostics: applied.diagnostics
})

/** Applies the service's own folder. */
const apply = (files: Readonly<Record<string, string>>) =>
  Effect.flatMap(Apply, (service) =>
    service.applyOwn(Object.entries(files).map(([name, text]) => ({ path: `agents/${name}.symbi`, text })))
  ).pipe(Effect.map(byName))

const schedule = (name: string, body: string, agent = "agent") =>
  `schedule {\n  name: "${name}"\n  agent: "${agent}"\n  ${body}\n}\n`

const states = Effect.gen(function* () {
  const jobs = yield* Jobs
  const { items } = yield* jobs.list({ limit: 100 })
  return Object.fromEntries(items.map((job) => [job.name, job.status]))
})

describe("the service's own files applied", () => {
  it.effect("three times give the same jobs under the same ids, and the second and third change nothing", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const files = {
        one: schedule("a", 'cron: "*/5 * * * *"') + schedule("b", 'every: "10m"'),
        two: schedule("c", 'at: "1970-01-02T00:00:00Z"')
      }
      const first = yield* apply(files)
      assert.deepStrictEqual([...first.created].toSorted(), ["a", "b", "c"])
      const before = (yield* jobs.list({ limit: 100 })).items
      yield* until(90 * second)
      for (let again = 0; again < 2; again++) {
        const applied = yield* apply(files)
        assert.deepStrictEqual([...applied.unchanged].toSorted(), ["a", "b", "c"])
        assert.deepStrictEqual([applied.created, applied.updated, applied.paused, applied.resumed], [[], [], [], []])
      }
      assert.deepStrictEqual((yield* jobs.list({ limit: 100 })).items, before)
    }).pipe(Effect.provide(runtime))
  )

  it.effect("with a changed block update its job, under the same id, its history kept", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* apply({ one: schedule("a", 'cron: "*/5 * * * *"') })
      const before = yield* jobs.get("a")
      yield* until(5 * minute + second)
      const applied = yield* apply({ one: schedule("a", 'cron: "*/20 * * * *"') })
      assert.deepStrictEqual(applied.updated, ["a"])
      const after = yield* jobs.get("a")
      assert.deepStrictEqual([after.id, after.cron_expr, after.next_run], [before.id, "*/20 * * * *", 20 * minute])
      assert.strictEqual((yield* runsOf("a")).length, 1)
    }).pipe(Effect.provide(runtime))
  )

  it.effect("without a block pause its job, and with it again resume it from then on", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const a = schedule("a", 'cron: "*/5 * * * *"')
      const b = schedule("b", 'cron: "*/5 * * * *"')
      yield* apply({ one: a + b })
      const removed = yield* apply({ one: a })
      assert.deepStrictEqual(removed.paused, ["b"])
      assert.deepStrictEqual(yield* states, { a: "active", b: "paused" })
      yield* until(22 * minute)
      const back = yield* apply({ one: a + b })
      assert.deepStrictEqual([back.resumed, back.created], [["b"], []])
      assert.strictEqual((yield* jobs.get("b")).next_run, 25 * minute)
      yield* until(26 * minute)
      assert.deepStrictEqual(
        (yield* runsOf("b")).map((run) => run.scheduled_for),
        [25 * minute]
      )
    }).pipe(Effect.provide(runtime))
  )

  it.effect("do not resume what a person paused, nor pause what did not come from a file", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const a = schedule("a", 'cron: "*/5 * * * *"')
      yield* apply({ one: a })
      yield* create({ name: "by-hand", every: "1h" })
      yield* jobs.pause("a", "ada")
      assert.deepStrictEqual((yield* apply({ one: a })).resumed, [])
      assert.deepStrictEqual((yield* apply({})).paused, [])
      assert.deepStrictEqual((yield* apply({ one: schedule("a", 'cron: "*/6 * * * *"') })).updated, ["a"])
      assert.deepStrictEqual(yield* states, { a: "paused", "by-hand": "active" })
    }).pipe(Effect.provide(runtime))
  )

  it.effect("let edits by hand survive until the block itself changes", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const block = schedule("a", 'every: "5m"\n  input: "from file"')
      yield* apply({ one: block })
      yield* jobs.update("a", { every: DurationText.make("3m") }, { actor: "ada" })
      assert.deepStrictEqual((yield* apply({ one: block })).unchanged, ["a"])
      assert.strictEqual((yield* jobs.get("a")).every as string, "3m")
      yield* apply({ one: `# a comment\n${block}` })
      assert.strictEqual((yield* jobs.get("a")).every as string, "3m")
      assert.deepStrictEqual((yield* apply({ one: schedule("a", 'every: "5m"\n  input: "new"') })).updated, ["a"])
      const job = yield* jobs.get("a")
      assert.deepStrictEqual([job.every as string, job.input], ["5m", "new"])
    }).pipe(Effect.provide(runtime))
  )

  it.effect("with an error change nothing of that file, and say where the error is; other files are applied", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const agents = yield* AgentRuntime
      const tool = 'agent tool {\n  command: ["true"]\n}\n'
      yield* apply({ one: tool + schedule("a", 'every: "5m"') + schedule("b", 'every: "5m"') })
      const before = (yield* jobs.list({ limit: 100 })).items
      const broken = tool + schedule("a", 'every: "9m"') + schedule("new", 'cron: "61 * * * *"')
      const applied = yield* apply({ one: broken, two: schedule("c", 'every: "5m"') })
      const [error] = applied.diagnostics.filter((one) => one.severity === "error")
      assert.deepStrictEqual([error?.file, error?.line], ["agents/one.symbi", 12])
      assert.include(error?.message ?? "", "cron")
      assert.deepStrictEqual([applied.created, applied.updated, applied.paused], [["c"], [], []])
      const after = (yield* jobs.list({ limit: 100 })).items.filter((job) => job.name !== "c")
      assert.deepStrictEqual(after, before)
      assert.strictEqual((yield* agents.find("tool")).kind, "command")
    }).pipe(Effect.provide(runtime))
  )

  it.effect("with a time that is past warn, record the slot as missed and the job as failed", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* until(2 * hour)
      const past = schedule("late", 'at: "1970-01-01T01:00:00Z"')
      const applied = yield* apply({ one: past })
      assert.isTrue(applied.warnings.some((warning) => warning.includes('"late"') && warning.includes("past")))
      yield* until(2 * hour + second)
      assert.deepStrictEqual(
        (yield* runsOf("late")).map((run) => [run.status, run.reason?.code, run.scheduled_for]),
        [["missed", "past", hour]]
      )
      assert.strictEqual((yield* jobs.get("late")).status, "failed")
      assert.deepStrictEqual((yield* apply({ one: past })).unchanged, ["late"])
    }).pipe(Effect.provide(runtime))
  )

  it.effect("that move a one-shot into the past do the same, and do not run it", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* apply({ one: schedule("once", 'at: "1970-01-01T05:00:00Z"') })
      yield* until(2 * hour)
      yield* apply({ one: schedule("once", 'at: "1970-01-01T01:00:00Z"') })
      yield* until(2 * hour + second)
      assert.deepStrictEqual(
        (yield* runsOf("once")).map((run) => [run.status, run.reason?.code]),
        [["missed", "past"]]
      )
      assert.strictEqual((yield* jobs.get("once")).status, "failed")
    }).pipe(Effect.provide(runtime))
  )

  it.effect("warn of an agent that nobody knows, and give theirs to jobs", () =>
    Effect.gen(function* () {
      const applied = yield* apply({
        one: `agent mine {\n  command: ["true"]\n}\n${schedule("a", 'every: "5m"', "mine")}`,
        two: schedule("b", 'every: "5m"', "nobody")
      })
      const [doubt, ...others] = applied.diagnostics
      assert.deepStrictEqual(
        [doubt?.severity, doubt?.file, doubt?.line, others],
        ["warning", "agents/two.symbi", 3, []]
      )
      assert.include(doubt?.message ?? "", '"nobody"')
      assert.deepStrictEqual(applied.warnings, [])
    }).pipe(Effect.provide(runtime))
  )

  it.effect("take over a job of their name that was made by hand", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const made = yield* create({ name: "a", every: "1h" })
      const applied = yield* apply({ one: schedule("a", 'every: "5m"') })
      assert.deepStrictEqual(
        [applied.updated, applied.warnings],
        [["a"], ["1 job made by hand, from now on of these files: a"]]
      )
      const job = yield* jobs.get("a")
      assert.deepStrictEqual([job.id, job.source_file, job.every as string], [made.id, "agents/one.symbi", "5m"])
    }).pipe(Effect.provide(runtime))
  )
})
