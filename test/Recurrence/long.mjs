import { spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { build } from "esbuild"

// `npm run test:time`: 1,000,000 random cases around all transitions of all zones, on all cores; differences are
// printed as they are found, and any difference ends it with 1. After `--`: `--cases=50000`, `--seed=1`, `--workers=1`,
// `--probe=1` (hours between two looks for transitions; 6 unless told).
const root = new URL("../..", import.meta.url).pathname
const folder = await mkdtemp(join(tmpdir(), "symbiont-time-"))
const outfile = join(folder, "long.cjs")
await build({
  entryPoints: [join(root, "test/Recurrence/Long.ts")],
  outfile,
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  logLevel: "error"
})
const child = spawn(process.execPath, [outfile, ...process.argv.slice(2)], { stdio: "inherit" })
child.on("close", async (code) => {
  await rm(folder, { recursive: true, force: true })
  process.exitCode = code ?? 1
})
