import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))

const newest = (folder: string): number =>
  Math.max(...readdirSync(folder, { recursive: true }).map((path) => statSync(join(folder, String(path))).mtimeMs))

/** Builds the command-line program once before the tests, when it is missing or older than its sources. */
export default () => {
  const built = join(root, "dist", "cli.js")
  const build = join(root, "scripts", "build.mjs")
  const sources = Math.max(newest(join(root, "src")), statSync(build).mtimeMs)
  if (existsSync(built) && statSync(built).mtimeMs > sources) return
  execFileSync(process.execPath, [build, "cli"], { stdio: "inherit" })
}
