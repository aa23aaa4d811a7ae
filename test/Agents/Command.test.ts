import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { runCommand } from "../../src/Agents/Command.ts"
import { maxCaptureBytes } from "../../src/Agents/Output.ts"
import { AgentId, type CommandAgent } from "../../src/Domain/Agent.ts"
import { RunId } from "../../src/Domain/Ids.ts"
import { bundled } from "../support/Program.ts"
import { invocation, nodeAgent, shellAgent } from "./fixtures.ts"

const environment = {
  variables: { PATH: process.env["PATH"], HOME: "/home/somebody", TOKEN: "t0p-secret" },
  directory: process.cwd()
}

const run = (agent: CommandAgent, call = invocation()) => runCommand(agent, call, environment, new Set())

/** Whether a process runs; one that only waits to be reaped does not. */
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return process.platform !== "linux" || !/^\S+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "latin1"))
  } catch {
    return false
  }
}

/** Collects the log; `seen` waits until it matches, and gives the match. */
const watchedLog = (pattern: RegExp) =>
  Effect.gen(function* () {
    const found = yield* Deferred.make<RegExpMatchArray>()
    let text = ""
    const log = (more: string) =>
      Effect.suspend(() => {
        text += more
        const match = text.match(pattern)
        return match === null ? Effect.void : Effect.asVoid(Deferred.succeed(found, match))
      })
    return { log, seen: Deferred.await(found), text: () => text }
  })

describe("command agents", () => {
  it.effect("hand the input to stdin and take stdout as output", () =>
    Effect.gen(function* () {
      const result = yield* run(shellAgent("cat"), invocation({ input: "Grüße, 世界\nzweite Zeile" }))
      assert.deepStrictEqual(result, { output: "Grüße, 世界\nzweite Zeile", exit_code: 0 })
    })
  )

  it.effect("do not mind a process that never reads its input", () =>
    Effect.gen(function* () {
      const result = yield* run(shellAgent("exec 0<&-; echo done"), invocation({ input: "x".repeat(3_000_000) }))
      assert.strictEqual(result.output, "done\n")
    })
  )

  it.effect("fail permanently with the code and the end of stderr", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(run(shellAgent("echo first >&2; echo 'disk is full' >&2; exit 3")))
      assert.strictEqual(failure.kind, "permanent")
      assert.strictEqual(failure.exit_code, 3)
      assert.strictEqual(failure.message, "exited with code 3: first\ndisk is full")
    })
  )

  it.effect("repeat nothing in their error that variables stand for in their env, also where the error begins", () =>
    Effect.gen(function* () {
      const env = { A: `Bearer \${TOKEN}`, B: "as written", C: `\${SHORT}` }
      const agent = { ...shellAgent('echo "$A,$B,$C" >&2; printf "%0475d" 0 >&2; echo "$A"; exit 1'), env }
      const log = yield* watchedLog(/t0p-secret/)
      const service = { ...environment, variables: { ...environment.variables, SHORT: "brief" } }
      const error = yield* Effect.flip(runCommand(agent, invocation({}, log.log), service, new Set()))
      assert.notMatch(error.message, /t0p|secret/)
      assert.include(error.message, "exited with code 1: [redacted],as written,brief\n000", "cut within")
      assert.strictEqual(error.output, "Bearer t0p-secret\n", "what it says to the run is its own")
      yield* log.seen
    })
  )

  it.effect("show at most the last 500 characters of stderr", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(
        run(nodeAgent(`process.stderr.write("a".repeat(3000) + "end"); process.exitCode = 1`))
      )
      assert.strictEqual(failure.message, `exited with code 1: ${"a".repeat(497)}end`)
    })
  )

  it.effect("fail transiently with exit code 75", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(run(shellAgent("exit 75")))
      assert.deepStrictEqual([failure.kind, failure.exit_code], ["transient", 75])
    })
  )

  it.effect("fail transiently when something else kills them", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(run(shellAgent("kill -9 $$")))
      assert.strictEqual(failure.kind, "transient")
      assert.strictEqual(failure.message, "killed by signal SIGKILL")
    })
  )

  it.effect("name the program that cannot be started", () =>
    Effect.gen(function* () {
      const missing = yield* Effect.flip(run({ ...shellAgent(""), command: ["no-such-program-here"] }))
      assert.strictEqual(missing.kind, "permanent")
      assert.match(missing.message, /^cannot start "no-such-program-here": no such program;.*ENOENT/)
      const notExecutable = yield* Effect.flip(run({ ...shellAgent(""), command: ["/etc/passwd"] }))
      assert.match(notExecutable.message, /^cannot start "\/etc\/passwd": .*EACCES/)
    })
  )

  it.effect("refuse a NUL character without showing the value", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(run(nodeAgent("", { BAD: "hush\0hush" })))
      assert.match(failure.message, /NUL character/)
      assert.notInclude(failure.message, "hush")
    })
  )

  it.effect("get the run's variables, and nothing of the service's but PATH, HOME, LANG and TZ", () =>
    Effect.gen(function* () {
      const agent = nodeAgent("process.stdout.write(JSON.stringify(process.env))", {
        GREETING: `hi \${HOME}`,
        COST: "$5"
      })
      const { run: itsRun } = invocation()
      if (itsRun === null) return yield* Effect.dieMessage("it has a run")
      const call = {
        run: { ...itsRun, id: RunId.make("run_01jq0000000000000000000000") },
        sessionDirectory: Effect.succeed("/tmp/session"),
        summary: "all\0 well",
        iteration: 4
      }
      const result = yield* run(agent, invocation(call))
      assert.deepStrictEqual(JSON.parse(result.output), {
        PATH: environment.variables.PATH,
        HOME: "/home/somebody",
        TRACEPARENT: "00-cceff3716bcb7d9a37e156ef46cf0876-55bb1a56986b47eb-00",
        SYMBI_JOB_ID: "job_01jq0000000000000000000000",
        SYMBI_JOB_NAME: "nightly",
        SYMBI_RUN_ID: "run_01jq0000000000000000000000",
        SYMBI_ATTEMPT: "2",
        SYMBI_SCHEDULED_FOR: "2026-02-15T14:30:00.000Z",
        SYMBI_SESSION_DIR: "/tmp/session",
        SYMBI_SUMMARY: "all well",
        SYMBI_ITERATION: "4",
        GREETING: "hi /home/somebody",
        COST: "$5"
      })
    })
  )

  it.effect("cut a summary that is too long for a variable", () =>
    Effect.gen(function* () {
      const agent = nodeAgent("process.stdout.write(String(process.env.SYMBI_SUMMARY.length))")
      const result = yield* run(agent, invocation({ summary: "s".repeat(500_000) }))
      assert.strictEqual(result.output, "2000")
    })
  )

  it.effect("fail permanently when a variable of their env is not set, naming it", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(run(nodeAgent("", { AUTH: `\${TOKEN}-\${NOT_THERE}` })))
      assert.strictEqual(failure.kind, "permanent")
      assert.match(failure.message, /NOT_THERE \(for its env AUTH\), which is not set/)
      assert.notInclude(failure.message, "t0p-secret")
    })
  )

  it.effect("keep 1 MiB of output and mark the cut, never inside a character", () =>
    Effect.gen(function* () {
      const result = yield* run(nodeAgent(`process.stdout.write("x" + "é".repeat(700000))`))
      const [text = "", mark] = result.output.split("\n")
      assert.strictEqual(mark, "[output cut at 1048576 bytes]")
      assert.strictEqual(Buffer.byteLength(text), maxCaptureBytes - 1)
      assert.isTrue(text.endsWith("é"))
    })
  )

  it.effect("put characters together that arrive in pieces, on stdout and stderr", () =>
    Effect.gen(function* () {
      const pieces = (stream: string) =>
        `for (const b of Buffer.from("aß世𝄞")) { require("fs").writeSync(${stream}, Buffer.of(b)); Atomics.wait(pause, 0, 0, 2) }`
      const log = yield* watchedLog(/aß世𝄞/)
      const agent = nodeAgent(`const pause = new Int32Array(new SharedArrayBuffer(4)); ${pieces("1")}; ${pieces("2")}`)
      const result = yield* run(agent, invocation({}, log.log))
      assert.strictEqual(result.output, "aß世𝄞")
      assert.strictEqual(log.text(), "aß世𝄞")
    })
  )

  it.effect("pass stderr to the log while they run", () =>
    Effect.gen(function* () {
      const log = yield* watchedLog(/ready/)
      // The process never ends by itself, so what was seen was seen while it ran.
      const fiber = yield* Effect.fork(
        run(shellAgent("echo ready >&2; while :; do sleep 1; done"), invocation({}, log.log))
      )
      yield* log.seen
      assert.isNull(yield* Fiber.poll(fiber).pipe(Effect.map((exit) => (exit._tag === "None" ? null : exit))))
      yield* Fiber.interrupt(fiber)
    })
  )

  it.effect("bound what goes to the log", () =>
    Effect.gen(function* () {
      const log = yield* watchedLog(/never/)
      yield* run(nodeAgent(`process.stderr.write("e".repeat(3000000))`), invocation({}, log.log))
      assert.isBelow(log.text().length, maxCaptureBytes + 70_000)
      assert.match(log.text(), /\n\[log cut at about 1048576 bytes\]\n$/)
    })
  )

  it.effect("succeed though the log cannot be written", () =>
    Effect.gen(function* () {
      const result = yield* run(
        shellAgent("echo noise >&2; echo fine"),
        invocation({}, () => Effect.die("disk full"))
      )
      assert.strictEqual(result.output, "fine\n")
    })
  )

  it.effect("are gone with their children when interrupted", () =>
    Effect.gen(function* () {
      const log = yield* watchedLog(/pids (\d+) (\d+)/)
      const fiber = yield* Effect.fork(
        run(shellAgent("sleep 1000 & echo pids $$ $! >&2; wait"), invocation({}, log.log))
      )
      const pids = (yield* log.seen).slice(1).map(Number)
      assert.deepStrictEqual(pids.map(isAlive), [true, true])
      const exit = yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.isInterrupted(exit))
      assert.deepStrictEqual(pids.map(isAlive), [false, false])
    })
  )

  it.effect("leave no process behind when they end by themselves", () =>
    Effect.gen(function* () {
      const result = yield* run(shellAgent("sleep 1000 >/dev/null 2>&1 & echo $!"))
      assert.isFalse(isAlive(Number(result.output)))
    })
  )

  it.effect("are killed 5 s after they ignored SIGTERM", () =>
    Effect.gen(function* () {
      const log = yield* watchedLog(/pid (\d+)/)
      const warned = yield* watchedLog(/ignored/)
      const both = (text: string) => Effect.zipRight(log.log(text), warned.log(text))
      const program = `process.on("SIGTERM", () => console.error("ignored")); setInterval(() => {}, 1000); console.error("pid " + process.pid)`
      const fiber = yield* Effect.fork(run(nodeAgent(program), invocation({}, both)))
      const pid = Number((yield* log.seen)[1])
      const interruption = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* warned.seen
      yield* TestClock.adjust("4999 millis")
      assert.isTrue(isAlive(pid))
      assert.strictEqual((yield* Fiber.poll(interruption))._tag, "None")
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(interruption)
      assert.isFalse(isAlive(pid))
    })
  )

  it.effect("by hand, outside any job, have no run variables", () =>
    Effect.gen(function* () {
      const agent = {
        ...nodeAgent("process.stdout.write(Object.keys(process.env).sort().join())"),
        id: AgentId.make("x")
      }
      const result = yield* run(agent, invocation({ run: null }))
      assert.strictEqual(result.output, "HOME,PATH,SYMBI_SESSION_DIR,SYMBI_SUMMARY")
    })
  )

  it.scopedLive("are killed when the service exits without closing anything", () =>
    Effect.gen(function* () {
      const program = yield* bundled(new URL("./programs/exitsAbruptly.ts", import.meta.url))
      const { status, stdout } = spawnSync(process.execPath, [program], { encoding: "utf8" })
      assert.strictEqual(status, 3)
      assert.isAbove(Number(stdout), 1)
      // The signal was sent before the service was gone; the kernel takes a moment to act on it.
      const gone = Effect.sync(() => !isAlive(Number(stdout))).pipe(
        Effect.repeat({ until: (dead) => dead, schedule: Schedule.spaced("10 millis") }),
        Effect.timeoutOption("10 seconds")
      )
      assert.isTrue(Option.isSome(yield* gone))
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
