import { spawn, spawnSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { build } from "esbuild"

// Runs the benchmarks: those of the engine bundled into a process of their own, then those of the built service (its
// commands, its HTTP API). `--quick`: a minute; `--only=wake,start,cli,http`; `--prof`: a CPU profile of the first kind
// is left in the working folder.
const root = new URL("..", import.meta.url).pathname
const results = join(root, "bench/results.json")
const flags = process.argv.slice(2)
const quick = flags.includes("--quick")
const only = flags
  .find((flag) => flag.startsWith("--only="))
  ?.slice("--only=".length)
  .split(",")
const asked = (name) => only === undefined || only.includes(name)

const engine = async () => {
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
  const profiling = flags.includes("--prof") ? ["--cpu-prof"] : []
  const child = spawn(process.execPath, [...profiling, outfile, ...flags], {
    stdio: "inherit",
    env: { ...process.env, NODE_PATH: join(root, "node_modules"), BENCH_RESULTS: results }
  })
  const code = await new Promise((resolve) => child.on("close", resolve))
  await rm(folder, { recursive: true, force: true })
  if (code !== 0) process.exit(code ?? 1)
}

/** What the benchmarks compare with has a package.json of its own. */
const installPeers = () => {
  if (existsSync(join(root, "bench/node_modules/autocannon"))) return
  const { status } = spawnSync("npm", ["ci", "--ignore-scripts"], { cwd: join(root, "bench"), stdio: "inherit" })
  if (status !== 0) process.exit(1)
}

const told = (rows) => {
  for (const { name, unit, value } of rows) {
    const number = value < 100 ? value.toFixed(2) : Math.round(value).toLocaleString("en")
    process.stdout.write(`${name.padEnd(60)} ${number.padStart(10)} ${unit}\n`)
  }
  const before = JSON.parse(readFileSync(results, "utf8"))
  writeFileSync(results, `${JSON.stringify({ ...before, results: [...before.results, ...rows] }, null, 2)}\n`)
}

await engine()
if (asked("cli")) told(await (await import("./cli.mjs")).measureCli(quick))
if (asked("http")) {
  installPeers()
  told(await (await import("./http/main.mjs")).measureHttp(quick))
}
