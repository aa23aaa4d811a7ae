import { spawnSync } from "node:child_process"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as fc from "fast-check"
import { neutralise } from "../src/ControlCharacters.ts"
import { safeName } from "../src/Delivery/LogFile.ts"
import { CurrentDelivery, CustomChannels, DeliveryRouter, StandardOutput } from "../src/Delivery.ts"
import { ServiceEnvironment } from "../src/ServiceEnvironment.ts"
import { Settings } from "../src/Settings.ts"
import { finishedRun, jobNamed } from "./Delivery/fixtures.ts"
import { temporaryData } from "./support/Folder.ts"
import { bundled } from "./support/Program.ts"

const job = jobNamed("nightly")

const routerWith = (stdout: Layer.Layer<StandardOutput>, custom: Layer.Layer<never> = Layer.empty) =>
  DeliveryRouter.layer.pipe(
    Layer.provide([stdout, custom, ServiceEnvironment.layer({ variables: {}, directory: "." })]),
    Layer.provideMerge(temporaryData)
  )

const terminal = (isTTY: boolean, printed: Array<string>) =>
  Layer.succeed(StandardOutput, { isTTY, write: (text) => Effect.sync(() => void printed.push(text)) })

const route = (...args: Parameters<(typeof DeliveryRouter.Service)["route"]>) =>
  Effect.flatMap(DeliveryRouter, (router) => router.route(...args))

const steering = "\u001b[2Jgone\u009b1m\r\nrest\ttab\u007f"

describe("the stdout channel", () => {
  it.effect("prints a header and the output", () => {
    const printed: Array<string> = []
    return Effect.gen(function* () {
      yield* route("stdout", job, finishedRun(), "two\nlines")
      assert.strictEqual(printed.join(""), "── nightly · succeeded · 2026-02-15T14:30:00.000Z ──\ntwo\nlines\n")
    }).pipe(Effect.provide(routerWith(terminal(true, printed))))
  })

  it.effect("shows control characters on a terminal instead of sending them", () => {
    const printed: Array<string> = []
    return Effect.gen(function* () {
      yield* route("stdout", job, finishedRun(), steering)
      assert.match(printed.join(""), /──\n␛\[2Jgone<9b>1m\nrest\ttab␡\n$/)
    }).pipe(Effect.provide(routerWith(terminal(true, printed))))
  })

  it.effect("passes output on unchanged where no terminal is", () => {
    const printed: Array<string> = []
    return Effect.gen(function* () {
      yield* route("stdout", job, finishedRun(), steering)
      assert.include(printed.join(""), steering)
    }).pipe(Effect.provide(routerWith(terminal(false, printed))))
  })

  it.effect("fails for now when the reader is gone", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(route("stdout", job, finishedRun(), "x"))
      assert.deepStrictEqual([failure.permanent, failure.message], [false, "standard output cannot be written: EPIPE"])
    }).pipe(
      Effect.provide(routerWith(Layer.succeed(StandardOutput, { isTTY: false, write: () => Effect.fail("EPIPE") })))
    )
  )

  it("leaves no control character but newline and tab", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
        assert.notMatch(neutralise(`${text}\u001b\u0085`), /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/)
      })
    )
  })
})

describe("StandardOutput", () => {
  it.scoped("fails a write whose reader is gone instead of ending the process", () =>
    Effect.gen(function* () {
      const program = yield* bundled(new URL("./Delivery/programs/printsUntilClosed.ts", import.meta.url))
      const { status, stderr, stdout } = spawnSync("sh", ["-c", '"$0" "$1" | head -n 1', process.execPath, program], {
        encoding: "utf8"
      })
      assert.deepStrictEqual([status, stdout, stderr], [0, "line\n", "failed: write EPIPE, terminal: false"])
    }).pipe(Effect.provide(NodeContext.layer))
  )
})

describe("other channels", () => {
  it.effect("may be written in code", () => {
    const paged: Array<string> = []
    const pager = CustomChannels.layer({
      pager: (job, run, output) => Effect.sync(() => void paged.push(`${job.name} ${run.id} ${output}`))
    })
    return Effect.gen(function* () {
      yield* route("custom:pager", job, finishedRun(), "wake up")
      assert.deepStrictEqual(paged, ["nightly run_01jq0000000000000000000000 wake up"])
      const failure = yield* Effect.flip(route("custom:fax", job, finishedRun(), "x"))
      assert.isTrue(failure.permanent)
      assert.match(failure.message, /no channel custom:fax/)
    }).pipe(Effect.provide(routerWith(terminal(false, []), pager)))
  })
})

describe("the log_file channel", () => {
  it.effect("appends to one file per job, with a header per output", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { data_dir } = yield* Settings
      yield* route("log_file", job, finishedRun(), "one")
      yield* route("log_file", job, finishedRun({ status: "failed" }), "two\n")
      yield* route("log_file", jobNamed("other"), finishedRun(), "else")
      assert.strictEqual(
        yield* fs.readFileString(`${data_dir}/logs/jobs/nightly.log`),
        "2026-02-15T14:30:00.000Z run_01jq0000000000000000000000 succeeded\none\n" +
          "2026-02-15T14:30:00.000Z run_01jq0000000000000000000000 failed\ntwo\n"
      )
    }).pipe(Effect.provide(routerWith(terminal(false, []))))
  )

  it.effect("says of a notice that it is one, and when it was written", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2026, 1, 16))
      const notes = { id: "dlv_1", kind: "dead_letter", subject: "" } as const
      const sent = route("log_file", jobNamed("dies"), finishedRun({ status: "failed" }), "no more runs")
      yield* Effect.provideService(sent, CurrentDelivery, notes)
      const { data_dir } = yield* Settings
      const fs = yield* FileSystem.FileSystem
      assert.match(
        yield* fs.readFileString(`${data_dir}/logs/jobs/dies.log`),
        /^2026-02-16T00:00:00\.000Z run_\w+ dead letter\nno more runs\n$/
      )
    }).pipe(Effect.provide(routerWith(terminal(false, []))))
  )

  it.effect("never leaves its folder, whatever the job's name", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { data_dir } = yield* Settings
      const names = ["../../escape", "/etc/passwd", "..", ".", ".hidden", "a/b", "ä".repeat(200), "x\\y", "日本"]
      for (const name of names) yield* route("log_file", jobNamed(name), finishedRun(), "x")
      assert.lengthOf(yield* fs.readDirectory(`${data_dir}/logs/jobs`), names.length)
      assert.deepStrictEqual(yield* fs.readDirectory(data_dir), ["logs"])
      assert.deepStrictEqual(yield* fs.readDirectory(`${data_dir}/logs`), ["jobs"])
    }).pipe(Effect.provide(routerWith(terminal(false, []))))
  )

  it.effect("sets a file of 10 MiB aside and keeps five", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { data_dir } = yield* Settings
      const folder = `${data_dir}/logs/jobs`
      for (let n = 1; n <= 8; n++) yield* route("log_file", job, finishedRun(), `${n}`.repeat(6 * 1_048_576))
      assert.deepStrictEqual((yield* fs.readDirectory(folder)).sort(), [
        "nightly.log",
        "nightly.log.1",
        "nightly.log.2",
        "nightly.log.3",
        "nightly.log.4",
        "nightly.log.5"
      ])
      const lastOf = (file: string) => Effect.map(fs.readFileString(`${folder}/${file}`), (text) => text.at(-2))
      assert.deepStrictEqual(
        [yield* lastOf("nightly.log"), yield* lastOf("nightly.log.1"), yield* lastOf("nightly.log.5")],
        ["8", "7", "3"]
      )
    }).pipe(Effect.provide(routerWith(terminal(false, []))))
  )

  it.effect("keeps outputs whole that arrive together", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { data_dir } = yield* Settings
      const outputs = Array.from({ length: 20 }, (_, n) => `${n}-`.repeat(5_000))
      yield* Effect.forEach(outputs, (output) => route("log_file", job, finishedRun(), output), {
        concurrency: "unbounded"
      })
      const text = yield* fs.readFileString(`${data_dir}/logs/jobs/nightly.log`)
      const lines = text.split("\n").filter((_, index) => index % 2 === 1)
      assert.sameMembers(lines, outputs)
    }).pipe(Effect.provide(routerWith(terminal(false, []))))
  )

  it.effect("fails for now when the folder cannot be written", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { data_dir } = yield* Settings
      yield* fs.writeFileString(`${data_dir}/logs`, "in the way")
      const failure = yield* Effect.flip(route("log_file", job, finishedRun(), "x"))
      assert.deepStrictEqual([failure.channel, failure.permanent], ["log_file", false])
    }).pipe(Effect.provide(routerWith(terminal(false, []))))
  )

  it("gives every name a file of its own", () => {
    const name = fc.string({ unit: fc.constantFrom("a", "A", ".", "/", "%", "2", "F", "~", "é", "𝄞") })
    fc.assert(
      fc.property(name, name, (a, b) => {
        for (const pad of ["", "x".repeat(200)]) {
          assert.match(safeName(a + pad), /^$|^[A-Za-z0-9_%-][A-Za-z0-9._%-]*(~[0-9a-f]{32})?$/)
          assert.isAtMost(safeName(a + pad).length, 160)
          assert.strictEqual(safeName(a + pad) === safeName(b + pad), a === b)
        }
      })
    )
  })
})
