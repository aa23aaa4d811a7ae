import { spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { build } from "esbuild"

// Bundles the benchmarks and runs them in a process of their own. `--quick`: 20 s; `--only=wake,start`; `--prof`: a
// CPU profile is left in the working folder.
const root = new URL("..", import.meta.url).pathname
const folder = await mkdtemp(join(tmpdir(), "symbiont-bench-"))
const outfile = join(folder, "bench.cjs")
await build({
  entryPoints: [join(root, "bench/Main.ts")],
  outfile,
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  external: ["better-sqlite3"],
  logLevel: "error"
})
const flags = process.argv.slice(2)
const profiling = flags.includes("--prof") ? ["--cpu-prof"] : []
const child = spawn(process.execPath, [...profiling, outfile, ...flags], {
  stdio: "inherit",
  env: { ...process.env, NODE_PATH: join(root, "node_modules"), BENCH_RESULTS: join(root, "bench/results.json") }
})
child.on("close", async (code) => {
  await rm(folder, { recursive: true, force: true })
  process.exitCode = code ?? 1
})
