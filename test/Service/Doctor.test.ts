import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import * as Effect from "effect/Effect"
import type { Verdict } from "../../src/Doctor.ts"
import { hangs, httpReceiver } from "../support/HttpReceiver.ts"
import { eventually, folderWith, startService } from "../support/Service.ts"
import { symbi } from "../support/Symbi.ts"

const agents = `agent echo { command: ["cat"] }\nagent broken { command: ["false"] }\n`
const healthy = `${agents}schedule { name: "daily" agent: "echo" cron: "0 9 * * *" delivery: ["log_file"] }\n`

const nowhere = { SYMBI_SERVER: "http://127.0.0.1:9" }

const examine = (cwd: string, env: Record<string, string>, ...words: ReadonlyArray<string>) =>
  Effect.map(symbi(["doctor", "--format", "json", ...words], { cwd, env }), ({ code, stdout }) => {
    const { checks, ok }: { ok: boolean; checks: ReadonlyArray<Verdict> } = JSON.parse(stdout)
    assert.strictEqual(ok, code === 0)
    const wrong = (status: Verdict["status"]) => checks.filter((one) => one.status === status).map(({ check }) => check)
    return { code, checks, failed: wrong("failed"), warned: wrong("warning"), all: JSON.stringify(checks) }
  })

describe("symbi doctor", () => {
  it.scopedLive("finds nothing wrong with a new folder, and leaves nothing in it", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ "agents/a.symbi": healthy })
      const { code, failed, warned } = yield* examine(folder, nowhere)
      assert.deepStrictEqual([code, failed, warned], [0, [], ["data folder", "service"]])
      const text = yield* symbi(["doctor"], { cwd: folder, env: nowhere })
      assert.strictEqual(text.code, 0)
      assert.include(text.stderr, "nothing is wrong, 2 warnings")
      for (const line of text.stdout.trimEnd().split("\n")) {
        assert.match(line, /^(ok {2}|warn|FAIL| {4}) {2}\S/)
        assert.isAtMost(line.length, 80)
      }
      assert.notInclude(text.stdout, "\u001b")
    })
  )

  it.scopedLive("says of a service at work that all is well, and who holds the folder", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ "agents/a.symbi": healthy })
      const service = yield* startService({ folder })
      const { all, code, failed, warned } = yield* examine(folder, { SYMBI_SERVER: service.url })
      assert.deepStrictEqual([code, failed, warned], [0, [], []], all)
      if (process.platform === "linux") assert.include(all, `process ${service.pid} works on the data folder`)
      // Another address: nobody answers there, but the folder is in use.
      assert.deepStrictEqual((yield* examine(folder, nowhere)).warned, ["lock", "service"])
    })
  )

  it.scopedLive("names what is wrong: secrets, dead jobs, lost deliveries, agents that nobody knows", () =>
    Effect.gen(function* () {
      const wrong = `${agents}
        schedule { name: "dies" agent: "broken" cron: "@yearly" max_retries: 1 delivery: ["log_file"] }
        schedule { name: "lost" agent: "nobody" cron: "@yearly" delivery: ["log_file"] }
        schedule { name: "hook" agent: "echo" cron: "@yearly" delivery: ["webhook"] webhook_url: "\${HOOK_URL}" }`
      const folder = yield* folderWith({
        "agents/a.symbi": wrong,
        "symbiont.toml": `[scheduler]\ntick_interval_secs = 5\n[scheduler.delivery]\nslack_api_token = "\${SLACK}"\n`
      })
      const service = yield* startService({ folder })
      const { client } = service
      for (const job_id of ["dies", "hook"]) {
        yield* client.schedule.run({ path: { job_id }, payload: {}, headers: {}, urlParams: {} })
      }
      yield* eventually(
        "a dead job and a lost delivery",
        Effect.gen(function* () {
          const dead = yield* client.schedule.list({ urlParams: { status: "dead_letter", limit: 10 } })
          const failed = yield* client.deliveries.list({ urlParams: { state: "failed", limit: 10 } })
          const more = yield* client.deliveries.list({ urlParams: { state: "dead", limit: 10 } })
          return dead.length === 1 && failed.length + more.length === 1 ? true : undefined
        })
      )
      const { all, checks, code, failed } = yield* examine(folder, { SYMBI_SERVER: service.url })
      assert.strictEqual(code, 1)
      assert.deepStrictEqual([...new Set(failed)].sort(), ["jobs", "secrets"])
      assert.include(all, "1 in the dead-letter queue: dies")
      assert.include(all, "lost (nobody)")
      assert.include(all, "HOOK_URL is not set")
      assert.include(all, "slack_api_token needs SLACK")
      assert.include(all, "tick_interval_secs")
      for (const { message, next_step, status } of checks) {
        if (status !== "ok") assert.isNotNull(next_step, message)
      }
      // The same without the service: from the database.
      yield* service.signal("SIGTERM")
      assert.strictEqual(yield* service.exitCode, 0)
      const offline = yield* examine(folder, nowhere)
      assert.strictEqual(offline.code, 1)
      assert.include(offline.all, "1 in the dead-letter queue")
      assert.include(offline.warned, "deliveries")
      assert.include(offline.all, "not damaged")
      assert.match(offline.all, /\d+ entries, as they were written/)
      const db = new Sqlite(join(folder, ".symbi", "symbiont.db"))
      db.exec("DROP TRIGGER audit_no_update; UPDATE audit SET actor = 'nobody' WHERE seq = 2")
      db.close()
      const tampered = yield* examine(folder, nowhere)
      assert.include(tampered.failed, "audit")
      assert.include(tampered.all, "not as it was written, at entry 2")
    })
  )

  it.scopedLive.skipIf(process.platform !== "linux")("names agents that outlived a service that was killed", () =>
    Effect.gen(function* () {
      const long = `agent long { command: ["sh", "-c", "touch begun; exec sleep 60"] }
        schedule { name: "long" agent: "long" cron: "@yearly" delivery: ["log_file"] }`
      const folder = yield* folderWith({ "agents/a.symbi": long })
      const service = yield* startService({ folder })
      yield* service.client.schedule.run({ path: { job_id: "long" }, payload: {}, headers: {}, urlParams: {} })
      yield* eventually(
        "the agent at work",
        Effect.sync(() => (existsSync(join(folder, "begun")) ? true : undefined))
      )
      yield* service.signal("SIGKILL")
      yield* service.exitCode
      const { all, code, warned } = yield* examine(folder, nowhere)
      assert.strictEqual(code, 0, all)
      assert.include(warned, "agents")
      const pid = Number(/an agent outlived a service that was killed: process (\d+)/.exec(all)?.[1])
      process.kill(pid, "SIGKILL")
      const gone = examine(folder, nowhere).pipe(
        Effect.map((now) => (now.warned.includes("agents") ? undefined : true))
      )
      yield* eventually("nothing to tell of agents", gone)
    })
  )

  it.scopedLive("names a configuration that cannot be used, a damaged database, and data that others can change", () =>
    Effect.gen(function* () {
      const bad = yield* folderWith({ "symbiont.toml": "[scheduler]\nmax_concurrent_jobs = 0\n" })
      const config = yield* examine(bad, nowhere)
      assert.deepStrictEqual([config.code, config.failed], [1, ["configuration"]])
      const folder = yield* folderWith({ ".symbi/symbiont.db": "this is no database, whatever its name says" })
      chmodSync(join(folder, ".symbi"), 0o777)
      const damaged = yield* examine(folder, nowhere)
      assert.sameMembers([...damaged.failed], ["permissions", "database"])
      // A file where the folder should be.
      mkdirSync(join(folder, "elsewhere"))
      writeFileSync(join(folder, "elsewhere", "data"), "")
      const file = yield* examine(folder, nowhere, "--data", join(folder, "elsewhere", "data"))
      assert.include(file.failed, "data folder")
    })
  )

  it.scopedLive("says of a service that hangs that it hangs, and still looks at what lies here", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ "agents/a.symbi": healthy })
      const hanging = yield* httpReceiver([hangs])
      const address = hanging.url.replace("//", "//bob:hunter2@")
      const { all, code, failed } = yield* examine(folder, {}, "--server", `${address}/?key=sesame`)
      assert.deepStrictEqual([code, failed], [1, ["service"]])
      assert.include(all, `${hanging.url} answers nothing within 5 seconds`)
      assert.include(all, "of agents and schedules, no errors")
      assert.notMatch(all, /hunter2|sesame/)
    })
  )

  it.scopedLive("does not take what it may not look at for what is not there", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ "agents/a.symbi": healthy, "agents/b.symbi/c.symbi": healthy })
      // Nobody can look at what a link to itself leads to, not even root.
      symlinkSync(".symbi", join(folder, ".symbi"))
      const { all, code, failed, warned } = yield* examine(folder, nowhere)
      assert.strictEqual(code, 1)
      assert.deepStrictEqual([...failed].sort(), ["data folder", "database", "files"])
      assert.include(warned, "lock")
      assert.include(all, "cannot read agents/b.symbi")
      assert.include(all, "(ELOOP)")
    })
  )

  it.scopedLive("asks with a key where one is needed, and says so where none is given", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ "agents/a.symbi": healthy })
      const key = "a-key-that-is-long-enough-for-anybody"
      const service = yield* startService({ folder, env: { SYMBI_API_KEYS: key } })
      const env = { SYMBI_SERVER: service.url }
      assert.strictEqual((yield* examine(folder, { ...env, SYMBI_API_KEY: key })).code, 0)
      const without = yield* examine(folder, env)
      assert.strictEqual(without.code, 1)
      assert.include(without.all, "SYMBI_API_KEY")
    })
  )
})
