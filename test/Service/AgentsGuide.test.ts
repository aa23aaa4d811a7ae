import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Run } from "../../src/Domain/Run.ts"
import { blocksOf, fileShown, textOf } from "../support/Documentation.ts"
import { modelServer, say, uses } from "../support/ModelServer.ts"
import { freePort } from "../support/Reader.ts"
import { eventually, folderWith, startService, writeFiles } from "../support/Service.ts"
import { symbi } from "../support/Symbi.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const guide = "docs/agents.md"

const fileOf = (name: string): string => fileShown(guide, name)

/** What the page shows below a command. */
const shownAfter = (command: string): string => {
  const [, after = ""] = textOf(guide).split(`${command}\n`)
  return after.slice(0, after.indexOf("```"))
}

const server = (script: string, env: Readonly<Record<string, string>>) =>
  Effect.acquireRelease(
    Effect.sync((): ChildProcess => spawn(process.execPath, [script], { env, stdio: "ignore" })),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )

const run = (folder: string, agent: string, input: string, env: Readonly<Record<string, string>> = {}) =>
  symbi(["run", agent, "--file", `agents/${agent}.symbi`, "--input", input], { cwd: folder, env })

describe("the agents that docs/agents.md writes in five minutes", () => {
  it.scopedLive("a command", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ "agents/greeter.symbi": fileOf("agents/greeter.symbi") })
      const { code, stderr, stdout } = yield* run(folder, "greeter", "World")
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.strictEqual(stdout, shownAfter("$ symbi run greeter --file agents/greeter.symbi --input World"))
    })
  )

  it.scopedLive("models of a provider, and of the own machine", () =>
    Effect.gen(function* () {
      const models = yield* modelServer
      models.script((call) => say(`${call.wire} ${call.model}`))
      const own = fileOf("symbiont.toml").replace("http://127.0.0.1:11434", models.url)
      assert.include(own, models.url)
      const folder = yield* folderWith({
        "agents/poet.symbi": fileOf("agents/poet.symbi"),
        "agents/helper.symbi": fileOf("agents/helper.symbi"),
        "symbiont.toml": `${own}\n[providers.anthropic]\nbase_url = "${models.url}"\n`
      })
      const poet = yield* run(folder, "poet", "Monday morning", { ANTHROPIC_API_KEY: "sk-ant-test" })
      assert.deepStrictEqual([poet.code, poet.stdout], [0, "anthropic claude-sonnet-4-5\n"], poet.stderr)
      const helper = yield* run(folder, "helper", "What is a cron job?")
      assert.deepStrictEqual([helper.code, helper.stdout], [0, "openai llama3.2\n"], helper.stderr)
    })
  )

  it.scopedLive("a URL", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({
        "agents/counter.symbi": fileOf("agents/counter.symbi"),
        "agent-server.mjs": fileOf("agent-server.mjs")
      })
      const port = yield* freePort
      yield* server(join(folder, "agent-server.mjs"), { PORT: String(port) })
      const answered = yield* eventually(
        "an answer of the agent's server",
        Effect.map(run(folder, "counter", "How long is this?", { AGENT_PORT: String(port) }), (one) =>
          one.code === 0 ? one : undefined
        )
      )
      assert.strictEqual(answered.stdout, "17 characters\n")
      assert.include(textOf(guide), 'agents/counter.symbi --input "How long is this?"\n17 characters\n')
    })
  )

  it.scopedLive("code", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({})
      const { transform } = yield* Effect.promise(() => import("esbuild"))
      const { code } = yield* Effect.promise(() => transform(fileOf("agent.ts"), { loader: "ts", format: "esm" }))
      mkdirSync(join(folder, "node_modules"))
      symlinkSync(root, join(folder, "node_modules/symbiont-scheduler"))
      symlinkSync(join(root, "node_modules/effect"), join(folder, "node_modules/effect"))
      symlinkSync(join(root, "node_modules/@effect"), join(folder, "node_modules/@effect"))
      writeFileSync(join(folder, "agent.mjs"), code)
      writeFileSync(
        join(folder, "main.mjs"),
        `import { AgentRuntime, ServiceEnvironment } from "symbiont-scheduler"
         import { testSettings } from "symbiont-scheduler/testing"
         import { NodeContext } from "@effect/platform-node"
         import { Effect, Layer } from "effect"
         import { Agents } from "./agent.mjs"
         const live = AgentRuntime.layer.pipe(
           Layer.provide([Agents, ServiceEnvironment.layer({ variables: {}, directory: "." }), testSettings()]),
           Layer.provide(NodeContext.layer)
         )
         const program = Effect.gen(function* () {
           const agents = yield* AgentRuntime
           const { output } = yield* agents.invoke(yield* agents.find("shout"), { input: "hear, hear" })
           console.log(output)
         })
         Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(live)))`
      )
      const child = spawn(process.execPath, [join(folder, "main.mjs")], { stdio: ["ignore", "pipe", "inherit"] })
      let stdout = ""
      child.stdout.on("data", (chunk) => {
        stdout += chunk
      })
      yield* Effect.promise(() => new Promise((resolve) => child.on("close", resolve)))
      assert.strictEqual(stdout, "HEAR, HEAR\n")
    })
  )

  it.scopedLive("a watchman, who sleeps until there is something new", () =>
    Effect.gen(function* () {
      const models = yield* modelServer
      models.script(
        uses("runbooks", { action: "read", path: "payments.md" }),
        uses("tell_ops", { text: "payments fail: restart the gateway" }),
        say("Payments failed; the people on duty know.\nsleep")
      )
      const quick = fileOf("agents/watchman.symbi").replace('every: "10m"', 'every: "2s"')
      const folder = yield* folderWith({
        "agents/watchman.symbi": quick,
        "runbooks/payments.md": "Restart the gateway.",
        "shop.log": "INFO all is well\n",
        "symbiont.toml": `[server]\nport = 0\n[providers.anthropic]\nbase_url = "${models.url}"\n`
      })
      assert.notStrictEqual(quick, fileOf("agents/watchman.symbi"))
      const service = yield* startService({ folder, env: { ANTHROPIC_API_KEY: "sk-ant-test" } })
      const runs = service.client.schedule.history({ path: { job_id: "watch-errors" }, urlParams: { limit: 1_000 } })
      const latest = (status: Run["status"]) =>
        eventually(
          `a run that is ${status}`,
          Effect.map(runs, (all) => all.find((one) => one.status === status))
        )
      const quiet = yield* latest("skipped")
      assert.strictEqual(quiet.reason?.text, "nothing to do: the gate printed nothing")
      assert.lengthOf(models.calls, 0)
      yield* writeFiles(folder, { "shop.log": "INFO all is well\nERROR payment refused\n" })
      const { id } = yield* latest("succeeded")
      const run = yield* service.client.runs.get({ path: { run_id: id } })
      assert.deepStrictEqual(
        run.tool_calls.map(({ error, name }) => [name, error]),
        [
          ["runbooks", undefined],
          ["tell_ops", undefined]
        ]
      )
      assert.include(models.calls[0]?.text ?? "", "ERROR payment refused")
      assert.include(models.calls[1]?.text ?? "", "Restart the gateway.")
      const told = join(folder, ".symbi/logs/jobs/watch-errors.log")
      yield* eventually(
        "the notification",
        Effect.sync(() => (readFileSync(told, "utf8").includes("restart the gateway") ? true : undefined))
      )
      // What it has seen is no news.
      const saved = yield* eventually(
        "a quiet slot after it",
        Effect.map(runs, (all) => all.find((one) => one.status === "skipped" && one.saved !== null))
      )
      assert.include(saved.reason?.text ?? "", "the same as for the last successful run")
      assert.include(saved.reason?.text ?? "", "tokens saved")
      const budgets = yield* symbi(["budgets"], { env: { SYMBI_SERVER: service.url } })
      assert.match(budgets.stdout, /^job watch-errors +\d{4}-\d\d-\d\d +45 of 200,000 \(0%\) +0 +1 of 50 +deny$/m)
    })
  )

  it("leaves no example of the section untested", () => {
    assert.deepStrictEqual(
      blocksOf(guide)
        .flatMap(({ name }) => (name === "" ? [] : [name]))
        .sort(),
      [
        "agent-server.mjs",
        "agent.ts",
        "agents/counter.symbi",
        "agents/greeter.symbi",
        "agents/helper.symbi",
        "agents/poet.symbi",
        "agents/watchman.symbi",
        "symbiont.toml"
      ]
    )
  })
})
