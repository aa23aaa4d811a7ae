import { spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { build } from "esbuild"

// `npm run test:dsl`: 100,000 damaged files are read, printed and formatted; the first that breaks a rule is shrunk
// and shown, and ends it with 1. After `--`: `--cases=5000`, `--seed=1`.
const root = new URL("../..", import.meta.url).pathname
const folder = await mkdtemp(join(tmpdir(), "symbiont-dsl-"))
const outfile = join(folder, "long.cjs")
await build({
  entryPoints: [join(root, "test/Dsl/Long.ts")],
  outfile,
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  // Fixtures are found from here, wherever the bundle is.
  define: { "import.meta.url": JSON.stringify(new URL("Long.ts", import.meta.url).href) },
  logLevel: "error"
})
const child = spawn(process.execPath, [outfile, ...process.argv.slice(2)], { stdio: "inherit" })
child.on("close", async (code) => {
  await rm(folder, { recursive: true, force: true })
  process.exitCode = code ?? 1
})
