import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import { build } from "esbuild"

const root = new URL("../..", import.meta.url).pathname

/** Bundles a program of `test/support` for Node; gives the path of the bundle, which goes with the scope. */
export const bundled = Effect.fnUntraced(function* (program: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "symbiont-bundle-" })
  const outfile = path.join(folder, `${path.parse(program).name}.cjs`)
  yield* Effect.promise(() =>
    build({
      entryPoints: [path.join(root, "test/support", program)],
      outfile,
      bundle: true,
      platform: "node",
      format: "cjs",
      target: "node20",
      external: ["better-sqlite3"],
      logLevel: "error"
    })
  )
  return outfile
})

/** How a child process ended, and what it said. */
export interface ChildEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A running child: what it has said so far ends when `said` is seen, and it ends by itself or by `kill`. */
export interface Child {
  readonly said: (text: string) => Effect.Effect<void>
  readonly ended: Effect.Effect<ChildEnd>
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
}

const listen = (process: ChildProcess): Child => {
  let stdout = ""
  let stderr = ""
  const closed = once(process, "close")
  process.stdout?.on("data", (chunk) => {
    stdout += chunk
  })
  process.stderr?.on("data", (chunk) => {
    stderr += chunk
  })
  const said = (text: string) =>
    Effect.async<void>((resume) => {
      const look = () => {
        if (stdout.includes(text)) resume(Effect.void)
      }
      process.stdout?.on("data", look)
      process.on("close", () => resume(Effect.dieMessage(`ended without saying "${text}": ${stdout}${stderr}`)))
      look()
    })
  return {
    said,
    ended: Effect.map(
      Effect.promise(() => closed),
      ([code, signal]) => ({ code, signal, stdout, stderr })
    ),
    kill: (signal) => Effect.sync(() => void process.kill(signal))
  }
}

/** Runs a bundled program; it is killed with the scope if it still runs then. */
export const child = (bundle: string, ...args: ReadonlyArray<string>) =>
  Effect.map(
    Effect.acquireRelease(
      // Bundles lie outside the project and load the database driver from it.
      Effect.sync(() =>
        spawn(process.execPath, [bundle, ...args], { env: { ...process.env, NODE_PATH: `${root}node_modules` } })
      ),
      (running) => Effect.sync(() => void running.kill("SIGKILL"))
    ),
    listen
  )
