import { mkdirSync, realpathSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { baseOf, makePlace } from "../../src/Selftest/Place.ts"
import { judgeDisks, judgeSync } from "../../src/Selftest.ts"
import { folderWith } from "../support/Service.ts"

describe("the place of a self-test", () => {
  it.scoped("is on the disk of the data folder, and never in it", () =>
    Effect.gen(function* () {
      const folder = realpathSync(yield* folderWith({}))
      const data = join(folder, "data")
      // Nothing tells on which disk it will be.
      assert.isUndefined(yield* baseOf(undefined, data))
      mkdirSync(data)
      assert.strictEqual(yield* baseOf(undefined, data), folder)
      assert.strictEqual(yield* baseOf("/elsewhere", data), "/elsewhere")
      assert.strictEqual(yield* baseOf(`${data}-beside`, data), `${data}-beside`)
      for (const named of [data, `${data}/`, join(data, "inner"), join(data, "..", "data")]) {
        assert.isTrue((yield* Effect.flip(baseOf(named, data))).wrongUse, named)
      }
      const link = join(folder, "link")
      symlinkSync(data, link)
      for (const [named, of] of [
        [join(link, "inner"), data],
        [data, link],
        [link, join(link, "..", "data")]
      ] as const) {
        assert.isTrue((yield* Effect.flip(baseOf(named, of))).wrongUse, `${named} of ${of}`)
      }
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("goes with the scope, unless it is kept; when that is interrupted, always", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const base = yield* folderWith({})
      const isLeft = (isKept: boolean, then: Effect.Effect<void>) =>
        Effect.gen(function* () {
          let made = ""
          const use = Effect.flatMap(
            makePlace(base, () => isKept),
            ({ folder }) => {
              made = folder
              return then
            }
          )
          const exit = yield* Effect.exit(Effect.scoped(use))
          assert.isTrue(made.startsWith(base))
          return [Exit.isSuccess(exit), yield* fs.exists(made)]
        })
      assert.deepStrictEqual(yield* isLeft(false, Effect.void), [true, false])
      assert.deepStrictEqual(yield* isLeft(true, Effect.void), [true, true])
      assert.deepStrictEqual(yield* isLeft(true, Effect.interrupt), [false, false])
    }).pipe(Effect.provide(NodeContext.layer))
  )
})

describe("the disk that is tried", () => {
  it("is told of where it is not that of the data folder", () => {
    assert.deepStrictEqual([judgeDisks("/data", 7, 7), judgeDisks("/data", undefined, 7)], [[], []])
    assert.deepStrictEqual(judgeDisks("/data", 7, 8), [
      "this is not the disk of /data; name a folder on it with --folder"
    ])
  })
})

describe("fsync", () => {
  it("is doubted where it is too fast for a disk, in memory, or slow", () => {
    assert.deepStrictEqual(judgeSync(800, false), [])
    assert.match(judgeSync(12, false).join(), /an fsync of 12 µs probably reaches no disk/)
    assert.match(judgeSync(800, true).join(), /in memory/)
    assert.match(judgeSync(80_000, false).join(), /slow: each commit waits 80 ms/)
  })
})
