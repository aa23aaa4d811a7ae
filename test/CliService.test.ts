import { spawn } from "node:child_process"
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as HttpServer from "@effect/platform/HttpServer"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { makeClient } from "../src/Client.ts"
import { HttpTest } from "./support/HttpTest.ts"
import { symbi } from "./support/Symbi.ts"

const server = Effect.map(HttpServer.HttpServer, ({ address }) =>
  address._tag === "TcpAddress" ? `http://127.0.0.1:${address.port}` : ""
)

const ask = (...words: ReadonlyArray<string>) =>
  Effect.flatMap(server, (url) => symbi(words, { env: { SYMBI_SERVER: url } }))

const job = (name: string, more: object = {}) =>
  JSON.stringify({ name, agent_id: "reporter", cron_expr: "0 * * * *", ...more })

layer(HttpTest)("Cli with a service", (it) => {
  it.effect("adds a job once, shows it, pauses, resumes and removes it", () =>
    Effect.gen(function* () {
      const added = yield* ask("cron", "add", "--json", job("life"))
      assert.strictEqual(added.code, 0)
      assert.match(added.stdout, /^added "life" \(job_[0-9a-z]{26}\); next run \d{4}-\S+Z\n$/)
      assert.strictEqual(added.stderr, "warning: a warning\n")
      const again = yield* ask("cron", "add", "--json", job("life"))
      assert.deepStrictEqual([again.code, again.stdout], [5, ""])
      assert.include(again.stderr, "exists already")
      assert.strictEqual((yield* ask("cron", "add", "--json", job("bad", { cron_expr: "nonsense" }))).code, 2)

      const shown = yield* ask("cron", "status", "life")
      assert.match(shown.stdout, /^Job {7}life\nId {8}job_/)
      assert.match(shown.stdout, /Next run {2}\S+Z \(UTC\)/)
      assert.include((yield* ask("cron", "pause", "life")).stdout, 'paused "life"')
      assert.include((yield* ask("cron", "status", "life")).stdout, "Status    paused")
      assert.include((yield* ask("cron", "resume", "life")).stdout, 'resumed "life"')
      assert.strictEqual((yield* ask("cron", "reset", "life")).code, 5)

      const unasked = yield* ask("cron", "remove", "life")
      assert.deepStrictEqual([unasked.code, unasked.stdout], [2, ""])
      assert.include(unasked.stderr, "--force")
      assert.strictEqual((yield* ask("cron", "remove", "--name", "life", "--force")).code, 0)
      assert.strictEqual((yield* ask("cron", "remove", "--name", "life", "--force")).code, 3)
      assert.strictEqual((yield* ask("cron", "status", "life")).code, 3)
    })
  )

  it.effect("shows the next run in the job's zone and in UTC", () =>
    Effect.gen(function* () {
      yield* ask("cron", "add", "--json", job("zoned", { timezone: "Asia/Tokyo" }))
      const { stdout } = yield* ask("cron", "status", "zoned")
      assert.match(stdout, /Next run {2}\S+ \d\d:\d\d:\d\d Asia\/Tokyo = \S+Z \(UTC\)/)
    })
  )

  it.effect("says until when a heartbeat with back-off sleeps", () =>
    Effect.gen(function* () {
      yield* ask("cron", "add", "--json", job("quiet", { heartbeat: { enabled: true, backoff: { after: 2 } } }))
      const { stdout } = yield* ask("cron", "status", "quiet")
      assert.match(stdout, /\nAsleep {4}until \S+Z \(UTC\), as there was nothing to do \(backoff\)/)
      assert.match(stdout, /Next run {2}\S+Z \(UTC\)/)
      yield* ask("cron", "add", "--json", job("plain"))
      assert.notInclude((yield* ask("cron", "status", "plain")).stdout, "Asleep")
    })
  )

  it.effect("lists as table, JSON and CSV", () =>
    Effect.gen(function* () {
      const none = yield* ask("cron", "list", "--agent", "nobody")
      assert.deepStrictEqual(none, { code: 0, stdout: "", stderr: "no jobs\n" })
      assert.deepStrictEqual((yield* ask("cron", "list", "--agent", "nobody", "--format", "json")).stdout, "[]\n")
      yield* ask("cron", "add", "--json", job("=cmd()", { agent_id: "lister" }))
      yield* ask("cron", "add", "--json", job("b", { agent_id: "lister" }))
      yield* ask("cron", "pause", "b")
      const table = yield* ask("cron", "list", "--agent", "lister")
      assert.match(
        table.stdout,
        /^ID +NAME +AGENT +CRON +STATUS +NEXT RUN\njob_\w+ +=cmd\(\) +lister +0 \* \* \* \* +active/
      )
      assert.match(table.stdout, /\njob_\w+ +b +lister +0 \* \* \* \* +paused +-\n$/)
      assert.match((yield* ask("cron", "status", "b")).stdout, /Next run {2}- \(symbi cron resume b\)/)
      const json = JSON.parse((yield* ask("cron", "list", "--agent", "lister", "--format", "json")).stdout)
      assert.deepStrictEqual(
        json.map(({ name, status }: { name: string; status: string }) => [name, status]),
        [
          ["=cmd()", "active"],
          ["b", "paused"]
        ]
      )
      assert.match(json[0].next_run, /Z$/)
      const csv = yield* ask("cron", "list", "--agent", "lister", "--status", "active", "--format", "csv")
      assert.match(
        csv.stdout,
        /^id,name,agent_id,cron,status,next_run\r\njob_\w+,'=cmd\(\),lister,0 \* \* \* \*,active,\S+Z\r\n$/
      )
    })
  )

  it.effect("adds a schedule of a file", () =>
    Effect.gen(function* () {
      const file = join(mkdtempSync(join(tmpdir(), "symbi-test-")), "two.symbi")
      writeFileSync(
        file,
        `agent here { command: ["true"] }
schedule { name: "one-of-file" agent: "here" cron: "0 9 * * *" }
schedule { name: "two-of-file" agent: "echo" cron: "0 9 * * *" }\n`
      )
      const which = yield* ask("cron", "add", "--file", file)
      assert.strictEqual(which.code, 2)
      assert.include(which.stderr, "one-of-file, two-of-file")
      const unknown = yield* ask("cron", "add", "--file", file, "--schedule", "x")
      assert.strictEqual(unknown.code, 3)
      assert.include(unknown.stderr, "one-of-file, two-of-file")
      const one = yield* ask("cron", "add", "--file", file, "--schedule", "one-of-file")
      assert.strictEqual(one.code, 0)
      assert.include(one.stderr, 'agent "here" is defined in that file')
      const two = yield* ask("cron", "add", "--file", file, "--schedule", "two-of-file")
      assert.notInclude(two.stderr, "is defined in that file")
      assert.strictEqual((yield* ask("cron", "add", "--file", file, "--schedule", "two-of-file")).code, 5)
    })
  )

  it.effect("runs jobs and shows their history", () =>
    Effect.gen(function* () {
      yield* ask("cron", "add", "--json", job("busy"))
      const run = yield* ask("cron", "run", "busy", "--input", '-x, "y"\nz')
      assert.match(run.stdout, /^run_[0-9a-z]{26} running\n$/)
      assert.strictEqual((yield* ask("cron", "run", "busy")).code, 5)
      assert.strictEqual((yield* ask("cron", "run", "busy", "--queue")).code, 0)
      const table = yield* ask("cron", "history", "busy", "--limit", "1")
      assert.match(table.stdout, /^RUN +STATUS +TRIGGER +SCHEDULED FOR +TOOK +WHY\nrun_\w+ +running +manual/)
      assert.lengthOf(table.stdout.trim().split("\n"), 2)
      const json = JSON.parse((yield* ask("cron", "history", "busy", "--format", "json")).stdout)
      assert.strictEqual(json[1].input, '-x, "y"\nz')
      const csv = (yield* ask("cron", "history", "busy", "--format", "csv")).stdout
      assert.strictEqual(
        csv.split("\r\n")[0],
        "id,trigger,status,scheduled_for,started_at,finished_at,execution_time_ms,attempts,error_message"
      )
      const failed = yield* ask("cron", "history", "busy", "--status", "failed")
      assert.deepStrictEqual(failed, { code: 0, stdout: "", stderr: "no runs\n" })
      assert.match((yield* ask("cron", "status", "busy", "--history", "1")).stdout, /Job {7}busy[\s\S]+\n\nRUN /)
    })
  )

  it.effect("waits for the end of a run and fails with it", () =>
    Effect.gen(function* () {
      yield* ask("cron", "add", "--json", job("awaited"))
      const waiting = yield* Effect.fork(ask("cron", "run", "awaited", "--wait"))
      const client = yield* makeClient({ baseUrl: "" })
      const started = yield* client.schedule
        .history({ path: { job_id: "awaited" }, urlParams: {} })
        .pipe(Effect.repeat({ until: (runs) => runs.length > 0 }))
      for (const { id } of started) yield* client.runs.cancel({ path: { run_id: id } })
      const ended = yield* Fiber.join(waiting)
      assert.deepStrictEqual([ended.code, ended.stdout], [1, ""])
      assert.match(ended.stderr, /^run_\w+ running; waiting for its end\nerror: run run_\w+ ended cancelled\n$/)
    })
  )

  it.effect("runs an agent by hand and fails as it fails", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* ask("run", "echo", "--input", "hello"), { code: 0, stdout: "hello\n", stderr: "" })
      const failed = yield* ask("run", "echo", "--input", "fail")
      assert.deepStrictEqual(failed, { code: 1, stdout: "", stderr: "error: it exited with code 3\n" })
      assert.strictEqual((yield* ask("run", "nobody")).code, 3)
    })
  )

  it.effect("watches until Ctrl-C, then ends with 0", () =>
    Effect.gen(function* () {
      yield* ask("cron", "add", "--json", job("watched"))
      const url = yield* server
      const code = yield* Effect.async<number | null>((resume) => {
        const child = spawn(process.execPath, ["bin/symbi.js", "cron", "status", "watched", "--watch", "--server", url])
        child.stdout.once("data", () => child.kill("SIGINT"))
        child.on("close", (code) => resume(Effect.succeed(code)))
      })
      assert.strictEqual(code, 0)
    })
  )
})
