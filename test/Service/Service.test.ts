import { existsSync, readFileSync } from "node:fs"
import { createServer } from "node:http"
import { connect, type Socket } from "node:net"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { eventually, folderWith, type Service, startService, writeFiles } from "../support/Service.ts"
import { symbi } from "../support/Symbi.ts"

/** An agent that says that it has started, and works until the file `go` is there. */
const waiter = `agent waiter {
  command: ["sh", "-c", "echo $$ > $SYMBI_JOB_NAME.pid; until test -e go; do sleep 0.05; done; echo went"]
}
`
const yearly = `cron: "0 0 1 1 *"`

const runJob = (service: Service, job_id: string) =>
  service.client.schedule.run({ path: { job_id }, urlParams: {}, headers: {}, payload: {} })

const jobsOf = (service: Service) => service.client.schedule.list({ urlParams: {} })

const ended = (service: Service, id: Effect.Effect.Success<ReturnType<typeof runJob>>["id"]) =>
  eventually(
    `the end of ${id}`,
    Effect.map(service.client.runs.get({ path: { run_id: id } }), (run) => (run.finished_at === null ? undefined : run))
  )

const written = (path: string) =>
  eventually(
    path,
    Effect.sync(() => {
      const text = existsSync(path) ? readFileSync(path, "utf8").trim() : ""
      return text === "" ? undefined : text
    })
  )

const isAlive = (pid: string) => {
  try {
    return process.kill(Number(pid), 0)
  } catch {
    return false
  }
}

const gone = (pid: string) =>
  eventually(
    `the end of process ${pid}`,
    Effect.sync(() => (isAlive(pid) ? undefined : true))
  )

const told = (service: Pick<Service, "stderr">, text: string) =>
  eventually(
    `${JSON.stringify(text)} on stderr`,
    Effect.sync(() => (service.stderr().includes(text) ? true : undefined))
  )

/** Answers no more, so it has heard that it is to stop. */
const deaf = (service: Service) =>
  eventually(
    "the closing of the API",
    Effect.promise(() =>
      fetch(`${service.url}/api/v1/health`).then(
        () => undefined,
        () => true
      )
    )
  )

describe("Service, stopping", () => {
  it.scopedLive("lets a run in flight end, records it, and exits with 0", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({
        "agents/a.symbi": `${waiter} schedule { name: "calm" agent: "waiter" ${yearly} }`
      })
      const first = yield* startService({ folder })
      const { id } = yield* runJob(first, "calm")
      yield* written(join(folder, "calm.pid"))
      yield* first.signal("SIGINT")
      yield* deaf(first)
      yield* writeFiles(folder, { go: "" })
      assert.strictEqual(yield* first.exitCode, 0, first.stderr())

      const second = yield* startService({ folder })
      const run = yield* ended(second, id)
      assert.deepStrictEqual([run.status, run.output, run.attempts.length], ["succeeded", "went\n", 1])
    })
  )

  it.scopedLive("interrupts and records a run that outlasts the time-out, and exits with 0", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({
        "symbiont.toml": "[scheduler]\nshutdown_timeout_seconds = 1\n",
        "agents/a.symbi": `${waiter}
schedule { name: "fails" agent: "waiter" ${yearly} on_interrupt: "fail" }
schedule { name: "resumes" agent: "waiter" ${yearly} }`
      })
      const first = yield* startService({ folder })
      const fails = yield* runJob(first, "fails")
      const resumes = yield* runJob(first, "resumes")
      const pids = yield* Effect.forEach(["fails", "resumes"], (name) => written(join(folder, `${name}.pid`)))
      yield* first.signal("SIGTERM")
      assert.strictEqual(yield* first.exitCode, 0, first.stderr())
      yield* Effect.forEach(pids, gone)

      yield* writeFiles(folder, { go: "" })
      const second = yield* startService({ folder })
      const failed = yield* ended(second, fails.id)
      assert.deepStrictEqual([failed.status, failed.reason?.code], ["interrupted", "shutdown"])
      const resumed = yield* ended(second, resumes.id)
      assert.deepStrictEqual(
        [resumed.status, resumed.attempts.map(({ outcome }) => outcome)],
        ["succeeded", ["interrupted", "succeeded"]]
      )
    })
  )

  it.scopedLive("does not wait for a client that leaves its request unfinished", () =>
    Effect.gen(function* () {
      const service = yield* Effect.flatMap(folderWith({}), (folder) => startService({ folder }))
      yield* Effect.acquireRelease(
        Effect.async<Socket>((resume) => {
          const socket = connect(Number(new URL(service.url).port), "127.0.0.1")
          socket.on("error", () => {})
          socket.write("GET /api/v1/health HTTP/1.1\r\nHost: local", () => resume(Effect.succeed(socket)))
        }),
        (socket) => Effect.sync(() => socket.destroy())
      )
      yield* service.signal("SIGTERM")
      assert.strictEqual(yield* service.exitCode, 0, service.stderr())
    })
  )

  it.scopedLive("ends at once at a second signal, and leaves no agent behind", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({
        "symbiont.toml": "[scheduler]\nshutdown_timeout_seconds = 3600\n",
        "agents/a.symbi": `${waiter} schedule { name: "stuck" agent: "waiter" ${yearly} }`
      })
      const service = yield* startService({ folder })
      yield* runJob(service, "stuck")
      const pid = yield* written(join(folder, "stuck.pid"))
      yield* service.signal("SIGINT")
      // As npm does: it passes on the Ctrl-C that the terminal has sent already.
      yield* service.signal("SIGTERM")
      yield* deaf(service)
      assert.isTrue(isAlive(pid), "the run may go on")
      const again = Effect.forever(Effect.delay(service.signal("SIGINT"), "100 millis"))
      assert.strictEqual(yield* Effect.raceFirst(service.exitCode, again), 130)
      yield* gone(pid)
    })
  )
})

describe("Service, refusing to start", () => {
  const refused = (folder: string, words: ReadonlyArray<string>, env: Record<string, string> = { SYMBI_PORT: "0" }) =>
    symbi(["up", ...words], { cwd: folder, env })

  it.scopedLive("on data that another service uses, which goes on", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({
        "agents/a.symbi": `agent a { command: ["true"] } schedule { name: "mine" agent: "a" ${yearly} }`
      })
      const first = yield* startService({ folder })
      const second = yield* refused(folder, [])
      assert.deepStrictEqual([second.code, second.stdout], [1, ""])
      assert.strictEqual(
        second.stderr,
        `error: another symbi service is using the data folder ${join(folder, ".symbi")}; stop it, or choose another folder with --data\n`
      )
      const run = yield* Effect.flatMap(runJob(first, "mine"), ({ id }) => ended(first, id))
      assert.strictEqual(run.status, "succeeded")
    })
  )

  it.scopedLive("on a port that is taken", () =>
    Effect.gen(function* () {
      const port = yield* Effect.acquireRelease(
        Effect.async<{ readonly port: number; readonly close: () => void }>((resume) => {
          const server = createServer().listen(0, "127.0.0.1", () => {
            const address = server.address()
            const port = typeof address === "object" && address !== null ? address.port : 0
            resume(Effect.succeed({ port, close: () => server.close() }))
          })
        }),
        ({ close }) => Effect.sync(close)
      )
      const folder = yield* folderWith({ "symbiont.toml": `[server]\nport = ${port.port}\n` })
      const { code, stderr } = yield* refused(folder, [], {})
      assert.strictEqual(code, 1)
      assert.strictEqual(
        stderr,
        `error: port ${port.port} of 127.0.0.1 is in use already; stop the other service, or choose another port with --port\n`
      )
    })
  )

  it.scopedLive("with an invalid symbiont.toml, and creates nothing", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({
        "symbiont.toml": `[scheduler]\nmax_concurrent_jobs = "many"\ntick_interval_seconds = 90\n`
      })
      const { code, stderr, stdout } = yield* refused(folder, [])
      assert.deepStrictEqual([code, stdout], [1, ""])
      assert.include(stderr, "symbiont.toml:2: scheduler.max_concurrent_jobs: expected")
      assert.include(stderr, `found "many"`)
      assert.include(stderr, "symbiont.toml:3: scheduler.tick_interval_seconds: expected a whole number from 1 to 60")
      assert.isFalse(existsSync(join(folder, ".symbi")))

      yield* writeFiles(folder, { "symbiont.toml": "[scheduler]\nmax_jitter_seconds = = 1\n" })
      const broken = yield* refused(folder, [])
      assert.strictEqual(broken.code, 1)
      assert.match(broken.stderr, /^error: symbiont\.toml:2:\d+: invalid TOML/)

      const absent = yield* refused(folder, ["--config", "absent.toml"])
      assert.strictEqual(absent.code, 3)
      assert.include(absent.stderr, "absent.toml: no such file")
      assert.isFalse(existsSync(join(folder, ".symbi")))
    })
  )

  it.scopedLive("on an address that others can reach", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({})
      const { code, stderr } = yield* refused(folder, ["--host", "0.0.0.0"])
      assert.strictEqual(code, 1)
      assert.match(stderr, /^error: refused to listen on 0\.0\.0\.0: .*--host 127\.0\.0\.1\n$/)
      assert.isFalse(existsSync(join(folder, ".symbi")))
    })
  )
})

describe("Service, its files and settings", () => {
  const job = (name: string, hour: number) => `schedule { name: "${name}" agent: "a" cron: "0 ${hour} * * *" }\n`
  const agent = `agent a { command: ["true"] }\n`

  it.scopedLive("starts beside a broken file, whose jobs stay as they were", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ "agents/a.symbi": agent + job("kept", 1), "agents/b.symbi": job("other", 2) })
      const first = yield* startService({ folder })
      const before = yield* jobsOf(first)
      yield* first.signal("SIGTERM")
      assert.strictEqual(yield* first.exitCode, 0)

      yield* writeFiles(folder, {
        "agents/a.symbi": `${agent}schedule {\n  name: "kept"\n  agent: "a"\n  cron: "0 25 * * *"\n}\n${job("fresh", 3)}`,
        "agents/b.symbi": job("other", 4)
      })
      const second = yield* startService({ folder })
      assert.include(
        second.stderr(),
        [
          `agents/a.symbi:5:9: error: 'cron': hour: 25 is out of range 0-23`,
          `  cron: "0 25 * * *"`,
          `        ^^^^^^^^^^^^`
        ].join("\n")
      )
      assert.include(second.stderr(), "agents/a.symbi was not applied; its jobs stay as they were")
      assert.deepStrictEqual(
        (yield* jobsOf(second)).map(({ cron_expr, id, status }) => [id, status, cron_expr]),
        before.map(({ id, name }) => [id, "active", name === "kept" ? "0 1 * * *" : "0 4 * * *"])
      )
    })
  )

  it.scopedLive("applies its files again at SIGHUP", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ "agents/a.symbi": agent + job("stays", 1) + job("goes", 2) })
      const service = yield* startService({ folder })
      yield* writeFiles(folder, { "agents/a.symbi": agent + job("stays", 5) + job("comes", 3) })
      yield* service.signal("SIGHUP")
      yield* told(service, "files applied again: 1 created, 1 updated, 0 resumed, 1 paused")
      assert.deepStrictEqual(
        (yield* jobsOf(service)).map(({ cron_expr, name, paused_by, status }) => [name, cron_expr, status, paused_by]),
        [
          ["stays", "0 5 * * *", "active", null],
          ["goes", "0 2 * * *", "paused", "apply"],
          ["comes", "0 3 * * *", "active", null]
        ]
      )
      assert.match(service.stderr(), /job .*goes.* is paused/)

      yield* writeFiles(folder, { "agents/a.symbi": "schedule {" })
      yield* service.signal("SIGHUP")
      yield* told(service, "agents/a.symbi was not applied")
      assert.deepStrictEqual(
        (yield* jobsOf(service)).map(({ status }) => status),
        ["active", "paused", "active"]
      )
    })
  )

  it.scopedLive("keeps its jobs over restarts", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ "agents/a.symbi": agent + job("one", 1) + job("two", 2) })
      const look = Effect.scoped(
        Effect.gen(function* () {
          const service = yield* startService({ folder })
          const jobs = yield* jobsOf(service)
          yield* service.signal("SIGTERM")
          assert.strictEqual(yield* service.exitCode, 0)
          return jobs
        })
      )
      const [first, ...later] = yield* Effect.all([look, look, look, look])
      assert.lengthOf(first, 2)
      for (const jobs of later) assert.deepStrictEqual(jobs, first)
    })
  )

  it.scopedLive("serves metrics unless told not to", () =>
    Effect.gen(function* () {
      const on = yield* Effect.flatMap(folderWith({}), (folder) => startService({ folder }))
      const served = yield* Effect.promise(() => fetch(`${on.url}/metrics`))
      assert.strictEqual(served.status, 200)
      assert.include(yield* Effect.promise(() => served.text()), "symbiont_scheduler_looks_total")
      const off = yield* Effect.flatMap(
        folderWith({ "symbiont.toml": "[scheduler]\nenable_metrics = false\n" }),
        (folder) => startService({ folder })
      )
      assert.strictEqual((yield* Effect.promise(() => fetch(`${off.url}/metrics`))).status, 404)
    })
  )

  it.scopedLive("takes a setting from the environment, else from symbiont.toml, else its default", () =>
    Effect.gen(function* () {
      const places = ["development", "from-file", "from-environment"]
      const jobs = places.map(
        (place) => `schedule { name: "${place}" agent: "a" ${yearly} policy { allowed_environments: ["${place}"] } }`
      )
      const file = { "symbiont.toml": `[scheduler]\nenvironment = "from-file"\n` }
      const variable = { SYMBI_ENVIRONMENT: "from-environment" }

      const allowedIn = (files: Record<string, string>, env: Record<string, string>) =>
        Effect.gen(function* () {
          const folder = yield* folderWith({ "agents/a.symbi": agent + jobs.join("\n"), ...files })
          const service = yield* startService({ folder, env })
          const runs = yield* Effect.forEach(places, (place) =>
            Effect.flatMap(runJob(service, place), ({ id }) => ended(service, id))
          )
          assert.sameMembers(
            runs.map(({ status }) => status),
            ["succeeded", "denied", "denied"]
          )
          return runs.find(({ status }) => status === "succeeded")?.job_name
        }).pipe(Effect.scoped)

      assert.strictEqual(yield* allowedIn({}, {}), "development")
      assert.strictEqual(yield* allowedIn(file, {}), "from-file")
      assert.strictEqual(yield* allowedIn(file, variable), "from-environment")
      assert.strictEqual(yield* allowedIn(file, { SYMBI_ENVIRONMENT: "" }), "from-file")
    })
  )
})
