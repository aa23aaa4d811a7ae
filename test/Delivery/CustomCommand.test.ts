import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { CurrentDelivery } from "../../src/Delivery/CurrentDelivery.ts"
import { makeCustomCommands } from "../../src/Delivery/CustomCommand.ts"
import { CustomChannels, DeliveryRouter, StandardOutput } from "../../src/Delivery.ts"
import { ServiceEnvironment } from "../../src/ServiceEnvironment.ts"
import { testSettings } from "../../src/testing.ts"
import { finishedRun, jobNamed } from "./fixtures.ts"

type Command = readonly [string, ...Array<string>]

const shell = (script: string): Command => ["sh", "-c", script]

const variables = { PATH: process.env["PATH"], HOME: "/home/somebody", SLACK_API_TOKEN: "t0p-secret" }

const inFolder = (command: Command, more: { readonly timeout?: string; readonly max_output_bytes?: number } = {}) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped({ prefix: "symbi-command-" })
    const { max_output_bytes, timeout } = more
    const settings = testSettings({
      scheduler: {
        delivery: {
          custom: { pager: { command, ...(timeout === undefined ? {} : { timeout }) } },
          ...(max_output_bytes === undefined ? {} : { max_output_bytes })
        }
      }
    })
    return { directory, layers: Layer.merge(settings, ServiceEnvironment.layer({ variables, directory })) }
  })

/** The channel `custom:pager` as this command, in the test's scope, and the folder that it works in. */
const pager = (...[command, more]: Parameters<typeof inFolder>) =>
  Effect.gen(function* () {
    const { directory, layers } = yield* inFolder(command, more)
    const channels = yield* Effect.provide(makeCustomCommands, yield* Layer.build(layers))
    const channel = channels.get("pager")
    if (channel === undefined) return yield* Effect.dieMessage("no such channel")
    const send = (output = "fine") => channel(jobNamed("nightly"), finishedRun(), output)
    return { send, directory, read: (name: string) => readFileSync(join(directory, name), "utf8") }
  }).pipe(Effect.provide(NodeContext.layer))

const failing = (command: Command) =>
  Effect.gen(function* () {
    const { send } = yield* pager(command)
    const { message, permanent } = yield* Effect.flip(send())
    return { message, permanent }
  })

const until = (holds: () => boolean) =>
  Effect.promise(async () => {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve))
  })

/** Whether a process runs; one that only waits to be reaped does not. */
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return process.platform !== "linux" || !/^\S+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "latin1"))
  } catch {
    return false
  }
}

describe("a command channel", () => {
  it.scoped("hands the output to the command, in the service's folder", () =>
    Effect.gen(function* () {
      const { read, send } = yield* pager(shell("cat > output; pwd > folder"))
      yield* send("Grüße 💾\nzweite Zeile")
      assert.strictEqual(read("output"), "Grüße 💾\nzweite Zeile")
      assert.match(read("folder"), /symbi-command-/)
    })
  )

  it.scoped("tells the command what it delivers, and no secret of the service", () =>
    Effect.gen(function* () {
      const print = "require('fs').writeFileSync('env', JSON.stringify(process.env))"
      const { read, send } = yield* pager([process.execPath, "-e", print])
      yield* Effect.provideService(send(), CurrentDelivery, {
        id: "dlv_1",
        kind: "undelivered",
        subject: "nightly\0 was\nnot delivered"
      })
      assert.deepStrictEqual(JSON.parse(read("env")), {
        PATH: variables.PATH,
        HOME: "/home/somebody",
        TRACEPARENT: "00-cceff3716bcb7d9a37e156ef46cf0876-55bb1a56986b47eb-00",
        SYMBI_DELIVERY_ID: "dlv_1",
        SYMBI_DELIVERY_KIND: "undelivered",
        SYMBI_CHANNEL: "custom:pager",
        SYMBI_SUBJECT: "nightly was not delivered",
        SYMBI_JOB_ID: "job_01jq0000000000000000000000",
        SYMBI_JOB_NAME: "nightly",
        SYMBI_RUN_ID: "run_01jq0000000000000000000000",
        SYMBI_RUN_STATUS: "succeeded",
        SYMBI_SCHEDULED_FOR: "2026-02-15T14:29:00.000Z"
      })
    })
  )

  it.scoped("passes arguments as they are, through no shell", () =>
    Effect.gen(function* () {
      const print = "require('fs').writeFileSync('args', JSON.stringify(process.argv.slice(1)))"
      const args = ["$(touch pwned)", "; touch pwned", "*", "a b", "`touch pwned`"]
      const { directory, read, send } = yield* pager([process.execPath, "-e", print, ...args])
      yield* send()
      assert.deepStrictEqual(JSON.parse(read("args")), args)
      assert.isFalse(existsSync(join(directory, "pwned")))
    })
  )

  it.scoped("cuts output that is too long", () =>
    Effect.gen(function* () {
      const { read, send } = yield* pager(shell("cat > output"), { max_output_bytes: 1_024 })
      yield* send("é".repeat(10_000))
      assert.match(read("output"), /^é+\n… \(cut; 20000 bytes in all, kept with run run_01jq0+\)$/)
      assert.isAtMost(Buffer.byteLength(read("output")), 1_024)
    })
  )

  it.scoped("does not mind a command that does not read, nor one that prints a lot", () =>
    Effect.gen(function* () {
      const deaf = yield* pager(shell("exec 0<&-; exit 0"), { max_output_bytes: 4_000_000 })
      yield* deaf.send("x".repeat(3_000_000))
      const loud = yield* pager([
        process.execPath,
        "-e",
        "process.stdout.write('x'.repeat(3e6)); process.stderr.write('y'.repeat(3e6))"
      ])
      yield* loud.send()
    })
  )

  it.scoped("is refused for good by 64 and 65, and for now by all else", () =>
    Effect.gen(function* () {
      for (const [code, permanent] of [
        [64, true],
        [65, true],
        [1, false],
        [75, false],
        [127, false],
        [255, false]
      ] as const) {
        assert.deepStrictEqual(yield* failing(shell(`exit ${code}`)), {
          permanent,
          message: `sh exited with code ${code}`
        })
      }
      assert.deepStrictEqual(yield* failing(shell("kill -9 $$")), {
        permanent: false,
        message: "sh was killed by SIGKILL"
      })
    })
  )

  it.scoped("says what the command said last, without what could steer a terminal", () =>
    Effect.gen(function* () {
      const { message } = yield* failing(shell(`printf 'first\\n\\033[31mno  \u202epager\u061c\\n' >&2; exit 1`))
      assert.strictEqual(message, "sh exited with code 1: first ␛[31mno pager")
      const long = yield* failing([
        process.execPath,
        "-e",
        "process.stderr.write('💾'.repeat(3000) + 'end'); process.exitCode = 1"
      ])
      assert.strictEqual(long.message, `${process.execPath} exited with code 1: ${"💾".repeat(197)}end`)
    })
  )

  it.scoped("does not repeat what the command repeats of its arguments", () =>
    Effect.gen(function* () {
      const args = [
        "s3cr3t/argument",
        "--token=s3cr3t-value",
        "X-Key: Bearer s3cr3t-bearer",
        "-v",
        "https://x/s3cr3t-in-the-path1"
      ]
      const said = [args[0], "s3cr3t-value", "s3cr3t-bearer", "s3cr3t-in-the-path1", "S3CR3T\\/ARGUMENT", "-v"].join(
        " "
      )
      const say = (before: string, after: string): Command => [
        process.execPath,
        "-e",
        `process.stderr.write(${before} + ${JSON.stringify(said)} + ${after}); process.exitCode = 1`,
        "--",
        ...args
      ]
      const { message } = yield* failing(say("''", "''"))
      assert.strictEqual(message, `${process.execPath} exited with code 1: ${"[redacted] ".repeat(5)}-v`)
      // Wherever the end of what it said begins.
      for (const length of [150, 170, 190, 700, 790, 795, 800]) {
        const cut = yield* failing(say("'x'.repeat(5_000)", `' '.repeat(${length}) + 'end'`))
        assert.notMatch(cut.message, /s3cr3t|argument|value|bearer|path1/i)
      }
    })
  )

  it.scoped("does not show the end of a long argument either", () =>
    Effect.gen(function* () {
      const long = Array.from({ length: 300 }, (_, n) => `part-${n}`).join(" ")
      const script =
        "const it = process.argv[1]; process.stderr.write((it + '\\n').repeat(20) + 'end'); process.exitCode = 1"
      const { message } = yield* failing([process.execPath, "-e", script, long])
      assert.match(message, /exited with code 1: (?:\[redacted\] )*end$/)
    })
  )

  it.scoped("cannot start what is not there", () =>
    Effect.gen(function* () {
      const { message, permanent } = yield* failing(["no-such-program-here"])
      assert.isTrue(permanent)
      assert.match(message, /^cannot start "no-such-program-here": no such program; install it, or correct the command/)
    })
  )

  it.scoped("ends the command and all it started when it takes too long", () =>
    Effect.gen(function* () {
      const script = "echo waiting >&2; sleep 1000 & echo $! > child.new; mv child.new child; wait"
      const { directory, read, send } = yield* pager(shell(script), { timeout: "20s" })
      const sending = yield* Effect.fork(Effect.flip(send()))
      yield* until(() => existsSync(join(directory, "child")))
      yield* TestClock.adjust("19999 millis")
      assert.isTrue(isAlive(Number(read("child"))))
      yield* TestClock.adjust("1 millis")
      const { message, permanent } = yield* Fiber.join(sending)
      assert.deepStrictEqual([permanent, message], [false, "sh took longer than 20s: waiting"])
      assert.isFalse(isAlive(Number(read("child"))))
    })
  )

  it.scoped("ends the command when the delivery is interrupted", () =>
    Effect.gen(function* () {
      const { directory, read, send } = yield* pager(
        shell("sleep 1000 & echo $! > child.new; mv child.new child; wait")
      )
      const sending = yield* Effect.fork(send())
      yield* until(() => existsSync(join(directory, "child")))
      yield* Fiber.interrupt(sending)
      assert.isFalse(isAlive(Number(read("child"))))
    })
  )

  it.scoped("leaves nothing of a command behind that succeeded", () =>
    Effect.gen(function* () {
      const { read, send } = yield* pager(shell("sleep 1000 & echo $! > child"))
      yield* send()
      assert.isFalse(isAlive(Number(read("child"))))
    })
  )
})

describe("the router", () => {
  it.scoped("prefers a channel in code to a command of the same name", () =>
    Effect.gen(function* () {
      const { directory, layers } = yield* inFolder(shell("cat > output"))
      const paged: Array<string> = []
      const inCode = CustomChannels.layer({ pager: (_, __, output) => Effect.sync(() => void paged.push(output)) })
      const stdout = Layer.succeed(StandardOutput, { isTTY: false, write: () => Effect.void })
      for (const custom of [Layer.empty, inCode]) {
        const router = DeliveryRouter.layer.pipe(Layer.provide([custom, stdout, layers]))
        yield* Effect.flatMap(DeliveryRouter, ({ route }) =>
          route("custom:pager", jobNamed("nightly"), finishedRun(), custom === inCode ? "by code" : "by command")
        ).pipe(Effect.provide(router))
      }
      assert.deepStrictEqual(paged, ["by code"])
      assert.strictEqual(readFileSync(join(directory, "output"), "utf8"), "by command")
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
