import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { eventually, folderWith, program, type Service, startService } from "../support/Service.ts"
import { symbi } from "../support/Symbi.ts"

const limit = { timeout: 60_000 }

const files = {
  "agents/a.symbi": `
agent works { command: ["sh", "-c", "echo done; echo said >&2"] }
agent fails { command: ["sh", "-c", "echo leaked $KEPT >&2; exit 3"], env: { KEPT: "ops:a-secret-of-the-service" } }
schedule { name: "works" agent: "works" cron: "0 0 1 1 *" delivery: ["log_file"] }
schedule { name: "fails" agent: "fails" cron: "0 0 1 1 *" delivery: [] max_retries: 50 }
`
}

const runNow = Effect.fnUntraced(function* ({ client }: Service, job: string) {
  const { id } = yield* client.schedule.run({ path: { job_id: job }, payload: {}, urlParams: {}, headers: {} })
  return yield* eventually(
    `the end of ${id}`,
    Effect.map(client.runs.get({ path: { run_id: id } }), (run) => (run.finished_at === null ? undefined : run))
  )
})

/** A command that goes on until it is told to stop. */
const following = (words: ReadonlyArray<string>, env: Readonly<Record<string, string>>) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [program, ...words], {
          env: { PATH: process.env["PATH"], ...env },
          stdio: ["ignore", "pipe", "pipe"]
        })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    ),
    (child) => {
      let out = ""
      let talk = ""
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        out += text
      })
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        talk += text
      })
      const exit = Effect.async<number | null>((resume) => {
        if (child.exitCode !== null) resume(Effect.succeed(child.exitCode))
        child.on("close", (code) => resume(Effect.succeed(code)))
      })
      const stop = Effect.zipRight(
        Effect.sync(() => child.kill("SIGINT")),
        exit
      )
      return { out: () => out, talk: () => talk, stop, exit }
    }
  )

const seen = (what: string, isSeen: () => boolean) =>
  eventually(
    what,
    Effect.sync(() => (isSeen() ? true : undefined))
  )

const portOf = ({ url }: Service) => new URL(url).port

describe("symbi logs", () => {
  it.scopedLive(
    "tells what the scheduler did, though the service writes less",
    () =>
      Effect.gen(function* () {
        const folder = yield* folderWith(files)
        const service = yield* startService({ folder })
        const logs = (...words: ReadonlyArray<string>) =>
          symbi(["logs", ...words], { env: { SYMBI_SERVER: service.url } })
        const run = yield* runNow(service, "works")
        yield* runNow(service, "fails")

        const scheduler = yield* logs("--filter", "scheduler", "--level", "debug")
        assert.strictEqual(scheduler.code, 0)
        assert.match(scheduler.stdout, /DEBUG scheduler run started attempt=1 job_name=works run_id=run_\w+/)
        assert.match(scheduler.stdout, /DEBUG scheduler run ended .*status=succeeded/)
        assert.notMatch(scheduler.stdout, /delivery|http/)
        assert.match(scheduler.stderr, /writes info and above; of the rest it knows the latest, since \d{4}-/)

        const usual = yield* logs()
        assert.match(usual.stdout, /INFO {2}scheduler run ended attempt=1 job_name=fails .*error="exited with code 3/)
        assert.notMatch(usual.stdout, /DEBUG|works/)
        assert.strictEqual(usual.stderr, "")
        assert.include(service.stderr(), "INFO scheduler: run ended")

        const one = JSON.parse((yield* logs("--filter", run.id, "--level", "debug", "--format", "json")).stdout)
        assert.includeMembers(
          one.map(({ component }: { readonly component: string }) => component),
          ["scheduler", "delivery"]
        )
        const latest = JSON.parse((yield* logs("--level", "debug", "--lines", "2", "--format", "json")).stdout)
        assert.strictEqual(latest.length, 2)

        assert.strictEqual((yield* logs("--run", run.id)).stdout, "said\n")
        assert.strictEqual((yield* logs("--run", run.id, "-f")).stdout, "said\n")
        assert.strictEqual((yield* logs("--run", "run_nobody")).code, 3)
        assert.strictEqual((yield* logs("--level", "loud")).code, 2)
        assert.strictEqual((yield* logs("--filter", "nothing-like-it")).stderr, "no entries\n")

        yield* service.signal("SIGTERM")
        yield* service.exitCode
        const gone = yield* logs()
        assert.deepStrictEqual([gone.code, gone.stdout], [6, ""])
        const data = join(folder, ".symbi")
        const read = yield* logs("--data", data)
        assert.match(read.stdout, /INFO {2}scheduler run ended attempt=1 job_name=fails/)
        assert.strictEqual((yield* logs("--data", data, "-f")).code, 2)
      }),
    limit
  )

  it.scopedLive(
    "follows over a restart of the service, each entry once",
    () =>
      Effect.gen(function* () {
        const folder = yield* folderWith(files)
        const first = yield* startService({ folder })
        const port = portOf(first)
        const env = { SYMBI_SERVER: first.url }
        const before = yield* runNow(first, "fails")
        const follower = yield* following(["logs", "-f", "--format", "json"], env)
        yield* seen("the first entry", () => follower.out().includes(before.id))
        const live = yield* runNow(first, "fails")
        yield* seen("the second entry", () => follower.out().includes(live.id))
        yield* first.signal("SIGTERM")
        assert.strictEqual(yield* first.exitCode, 0)
        yield* seen("that the service is gone", () => follower.talk().includes("the service is gone"))
        const second = yield* startService({ folder, env: { SYMBI_PORT: port } })
        const after = yield* runNow(second, "fails")
        yield* seen("the third entry", () => follower.out().includes(after.id))
        const runs = follower
          .out()
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line).fields.run_id)
          .filter((id) => id !== undefined)
        assert.deepStrictEqual(runs, [before.id, live.id, after.id])
        assert.strictEqual(yield* follower.stop, 0)
      }),
    limit
  )

  it.scopedLive(
    "only admins read it, and it holds no secret of the service",
    () =>
      Effect.gen(function* () {
        const folder = yield* folderWith(files)
        const keys = "ops:a-secret-of-the-service,who:another-key-that-reads:read"
        const service = yield* startService({ folder, env: { SYMBI_API_KEYS: keys } })
        const as = (key: string, ...words: ReadonlyArray<string>) =>
          symbi(words, { env: { SYMBI_SERVER: service.url, SYMBI_API_KEY: key } })
        yield* as("a-secret-of-the-service", "cron", "run", "fails")
        const log = join(folder, ".symbi", "logs", "service.log")
        const shown = () => `${service.stderr()}${readFileSync(log, "utf8")}`
        yield* seen("the run's end", () => service.stderr().includes("exited with code 3"))
        assert.strictEqual((yield* as("another-key-that-reads", "logs")).code, 4)
        const read = yield* as("a-secret-of-the-service", "logs", "--level", "debug")
        assert.include(read.stdout, "exited with code 3")
        yield* service.signal("SIGTERM")
        yield* service.exitCode
        assert.include(shown(), "exited with code 3")
        assert.notInclude(`${shown()}${read.stdout}`, "a-secret-of-the-service")
      }),
    limit
  )

  it.scopedLive(
    "settings: level, format and no file",
    () =>
      Effect.gen(function* () {
        const folder = yield* folderWith({ ...files, "symbiont.toml": '[logging]\nfile = false\nlevle = "x"\n' })
        const service = yield* startService({ folder, env: { SYMBI_LOG_LEVEL: "debug", SYMBI_LOG_FORMAT: "json" } })
        yield* runNow(service, "works")
        const lines = service
          .stderr()
          .split("\n")
          .filter((line) => line.startsWith("{"))
          .map((line) => JSON.parse(line))
        assert.isTrue(lines.some(({ level, message }) => level === "debug" && message === "run started"))
        assert.isTrue(lines.some(({ message }) => /unknown key logging.levle; did you mean level/.test(message)))
        assert.throws(() => readFileSync(join(folder, ".symbi", "logs", "service.log")))
        const refused = yield* symbi(["config"], { cwd: folder, env: { SYMBI_LOG_LEVEL: "loud" } })
        assert.strictEqual(refused.code, 1)
        assert.include(refused.stderr, 'SYMBI_LOG_LEVEL: expected "debug" or "info" or "warn" or "error", found "loud"')
      }),
    limit
  )
})
