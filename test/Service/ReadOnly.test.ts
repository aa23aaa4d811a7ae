import { execFileSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { bundled } from "../support/Child.ts"
import { folderWith, startService } from "../support/Service.ts"
import { canMount, livesThrough, smallFileSystem, works } from "../support/StorageFault.ts"
import { symbi } from "../support/Symbi.ts"

const readOnly = { code: "STORAGE_READ_ONLY", says: "the disk is read-only" }
const failing = { code: "STORAGE_FAILING", says: "the disk reports errors" }

/** Sets the size beyond which the files of a process cannot be written: each write there then fails, in the kernel. */
const fileSize = (limit: string) => (service: { readonly pid: number }) =>
  Effect.sync(() => execFileSync("prlimit", ["--pid", String(service.pid), `--fsize=${limit}:unlimited`]))

const hasPrlimit = await Effect.runPromise(works("prlimit", "--version"))

describe.concurrent("a service on a disk that takes no writes", { timeout: 90_000 }, () => {
  it.scopedLive("because it is read-only goes on reading, says so, and recovers by itself", () =>
    Effect.gen(function* () {
      const bundle = yield* bundled("FailingService.ts")
      const folder = yield* folderWith({})
      yield* livesThrough(folder, {
        ...readOnly,
        instead: [bundle, "read_only"],
        begin: ({ signal }) => signal("SIGUSR2"),
        end: ({ signal }) => signal("SIGUSR2")
      })
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.skipIf(!hasPrlimit)("because of I/O errors goes on reading, says so, and recovers by itself", () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const folder = yield* folderWith({})
        yield* livesThrough(folder, { ...failing, begin: fileSize("1"), end: fileSize("unlimited") })
      }).pipe(Effect.scoped)
    )
  )
})

describe.skipIf(!canMount)("a start", () => {
  it.scopedLive("on a read-only disk ends with one line that says so", () =>
    Effect.gen(function* () {
      const folder = yield* smallFileSystem(8)
      const service = yield* startService({ folder })
      yield* service.signal("SIGTERM")
      assert.strictEqual(yield* service.exitCode, 0)
      assert.isTrue(yield* works("mount", "-o", "remount,ro", folder))
      const started = yield* symbi(["up", "--port", "0"], { cwd: folder })
      assert.strictEqual(started.code, 1)
      assert.strictEqual(started.stdout, "")
      assert.match(started.stderr, /^[^\n]*read-only[^\n]*\n$/)
      const fresh = yield* symbi(["up", "--port", "0", "--data", join(folder, "other")], { cwd: folder })
      assert.strictEqual(fresh.code, 1)
      assert.match(fresh.stderr, /^[^\n]*read-only[^\n]*\n$/)
      const { stdout } = yield* symbi(["doctor", "--format", "json", "--server", "http://127.0.0.1:9"], { cwd: folder })
      assert.include(stdout, "is not writable: its disk is read-only")
    })
  )

  it.scopedLive("on a full disk ends with one line that says so", () =>
    Effect.gen(function* () {
      const folder = yield* smallFileSystem(1)
      mkdirSync(join(folder, ".symbi"))
      yield* works("sh", "-c", `head -c 900000 /dev/zero > ${folder}/ballast`)
      const started = yield* symbi(["up", "--port", "0"], { cwd: folder })
      assert.strictEqual(started.code, 1, started.stderr)
      assert.match(started.stderr, /^[^\n]*disk is full[^\n]*\n$/)
      yield* works("rm", `${folder}/ballast`)
      const service = yield* startService({ folder })
      yield* service.signal("SIGTERM")
      assert.strictEqual(yield* service.exitCode, 0)
    })
  )
})
