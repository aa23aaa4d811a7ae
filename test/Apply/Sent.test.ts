import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { AgentRuntime } from "../../src/Agents.ts"
import { Apply } from "../../src/Apply.ts"
import type { Applied, ApplyRequest } from "../../src/Domain/Apply.ts"
import { DurationText } from "../../src/Domain/Duration.ts"
import { JobStore } from "../../src/JobStore.ts"
import { Jobs } from "../../src/Jobs.ts"
import { ServiceEnvironment } from "../../src/ServiceEnvironment.ts"
import { scriptedAgent } from "../../src/testing.ts"
import { audited } from "../support/Audit.ts"
import { create, engine, hour, minute, runsOf, until } from "../support/Engine.ts"

const runtime = Apply.Default.pipe(
  Layer.provideMerge(engine({ agent: scriptedAgent({}) })),
  Layer.provide(ServiceEnvironment.layer({ variables: {}, directory: "/srv" }))
)

const test = <E>(name: string, body: () => Effect.Effect<void, E, Layer.Layer.Success<typeof runtime>>) =>
  it.effect(name, () => Effect.provide(body(), runtime))

/** A variable as files write it. */
const variable = `\${KEY}`

const schedule = (name: string, body: string, agent = "agent") =>
  `schedule {\n  name: "${name}"\n  agent: "${agent}"\n  ${body}\n}\n`

const block = (name: string) => schedule(name, 'every: "5m"')

/** Sends the files of a folder. */
const send = (folder: string, files: Readonly<Record<string, string>>, more: Partial<ApplyRequest> = {}) =>
  Effect.flatMap(Apply, ({ apply }) =>
    apply({ source: folder, files: Object.entries(files).map(([path, text]) => ({ path, text })), ...more }, "cli")
  )

/** The names of the jobs in each of the lists that has any. */
const said = (applied: Applied) =>
  Object.fromEntries(
    (["created", "updated", "resumed", "paused", "deleted"] as const)
      .map((what) => [what, applied[what].map((job) => job.name as string)] as const)
      .concat([["unchanged" as never, applied.unchanged.map((name) => name as string)]])
      .filter(([, names]) => names.length > 0)
  )

const states = Effect.gen(function* () {
  const { items } = yield* (yield* Jobs).list({ limit: 100 })
  return Object.fromEntries(items.map((job) => [job.name, `${job.status} ${job.source_file}`]))
})

describe("files that were sent", () => {
  test("are planned before and after: fields, next slots, audit under the sender's name", () =>
    Effect.gen(function* () {
      const first = yield* send("/x", { "a.symbi": schedule("a", 'cron: "*/20 * * * *"') })
      const [created] = first.created
      assert.deepStrictEqual(created?.next_after, [20 * minute, 40 * minute, 60 * minute])
      assert.deepStrictEqual([created?.next_before, created?.notes], [[], []])
      assert.deepInclude(created?.changes ?? [], { field: "cron_expr", before: null, after: "*/20 * * * *" })
      yield* until(minute)
      const second = yield* send("/x", { "a.symbi": schedule("a", `cron: "*/30 * * * *"\n  input: "${variable}"`) })
      const [updated] = second.updated
      assert.deepStrictEqual(updated?.changes, [
        { field: "cron_expr", before: "*/20 * * * *", after: "*/30 * * * *" },
        { field: "input", before: null, after: variable }
      ])
      assert.deepStrictEqual(updated?.next_before, [20 * minute, 40 * minute, 60 * minute])
      assert.deepStrictEqual(updated?.next_after, [30 * minute, 60 * minute, 90 * minute])
      assert.strictEqual(updated?.job_id, created?.job_id)
      assert.deepStrictEqual(
        (yield* audited({ limit: 10 })).map((event) => [event.type, event.actor]),
        [
          ["CronJobUpdated", "cli"],
          ["CronJobCreated", "cli"]
        ]
      )
      assert.deepStrictEqual(
        said(yield* send("/x", { "a.symbi": schedule("a", `cron: "*/30 * * * *"\n  input: "${variable}"`) })),
        {
          unchanged: ["a"]
        }
      )
    }))

  test("in a dry run give the same plan and store nothing", () =>
    Effect.gen(function* () {
      const store = yield* JobStore
      yield* send("/x", { "a.symbi": block("a") + block("b") + block("gone") })
      const before = [yield* store.listJobs({ limit: 100 }), yield* audited({ limit: 100 })]
      const files = { "a.symbi": schedule("a", 'every: "7m"') + block("b") + block("new") }
      const dry = yield* send("/x", files, { dry_run: true })
      assert.deepStrictEqual([yield* store.listJobs({ limit: 100 }), yield* audited({ limit: 100 })], before)
      const done = yield* send("/x", files)
      assert.deepStrictEqual(said(done), { created: ["new"], updated: ["a"], paused: ["gone"], unchanged: ["b"] })
      assert.strictEqual(dry.created[0]?.job_id, null)
      const withoutIds = { ...done, created: done.created.map((job) => ({ ...job, job_id: null })) }
      assert.deepStrictEqual({ ...dry, dry_run: false }, withoutIds)
    }))

  test("with an error in any of them store nothing, and every error is told with its place", () =>
    Effect.gen(function* () {
      yield* send("/x", { "a.symbi": block("a") })
      const error = yield* Effect.flip(
        send("/x", {
          "a.symbi": schedule("a", 'every: "9m"'),
          "b.symbi": `${block("b")}${schedule("c", 'cron: "61 * * * *"')}`,
          "c.symbi": schedule("d", 'every: "5m"\n  overlap: "skp"') + block("a")
        })
      )
      assert.strictEqual(error._tag, "FilesRefused")
      if (error._tag !== "FilesRefused") return
      assert.deepStrictEqual(error.issues.map((issue) => issue.path).toSorted(), [
        "b.symbi:9:9",
        "c.symbi:5:12",
        "c.symbi:7:1"
      ])
      assert.include(error.issues.map((issue) => issue.message).join("\n"), "hint: did you mean skip?")
      assert.deepStrictEqual(yield* states, { a: "active /x/a.symbi" })
      assert.strictEqual((yield* (yield* Jobs).get("a")).every as string, "5m")
    }))

  test("without a block pause its job, bring it back, and with prune delete it; its history stays", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* send("/x", { "a.symbi": block("a"), "b.symbi": block("b") })
      yield* until(6 * minute)
      const [run] = yield* runsOf("b")
      const paused = yield* send("/x", { "a.symbi": block("a") })
      assert.deepStrictEqual(said(paused), { paused: ["b"], unchanged: ["a"] })
      assert.deepStrictEqual(paused.paused[0]?.next_before, [10 * minute, 15 * minute, 20 * minute])
      assert.strictEqual((yield* jobs.get("b")).paused_by, "apply")
      assert.deepStrictEqual(said(yield* send("/x", { "a.symbi": block("a") })), { unchanged: ["a"] })
      yield* until(13 * minute)
      const back = yield* send("/x", { "a.symbi": block("a") + block("b") })
      assert.deepStrictEqual(said(back), { resumed: ["b"], unchanged: ["a"] })
      assert.deepStrictEqual(back.resumed[0]?.next_after, [15 * minute, 20 * minute, 25 * minute])
      assert.deepStrictEqual(said(yield* send("/x", { "a.symbi": block("a") }, { prune: true })), {
        deleted: ["b"],
        unchanged: ["a"]
      })
      assert.deepStrictEqual(Object.keys(yield* states), ["a"])
      assert.strictEqual((yield* jobs.getRun(run?.id ?? "")).job_name, "b")
    }))

  test("do not touch the jobs of other folders, of the service's own files, nor those made by hand", () =>
    Effect.gen(function* () {
      const { applyOwn } = yield* Apply
      yield* applyOwn([{ path: "agents/own.symbi", text: block("own") }])
      yield* create({ name: "by-hand", every: "1h" })
      yield* send("/x", { "a.symbi": block("x") })
      yield* send("/x/deeper", { "a.symbi": block("deeper") })
      yield* send("/x2", { "a.symbi": block("x2") })
      const all = yield* states
      assert.deepStrictEqual(said(yield* send("/x", { "b.symbi": "# none\n" }, { prune: true })), { deleted: ["x"] })
      const { x: _, ...others } = all
      assert.deepStrictEqual(yield* states, others)
      yield* applyOwn([{ path: "agents/own.symbi", text: block("own") }])
      assert.deepStrictEqual(yield* states, others)
    }))

  test("without a source are each a whole of their own", () =>
    Effect.gen(function* () {
      const { apply } = yield* Apply
      const one = (path: string, text: string) => apply({ files: [{ path, text }] }, "api")
      yield* one("/x/a.symbi", block("a") + block("a2"))
      yield* one("/x/b.symbi", block("b"))
      assert.deepStrictEqual(said(yield* one("/x/a.symbi", block("a"))), { paused: ["a2"], unchanged: ["a"] })
      assert.deepStrictEqual((yield* states)["b"], "active /x/b.symbi")
    }))

  test("from the service's own folder count as its own files, under whatever path it is named", () =>
    Effect.gen(function* () {
      const { apply, applyOwn } = yield* Apply
      yield* applyOwn([{ path: "agents/one.symbi", text: block("a") + block("b") }])
      assert.deepStrictEqual(said(yield* send("/srv/agents/", { "one.symbi": block("a") })), {
        paused: ["b"],
        unchanged: ["a"]
      })
      yield* apply({ files: [{ path: "/srv/agents/two.symbi", text: block("c") }] }, "cli")
      assert.strictEqual((yield* states)["c"], "active agents/two.symbi")
      for (const request of [
        { source: "agents", files: [] },
        { source: "agents/", files: [] },
        { files: [{ path: "agents/x.symbi", text: "" }] },
        { source: "/x", files: [{ path: "deeper/x.symbi", text: "" }] },
        {
          source: "/x",
          files: [
            { path: "x.symbi", text: "" },
            { path: "x.symbi", text: "" }
          ]
        }
      ]) {
        assert.strictEqual((yield* Effect.flip(apply(request, "api")))._tag, "FilesRefused", JSON.stringify(request))
      }
    }))

  test("say whose jobs they take over, and what was edited by hand", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* create({ name: "a", every: "1h" })
      yield* send("/x", { "b.symbi": block("b") })
      const taken = yield* send("/y", { "all.symbi": block("a") + block("b") })
      assert.deepStrictEqual(said(taken), { updated: ["a"], unchanged: ["b"] })
      assert.deepStrictEqual([...taken.warnings].toSorted(), [
        "1 job made by hand, from now on of these files: a",
        "1 job until now of /x/b.symbi, from now on of these files: b"
      ])
      yield* jobs.update("a", { every: DurationText.make("3m") }, { actor: "ada" })
      const drifted = yield* send("/y", { "all.symbi": block("a") + block("b") })
      assert.deepStrictEqual(said(drifted), { unchanged: ["a", "b"] })
      assert.include(drifted.warnings.join(), 'job "a": edited by hand since its block was applied (every)')
      const replaced = yield* send("/y", { "all.symbi": schedule("a", 'every: "8m"') + block("b") })
      assert.deepStrictEqual(replaced.updated[0]?.notes, ["replaces what was edited by hand: every"])
    }))

  test("leave paused what a person paused, and say so", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* send("/x", { "a.symbi": block("a") })
      yield* jobs.pause("a", "ada")
      const applied = yield* send("/x", { "a.symbi": schedule("a", 'every: "7m"') })
      assert.deepStrictEqual(applied.updated[0]?.notes, ["it stays paused (operator)"])
      assert.deepStrictEqual(applied.updated[0]?.next_after, [])
      assert.deepStrictEqual(said(yield* send("/x", { "b.symbi": "" })), {})
      assert.strictEqual((yield* jobs.get("a")).paused_by, "operator")
    }))

  test("bring no agents with them: a command is not run because somebody sent it", () =>
    Effect.gen(function* () {
      const agents = yield* AgentRuntime
      const { apply } = yield* Apply
      const text = `agent sent {\n  command: ["touch", "/tmp/sent"]\n}\n${schedule("a", 'every: "5m"', "sent")}${schedule("b", 'every: "5m"', "sent")}`
      const { warnings } = yield* send("/x", { "a.symbi": text })
      assert.strictEqual(warnings.length, 1)
      assert.include(warnings[0] ?? "", 'agent "sent" is in these files, but not in the agents folder of the service')
      const own = yield* apply(
        { files: [{ path: "/srv/agents/b.symbi", text: text.replaceAll('"b"', '"c"').replaceAll('"a"', '"d"') }] },
        "cli"
      )
      assert.deepStrictEqual(own.warnings, [
        `agent "sent" is new in the service's own folder, and the service has not read it yet: send it SIGHUP, or restart it; until then its runs are denied`
      ])
      assert.strictEqual((yield* Effect.flip(agents.find("sent")))._tag, "AgentNotFound")
      yield* until(6 * minute)
      assert.deepStrictEqual(
        (yield* runsOf("a")).map((run) => [run.status, run.reason?.code]),
        [["denied", "unknown_agent"]]
      )
    }))

  test("redact secrets in what they change", () =>
    Effect.gen(function* () {
      const body = (value: string) =>
        `every: "5m"\n  webhook_headers { Authorization: "${value}" }\n  agent_pin_jwt: "${value}"`
      const first = yield* send("/x", { "a.symbi": schedule("a", body("canary-1")) })
      const second = yield* send("/x", { "a.symbi": schedule("a", body("canary-2")) })
      assert.notInclude(JSON.stringify([first, second]), "canary")
      assert.deepStrictEqual(
        second.updated[0]?.changes.map((change) => change.after),
        [{ Authorization: "[redacted]" }, "[redacted]"]
      )
    }))

  test("record slots that were due and not claimed when their job is changed, paused or deleted", () =>
    Effect.gen(function* () {
      const store = yield* JobStore
      yield* send("/x", { "a.symbi": schedule("a", 'cron: "0 * * * *"') })
      yield* until(hour / 2)
      yield* store.changeJobs({ names: ["a"], files: [], folders: [] }, hour / 2, ({ jobs: [job] }) =>
        job === undefined
          ? Either.left("absent" as const)
          : Either.right({
              creates: [],
              removals: [],
              changes: [{ before: job, job: { ...job, next_run: 1 }, audit: [] }]
            })
      )
      yield* send("/x", { "a.symbi": schedule("a", 'cron: "30 4 * * *"') })
      assert.deepStrictEqual(
        (yield* runsOf("a")).map((run) => [run.status, run.reason?.code, run.missed_from]),
        [["missed", "changed", 1]]
      )
    }))
})
