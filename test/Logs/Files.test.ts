import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { SystemError } from "@effect/platform/Error"
import { FileSystem } from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import type { LogEntry } from "../../src/Domain/Log.ts"
import { makeLogFiles } from "../../src/Logs/Files.ts"
import { jsonLine } from "../../src/Logs/Service.ts"
import { filesOf, readTail } from "../../src/Logs/Tail.ts"
import { folderWith } from "../support/Service.ts"

const entry = (n: number, message = `entry ${n}`): LogEntry => ({
  id: `b.${n}`,
  time: n,
  level: n % 3 === 0 ? "warn" : "info",
  component: "scheduler",
  message,
  fields: { n }
})

const full = new SystemError({
  reason: "Unknown",
  module: "FileSystem",
  method: "writeFile",
  cause: Object.assign(new Error("no room"), { code: "ENOSPC" })
})

const making = Effect.fnUntraced(function* (folder: string, sizes: { max_bytes: number; max_files: number }) {
  const told: Array<string> = []
  const file = join(folder, "logs", "service.log")
  const files = yield* makeLogFiles<LogEntry>({
    file,
    ...sizes,
    line: jsonLine,
    missing: (count) => jsonLine(entry(0, `${count} missing`)),
    broken: (problem) => Effect.sync(() => told.push(problem))
  })
  return { file, files, told }
})

const all = (file: string, count: number, limit = 10_000) => readTail(filesOf(file, count - 1), limit, () => "take")

describe("the files of the log", () => {
  it.scoped("are set aside by size, and only so many are kept; nobody else may read them", () =>
    Effect.gen(function* () {
      const { file, files } = yield* making(yield* folderWith({}), { max_bytes: 1_000, max_files: 3 })
      for (let n = 0; n < 100; n++) {
        files.add(entry(n))
        if (n % 7 === 0) yield* files.flush
      }
      yield* files.flush
      for (const one of filesOf(file, 2)) {
        assert.isAtMost(statSync(one).size, 1_000)
        assert.strictEqual(statSync(one).mode & 0o777, 0o600)
      }
      assert.isFalse(existsSync(`${file}.3`))
      const kept = yield* all(file, 3)
      assert.isAbove(kept.length, 10)
      assert.deepStrictEqual(
        kept.map(({ time }) => time),
        Array.from(kept, (_, index) => 100 - kept.length + index)
      )
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("one file alone begins anew", () =>
    Effect.gen(function* () {
      const { file, files } = yield* making(yield* folderWith({}), { max_bytes: 300, max_files: 1 })
      for (let n = 0; n < 20; n++) files.add(entry(n))
      yield* files.flush
      assert.isFalse(existsSync(`${file}.1`))
      assert.strictEqual((yield* all(file, 1)).at(-1)?.time, 19)
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("a file or folder that somebody deletes is made again", () =>
    Effect.gen(function* () {
      const { file, files, told } = yield* making(yield* folderWith({}), { max_bytes: 10_000, max_files: 2 })
      for (const gone of [file, join(file, "..")]) {
        files.add(entry(1))
        yield* files.flush
        rmSync(gone, { recursive: true })
        files.add(entry(2))
        yield* files.flush
        assert.deepStrictEqual(
          (yield* all(file, 2)).map(({ time }) => time),
          [2]
        )
        rmSync(file)
      }
      assert.deepStrictEqual(told, [])
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("what cannot be written is told once, and counted where it is missing", () =>
    Effect.gen(function* () {
      const { file, files, told } = yield* making(yield* folderWith({}), { max_bytes: 10_000, max_files: 2 })
      mkdirSync(file, { recursive: true })
      for (let n = 1; n <= 3; n++) {
        files.add(entry(n))
        yield* files.flush
      }
      assert.strictEqual(told.length, 1)
      assert.include(told[0], "cannot be written")
      rmSync(file, { recursive: true })
      files.add(entry(4))
      yield* files.flush
      assert.deepStrictEqual(
        (yield* all(file, 2)).map(({ message }) => message),
        ["3 missing", "entry 4"]
      )
      assert.strictEqual(told.length, 1)
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("names a full disk", () =>
    Effect.gen(function* () {
      const { files, told } = yield* Effect.provideServiceEffect(
        making(yield* folderWith({}), { max_bytes: 10_000, max_files: 2 }),
        FileSystem,
        Effect.map(FileSystem, (fs): FileSystem => ({ ...fs, writeFileString: () => Effect.fail(full) }))
      )
      files.add(entry(1))
      yield* files.flush
      assert.match(told[0] ?? "", /cannot be written; .*\(ENOSPC\)$/)
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("more than can wait is dropped and counted", () =>
    Effect.gen(function* () {
      const { file, files } = yield* making(yield* folderWith({}), { max_bytes: 10_000_000, max_files: 2 })
      for (let n = 0; n < 10_005; n++) files.add(entry(n))
      yield* files.flush
      const entries = yield* all(file, 2, 20_000)
      assert.strictEqual(entries.at(-1)?.message, "5 missing", "they came after those that could wait")
      assert.strictEqual(entries.length, 10_001)
    }).pipe(Effect.provide(NodeContext.layer))
  )
})

describe("reading a log backwards", () => {
  it.scoped("finds the latest that are wanted, across files, whatever their lengths", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({})
      const file = join(folder, "service.log")
      const lengths = FastCheck.array(FastCheck.integer({ min: 0, max: 90_000 }), { maxLength: 12 })
      yield* Effect.promise(() =>
        FastCheck.assert(
          FastCheck.asyncProperty(lengths, FastCheck.nat(12), FastCheck.nat(14), async (sizes, cut, limit) => {
            const entries = sizes.map((size, n) => entry(n, "ä".repeat(size)))
            const texts = entries.map((one) => `${jsonLine(one)}\n`)
            writeFileSync(`${file}.1`, texts.slice(0, cut).join(""))
            writeFileSync(file, texts.slice(cut).join(""))
            const wanted = entries.filter(({ level }) => level === "warn")
            const found = await Effect.runPromise(
              readTail(filesOf(file, 3), limit + 1, (one) => (one.level === "warn" ? "take" : "leave")).pipe(
                Effect.provide(NodeContext.layer)
              )
            )
            assert.deepStrictEqual(found, wanted.slice(-limit - 1))
          }),
          { numRuns: 40 }
        )
      )
    })
  )

  it.scoped("leaves out what is no entry, such as half a line", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({
        "a.log": `${jsonLine(entry(1))}\n{"id":"b.2","ti\n\n[]\n${jsonLine(entry(3))}`
      })
      const found = yield* readTail([join(folder, "a.log"), join(folder, "none.log")], 10, () => "take")
      assert.deepStrictEqual(
        found.map(({ time }) => time),
        [1, 3]
      )
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
