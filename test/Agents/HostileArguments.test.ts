import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Runtime from "effect/Runtime"
import { answers, httpReceiver } from "../support/HttpReceiver.ts"
import { type Hostile, hostileArguments } from "./hostileArguments.ts"
import { isAlive, modelAgent, toolboxOf, toolService } from "./toolFixtures.ts"

const recorder = fileURLToPath(new URL("programs/recordsArguments.js", import.meta.url))

const secret = "T0P-SECRET-OUTSIDE"

/** A folder that may be read beside one that may not, with links between them. */
const folders = Effect.acquireRelease(
  Effect.sync(() => {
    const base = mkdtempSync(path.join(tmpdir(), "symbi-hostile-"))
    const [root, outside] = [path.join(base, "root"), path.join(base, "outside")]
    mkdirSync(path.join(root, "sub"), { recursive: true })
    mkdirSync(outside)
    writeFileSync(path.join(root, "a.txt"), "inside")
    writeFileSync(path.join(outside, "secret"), secret)
    writeFileSync(path.join(outside, secret), secret)
    spawnSync("mkfifo", [path.join(outside, "fifo"), path.join(root, "fifo")])
    symlinkSync(path.join(outside, "secret"), path.join(root, "linkToFile"))
    symlinkSync("../outside", path.join(root, "linkToFolder"))
    symlinkSync("linkToFile", path.join(root, "linkToLink"))
    symlinkSync("..", path.join(root, "linkUp"))
    symlinkSync("/", path.join(root, "linkToRoot"))
    symlinkSync(path.join(outside, "fifo"), path.join(root, "linkToFifo"))
    symlinkSync("../linkToFile", path.join(root, "sub", "linkToFile"))
    symlinkSync("loop", path.join(root, "loop"))
    return { base, root, outside, recorded: path.join(base, "recorded"), canary: path.join(base, "canary") }
  }),
  ({ base }) => Effect.sync(() => rmSync(base, { recursive: true, force: true }))
)

/** A process that cannot go on before somebody opens the fifo for reading. */
const waitingWriter = (fifo: string) =>
  Effect.acquireRelease(
    Effect.async<number>((resume) => {
      const child = spawn("sh", ["-c", 'echo started; exec echo opened > "$0"', fifo], {
        stdio: ["ignore", "pipe", "ignore"]
      })
      child.stdout.once("data", () => resume(Effect.succeed(child.pid ?? 0)))
    }),
    (pid) => Effect.sync(() => isAlive(pid) && process.kill(pid, "SIGKILL"))
  )

const program = (file: string, pattern: string, ...args: ReadonlyArray<string>) => ({
  command: [process.execPath, recorder, file, ...args],
  parameters: {
    text: { pattern, ...(pattern === "[a-z]+" ? {} : { max_length: 100_000 }) },
    count: { type: "integer", max: 10, optional: true }
  }
})

interface Record {
  readonly args: ReadonlyArray<string>
}

const recordsIn = (file: string): ReadonlyArray<Record> =>
  existsSync(file)
    ? readFileSync(file, "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
    : []

describe("hostile arguments", () => {
  it.live(
    "reach nothing but what is listed",
    () =>
      Effect.gen(function* () {
        const { canary, outside, recorded, root } = yield* folders
        const allowed = yield* httpReceiver([answers(200, "hello")])
        const other = yield* httpReceiver([answers(200, secret)])
        const writer = yield* waitingWriter(path.join(outside, "fifo"))
        const notices: Array<readonly [string, string]> = []
        const host = `allowed.test:${allowed.port}`
        const agent = modelAgent({
          tools: {
            word: program(recorded, "[a-z]+", "--word", "{text}", "--n={count}"),
            any: program(recorded, "(?s).*", "first", "{text}", "<{text}>", "--n={count}", "last"),
            get: { http_get: [host] },
            files: { read_files: "root" },
            tell: { notify: "slack" }
          },
          tool_limits: { calls: 10_000, bytes: 100_000_000, time: "1h" }
        })
        const { calls, use } = yield* toolboxOf(agent, {
          notify: (channel, text) => Effect.sync(() => void notices.push([channel, text]))
        }).pipe(Effect.provide(toolService({ directory: path.dirname(root) })))

        const table = hostileArguments({ canary, outside, port: allowed.port, other: other.port })
        assert.isAtLeast(table.length, 100)
        const expected: Array<ReadonlyArray<string>> = []
        const wrong: Array<Hostile & { readonly text: string }> = []
        for (const hostile of table) {
          const { failed, text } = yield* use(hostile.tool, hostile.given)
          if (failed !== (hostile.arrives === undefined)) wrong.push({ ...hostile, text })
          if (text.includes(secret)) wrong.push({ ...hostile, text })
          if (hostile.arrives !== undefined) expected.push(["first", hostile.arrives, `<${hostile.arrives}>`, "last"])
        }
        assert.deepStrictEqual(wrong, [])
        assert.deepStrictEqual(
          recordsIn(recorded).map(({ args }) => args),
          expected
        )
        assert.deepStrictEqual([allowed.connections(), other.connections()], [0, 0])
        assert.deepStrictEqual(notices, [])
        assert.isFalse(existsSync(canary))
        assert.isTrue(isAlive(writer), "the fifo outside was opened")
        assert.strictEqual(calls.length, table.length)

        // The same tools do work.
        assert.isFalse((yield* use("word", { text: "fine", count: 3 })).failed)
        assert.deepStrictEqual(recordsIn(recorded).at(-1)?.args, ["--word", "fine", "--n=3"])
        assert.strictEqual((yield* use("get", { url: `http://${host}/x` })).text, "HTTP 200\n\nhello")
        assert.strictEqual(allowed.connections(), 1)
        assert.strictEqual((yield* use("files", { action: "read", path: "a.txt" })).text, "inside")
        assert.isFalse((yield* use("tell", { text: "x" })).failed)
        assert.deepStrictEqual(notices, [["slack", "x"]])
      }).pipe(Effect.scoped),
    60_000
  )

  it.live("do not win a race against a link that changes all the time", () =>
    Effect.gen(function* () {
      const { outside, root } = yield* folders
      // Now a folder, now a link to another one, in turn.
      const swap = `
        const fs = require("node:fs")
        const [now, away, outside] = process.argv.slice(1)
        process.stdout.write("on")
        for (;;) {
          fs.renameSync(now, away)
          fs.symlinkSync(outside, now)
          fs.unlinkSync(now)
          fs.renameSync(away, now)
        }`
      const now = path.join(root, "now")
      mkdirSync(now)
      writeFileSync(path.join(now, "secret"), "harmless")
      const swapper = yield* Effect.acquireRelease(
        Effect.async<ReturnType<typeof spawn>>((resume) => {
          const child = spawn(process.execPath, ["-e", swap, now, path.join(root, "away"), outside])
          child.stdout.once("data", () => resume(Effect.succeed(child)))
        }),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      )
      assert.isNull(swapper.exitCode)
      const agent = modelAgent({ tools: { files: { read_files: "root" } }, tool_limits: { calls: 10_000 } })
      const { use } = yield* toolboxOf(agent).pipe(Effect.provide(toolService({ directory: path.dirname(root) })))
      const seen = new Set<string>()
      // On a busy machine the folder may be away whenever it is looked for.
      for (let i = 0; i < 500 || (!seen.has("harmless") && i < 4_900); i++) {
        const read = yield* use("files", { action: "read", path: "now/secret" })
        const listed = yield* use("files", { action: "list", path: "now" })
        for (const { text } of [read, listed]) seen.add(text)
      }
      assert.isTrue(seen.has("harmless"), [...seen].join("\n"))
      assert.deepStrictEqual(
        [...seen].filter((text) => text.includes(secret)),
        []
      )
    }).pipe(Effect.scoped)
  )
})

describe("placeholders", () => {
  it.live("keep number and places of the arguments, whatever they stand for", () =>
    Effect.gen(function* () {
      const { recorded, root } = yield* folders
      const runtime = yield* Effect.runtime()
      const template = ["{a}", "x{b}y", "{a}{n}", "--flag={on}", "literal { b }", "{b}"]
      const agent = modelAgent({
        tools: {
          t: {
            command: [process.execPath, recorder, recorded, ...template],
            parameters: {
              a: { pattern: "(?s).*" },
              b: { pattern: "(?s).*", optional: true },
              n: { type: "number", min: -1_000_000 },
              on: { type: "boolean" }
            }
          }
        },
        tool_limits: { calls: 10_000, bytes: 100_000_000, time: "1h" }
      })
      const { use } = yield* toolboxOf(agent).pipe(Effect.provide(toolService({ directory: root })))
      const text = FastCheck.oneof(
        FastCheck.string({ unit: "binary", maxLength: 50 }),
        FastCheck.array(FastCheck.constantFrom("{a}", "{b}", "$", "&", "'", '"', "\\", " ", "\n", "-", "{", "}", ";"), {
          maxLength: 8
        }).map((parts) => parts.join(""))
      ).filter((one) => !one.includes("\0") && !one.startsWith("-"))
      const property = FastCheck.asyncProperty(
        text,
        FastCheck.option(text, { nil: undefined }),
        FastCheck.integer({ min: -1_000_000, max: 1_000_000 }),
        FastCheck.boolean(),
        async (a, b, n, on) => {
          const before = recordsIn(recorded).length
          await Runtime.runPromise(runtime)(use("t", { a, ...(b === undefined ? {} : { b }), n, on }))
          const records = recordsIn(recorded)
          assert.strictEqual(records.length, before + 1)
          const whole = [a, `x${b}y`, `${a}${n}`, `--flag=${on}`, "literal { b }", `${b}`]
          assert.deepStrictEqual(
            records.at(-1)?.args,
            whole.filter((_, index) => b !== undefined || (index !== 1 && index !== 5))
          )
        }
      )
      yield* Effect.promise(() => FastCheck.assert(property, { numRuns: 25 }))
    }).pipe(Effect.scoped)
  )
})
