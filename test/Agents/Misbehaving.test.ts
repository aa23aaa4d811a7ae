import { readdirSync, readFileSync } from "node:fs"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { maxCaptureBytes } from "../../src/Agents/Output.ts"
import { AgentRuntime } from "../../src/Agents.ts"
import type { CommandAgent } from "../../src/Domain/Agent.ts"
import { ServiceEnvironment } from "../../src/ServiceEnvironment.ts"
import { testSettings } from "../../src/testing.ts"
import { invocation, nodeAgent, shellAgent } from "./fixtures.ts"

/** How much an agent prints, in MB: 1000 in the long form. */
const megabytes = Number(process.env["SYMBI_TEST_PRINT_MB"] ?? 100)

const mark = `SYMBI_TEST_MARK_${process.pid}`

const agents = AgentRuntime.layer.pipe(
  Layer.provide(ServiceEnvironment.layer({ variables: { PATH: process.env["PATH"] }, directory: process.cwd() })),
  Layer.provide(testSettings()),
  Layer.provide(NodeContext.layer)
)

const run = (agent: CommandAgent, input = "") =>
  Effect.scoped(
    Effect.flatMap(AgentRuntime, (runtime) =>
      runtime.invoke({ ...agent, env: { ...agent.env, [mark]: "1" } }, invocation({ input }))
    )
  )

/** Processes that an agent of these tests left behind, dead ones that nobody waited for left out. */
const leftBehind = (): ReadonlyArray<string> =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "latin1").includes(`${mark}=`)
      } catch {
        return false
      }
    })

const nobodyIsLeft = Effect.sync(leftBehind).pipe(
  Effect.repeat({ until: (pids) => pids.length === 0, schedule: Schedule.spaced("20 millis") }),
  Effect.timeoutTo({
    duration: "5 seconds",
    onSuccess: () => Effect.void,
    onTimeout: () => Effect.dieMessage(`left behind: ${leftBehind().join()}`)
  }),
  Effect.flatten
)

describe.runIf(process.platform === "linux")("an agent that misbehaves", () => {
  it.live(
    `by printing ${megabytes} MB, on both of its outputs, takes the memory of what is kept`,
    () =>
      Effect.gen(function* () {
        const program = `const part = Buffer.alloc(1e6, "x"); let left = ${megabytes}
          const print = () => { if (left-- > 0) process.stdout.write(part, () => process.stderr.write(part, print)) }; print()`
        let peak = 0
        const before = process.memoryUsage().rss
        const watch = Effect.sync(() => {
          peak = Math.max(peak, process.memoryUsage().rss)
        }).pipe(Effect.repeat(Schedule.spaced("20 millis")))
        const result = yield* Effect.raceFirst(run(nodeAgent(program)), Effect.zipRight(watch, Effect.never))
        assert.strictEqual(result.output.length, maxCaptureBytes + `\n[output cut at ${maxCaptureBytes} bytes]`.length)
        // Chunks under way and garbage, far less than was printed.
        assert.isBelow((peak - before) / 1e6, 120)
        yield* nobodyIsLeft
      }).pipe(Effect.provide(agents)),
    120_000
  )

  it.live("by printing what is no text leaves what can be read of it", () =>
    Effect.gen(function* () {
      const program = `process.stdout.write(Buffer.from([0x61, 0, 0xff, 0xfe, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0x62]))`
      const { output } = yield* run(nodeAgent(program))
      assert.match(output, /^a\0\ufffd+\(\ufffd+b$/)
      assert.strictEqual(Buffer.from(output, "utf8").toString("utf8"), output)
    }).pipe(Effect.provide(agents))
  )

  it.live("by closing its input before it is given any, and its outputs, ends as its exit code says", () =>
    Effect.gen(function* () {
      const { output } = yield* run(
        shellAgent("echo first; exec 0<&- 1>&- 2>&-; exec sleep 0.2"),
        "x".repeat(1_000_000)
      )
      assert.strictEqual(output, "first\n")
    }).pipe(Effect.provide(agents))
  )

  it.live("by ending by a signal is tried again, and named by it", () =>
    Effect.gen(function* () {
      for (const signal of ["SEGV", "KILL", "PIPE"]) {
        const failure = yield* Effect.flip(run(shellAgent(`kill -${signal} $$; sleep 5`)))
        assert.deepStrictEqual([failure.kind, failure.message], ["transient", `killed by signal SIG${signal}`])
      }
      yield* nobodyIsLeft
    }).pipe(Effect.provide(agents))
  )

  it.live(
    "by leaving children that hold its output, and ignore SIGTERM, ends and leaves none",
    () =>
      Effect.gen(function* () {
        // A shell that ignores a signal has children that ignore it.
        const { output } = yield* run(shellAgent("trap '' TERM; (sleep 300; true) & (sleep 300; true) & echo done"))
        assert.strictEqual(output, "done\n")
        assert.deepStrictEqual(leftBehind(), [])
      }).pipe(Effect.provide(agents)),
    60_000
  )

  it.live(
    "by never ending, with grandchildren that fork on, is gone with all of them once it is stopped",
    () =>
      Effect.gen(function* () {
        const forks = `trap '' TERM; for i in 1 2 3; do (trap '' TERM; while true; do sleep 0.05 & wait; done) & done; wait`
        const result = yield* Effect.timeoutOption(run(shellAgent(forks)), "500 millis")
        assert.strictEqual(result._tag, "None")
        assert.deepStrictEqual(leftBehind(), [])
      }).pipe(Effect.provide(agents)),
    60_000
  )

  it.live(
    "by sending a child into a session of its own, which holds its output, ends without it, and leaves none",
    () =>
      Effect.gen(function* () {
        const program = `const { spawn } = require("node:child_process")
          spawn("sh", ["-c", "sleep 300 & exec sleep 300"], { detached: true, stdio: ["ignore", "inherit", "inherit"] }).unref()
          process.stdout.write("done"); setTimeout(() => process.exit(0), 100)`
        const { output } = yield* run(nodeAgent(program))
        assert.strictEqual(output, "done")
        yield* nobodyIsLeft
      }).pipe(Effect.provide(agents)),
    60_000
  )
})
