import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { RunId } from "../src/Domain/Ids.ts"
import { maxRunLogBytes, RunLogs } from "../src/RunLogs.ts"
import { Settings } from "../src/Settings.ts"
import { temporaryData } from "./support/Folder.ts"

const layer = RunLogs.Default.pipe(Layer.provideMerge(temporaryData))
const run = RunId.make("run_01jq0000000000000000000000")
const other = RunId.make("run_01jq0000000000000000000001")

const everything = (logs: RunLogs, id: RunId) =>
  Effect.map(Stream.runCollect(logs.follow(id)), (texts) => Chunk.toReadonlyArray(texts).join(""))

describe("RunLogs", () => {
  it.effect("keeps one log per run", () =>
    Effect.gen(function* () {
      const logs = yield* RunLogs
      yield* logs.append(run, "one\n")
      yield* logs.append(other, "else\n")
      yield* logs.append(run, "two é\n")
      assert.strictEqual(yield* logs.read(run), "one\ntwo é\n")
      assert.strictEqual(yield* logs.read(other), "else\n")
    }).pipe(Effect.provide(layer))
  )

  it.effect("reads a log that nobody wrote as empty", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* RunLogs.pipe(Effect.flatMap((logs) => logs.read(run))), "")
    }).pipe(Effect.provide(layer))
  )

  it.effect("cuts at 1 MiB, between characters, once, and also after a restart", () =>
    Effect.gen(function* () {
      const write = (text: string) => Effect.flatMap(RunLogs, (logs) => logs.append(run, text))
      const fresh = Effect.provide(RunLogs.Default)
      yield* write(`x${"é".repeat(400_000)}`).pipe(fresh)
      yield* Effect.zipRight(write("é".repeat(200_000)), write("more")).pipe(fresh)
      yield* write("even more").pipe(fresh)
      const text = yield* Effect.flatMap(RunLogs, (logs) => logs.read(run)).pipe(fresh)
      const [kept = "", mark, ...rest] = text.split("\n")
      assert.strictEqual(Buffer.byteLength(kept), maxRunLogBytes - 1)
      assert.notInclude(kept, "\uFFFD")
      assert.strictEqual(mark, "[log cut at 1048576 bytes]")
      assert.deepStrictEqual(rest, [""])
    }).pipe(Effect.provide(temporaryData))
  )

  it.effect("shows a follower what is there, then what comes, until the end", () =>
    Effect.gen(function* () {
      const logs = yield* RunLogs
      yield* logs.append(run, "before\n")
      const sawBefore = yield* Deferred.make<void>()
      const sawBetween = yield* Deferred.make<void>()
      let seen = ""
      const follower = yield* logs.follow(run).pipe(
        Stream.runForEach((text) => {
          seen += text
          return seen === "before\n"
            ? Deferred.succeed(sawBefore, undefined)
            : seen === "before\nbetween\n"
              ? Deferred.succeed(sawBetween, undefined)
              : Effect.void
        }),
        Effect.fork
      )
      yield* Deferred.await(sawBefore)
      yield* logs.append(run, "between\n")
      yield* Deferred.await(sawBetween)
      yield* logs.append(run, "last\n")
      yield* logs.end(run)
      yield* Fiber.join(follower)
      assert.strictEqual(seen, "before\nbetween\nlast\n")
    }).pipe(Effect.provide(layer))
  )

  it.effect("gives followers that came early, late and after the end the same text", () =>
    Effect.gen(function* () {
      const logs = yield* RunLogs
      const early = yield* Effect.fork(everything(logs, run))
      const lines = Array.from({ length: 50 }, (_, index) => `line ${index} ±\n`)
      yield* Effect.forEach(lines.slice(0, 25), (line) => logs.append(run, line))
      const late = yield* Effect.fork(everything(logs, run))
      yield* Effect.forEach(lines.slice(25), (line) => logs.append(run, line))
      yield* logs.end(run)
      const texts = [yield* Fiber.join(early), yield* Fiber.join(late), yield* everything(logs, run)]
      assert.deepStrictEqual(texts, Array(3).fill(lines.join("")))
    }).pipe(Effect.provide(layer))
  )

  it.effect("ends a follower of a run that never logged", () =>
    Effect.gen(function* () {
      const logs = yield* RunLogs
      const follower = yield* Effect.fork(everything(logs, run))
      yield* Effect.yieldNow()
      yield* logs.end(run)
      assert.strictEqual(yield* Fiber.join(follower), "")
    }).pipe(Effect.provide(layer))
  )

  it.effect("does not fail a run whose log cannot be written", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { data_dir } = yield* Settings
      yield* fs.writeFileString(`${data_dir}/logs`, "a file where the folder should be")
      const logs = yield* RunLogs
      yield* logs.append(run, "lost")
      yield* fs.remove(`${data_dir}/logs`)
      yield* logs.append(run, "kept")
      assert.strictEqual(yield* logs.read(run), "kept")
    }).pipe(Effect.provide(layer))
  )
})
