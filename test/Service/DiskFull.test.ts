import { closeSync, openSync, rmSync, writeSync } from "node:fs"
import { join } from "node:path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { bundled } from "../support/Child.ts"
import { folderWith } from "../support/Service.ts"
import { canMount, livesThrough, smallFileSystem } from "../support/StorageFault.ts"

/** Writes to a file until nothing more has room, not even one byte. */
const fill = (file: string) =>
  Effect.sync(() => {
    const opened = openSync(file, "a")
    for (const size of [1_048_576, 4_096, 1]) {
      const bytes = Buffer.alloc(size)
      try {
        while (writeSync(opened, bytes) === size) {}
      } catch {
        // No room for so much.
      }
    }
    closeSync(opened)
  })

const full = { code: "STORAGE_FULL", says: "the disk is full" }

describe.concurrent("a service on a full disk", { timeout: 90_000 }, () => {
  it.scopedLive("goes on reading, says so, and recovers by itself", () =>
    Effect.gen(function* () {
      const bundle = yield* bundled("FailingService.ts")
      const folder = yield* folderWith({})
      yield* livesThrough(folder, {
        ...full,
        instead: [bundle, "full"],
        begin: ({ signal }) => signal("SIGUSR2"),
        end: ({ signal }) => signal("SIGUSR2")
      })
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.skipIf(!canMount)("whose logs, sessions and checkpoints have no room either", () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const folder = yield* smallFileSystem(24)
        const ballast = join(folder, "ballast")
        yield* livesThrough(folder, {
          ...full,
          begin: () => fill(ballast),
          end: () => Effect.sync(() => rmSync(ballast))
        })
      }).pipe(Effect.scoped)
    )
  )
})
