import { spawn, spawnSync } from "node:child_process"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { mkdir, mkdtemp, open, rm } from "node:fs/promises"
import { constants, cpus, tmpdir } from "node:os"
import { join } from "node:path"
import { build } from "esbuild"
import { endAll, kept, median } from "./processes.mjs"
import { lineOf, markdownOf, tableOf } from "./Table.mjs"

// Runs the benchmarks: those of the engine bundled into a process of their own, then those of the built service.
const root = new URL("..", import.meta.url).pathname
const results = join(root, "bench/results.json")
const flags = process.argv.slice(2)
const quick = flags.includes("--quick")
const only = flags
  .find((flag) => flag.startsWith("--only="))
  ?.slice("--only=".length)
  .split(",")
const asked = (part) => only === undefined || only.includes(part)

const engineParts = ["runs", "burst", "start", "flat", "create", "next", "dsl", "pipeline", "commit", "deliveries"]
const parts = [...engineParts, "idle", "cli", "http"]

const usage = `usage: npm run bench -- [--quick] [--only=<part>,...] [--table] [--prof] [--help]

  --quick   less of everything
  --only    these parts alone, the others' results stay: ${parts.slice(0, 9).join(", ")},
            ${parts.slice(9).join(", ")}
  --table   only print the last results as Markdown
  --prof    leave a CPU profile of the engine's process in the working folder
`

const print = (text) => process.stdout.write(`${text}\n`)

/** The programs that are measured beside this one have a package.json of their own. */
const installPeers = () => {
  if (existsSync(join(root, "bench/node_modules/plainjob"))) return
  const { status } = spawnSync("npm", ["ci", "--ignore-scripts"], { cwd: join(root, "bench"), stdio: "inherit" })
  if (status !== 0) process.exit(1)
}

const bundle = async (folder) => {
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
  return outfile
}

/** The engine's benchmarks, or with `--fill` only the big database. */
const engine = async (program, args, env) => {
  const profiling = flags.includes("--prof") ? ["--cpu-prof"] : []
  const child = kept(
    spawn(process.execPath, [...profiling, program, ...args], {
      stdio: "inherit",
      env: { ...process.env, NODE_PATH: join(root, "node_modules"), BENCH_FOLDER: join(root, "bench"), ...env }
    })
  )
  const code = await new Promise((resolve) => child.on("close", resolve))
  if (code !== 0) throw new Error(`the benchmarks of the engine ended with ${code}`)
}

/** What a durable write costs at least on this file system, in ms. */
const fsyncCost = async (folder) => {
  const file = await open(join(folder, "fsync"), "w")
  const times = []
  for (let i = 0; i < 200; i++) {
    await file.write(Buffer.alloc(4_096, i), 0, 4_096, i * 4_096)
    const start = performance.now()
    await file.datasync()
    times.push(performance.now() - start)
  }
  await file.close()
  return median(times)
}

const machineOf = async (folder) => ({
  cpu: cpus()[0]?.model ?? "unknown CPU",
  cores: cpus().length,
  node: process.version.slice(1),
  platform: `${process.platform} ${process.arch}`,
  fsync_ms: await fsyncCost(folder)
})

const measured = async (folder) => {
  const program = await bundle(folder)
  const big = join(folder, "big", "symbiont.db")
  const rowsFile = join(folder, "rows.json")
  const env = { BENCH_BIG: big, BENCH_ROWS: rowsFile }
  const rows = []
  if (engineParts.some(asked)) {
    await engine(program, flags, env)
    rows.push(...JSON.parse(readFileSync(rowsFile, "utf8")))
  }
  const added = (part, found) => {
    for (const row of found) {
      rows.push({ part, ...row })
      print(lineOf(row))
    }
  }
  if (asked("idle")) {
    if (!existsSync(big)) await engine(program, ["--fill", ...flags], env)
    added("idle", await (await import("./idle.mjs")).measureIdle(quick, big, quick ? "100,000" : "1,000,000"))
  }
  if (asked("cli")) added("cli", await (await import("./cli.mjs")).measureCli(quick))
  if (asked("http")) added("http", await (await import("./http/main.mjs")).measureHttp(quick))
  return rows
}

/** What was measured before of the parts that were not asked for now. */
const before = () => {
  if (only === undefined || !existsSync(results)) return []
  return JSON.parse(readFileSync(results, "utf8")).results.filter(({ part }) => !only.includes(part))
}

/** A signal ends what runs, and takes the folder with it. */
const endBySignals = (folder) => {
  let isEnding = false
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, async () => {
      if (isEnding) return
      isEnding = true
      await endAll()
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
      process.exit(128 + constants.signals[signal])
    })
  }
}

const known = ["--quick", "--table", "--prof"]
const strange = flags.find((flag) => !known.includes(flag) && !flag.startsWith("--only="))

if (flags.includes("--help")) {
  print(usage.trimEnd())
} else if (strange !== undefined) {
  process.stderr.write(`unknown: ${strange}\n${usage}`)
  process.exit(2)
} else if (flags.includes("--table")) {
  print(markdownOf(JSON.parse(readFileSync(results, "utf8"))))
} else {
  const unknown = only?.find((part) => !parts.includes(part))
  if (unknown !== undefined) {
    process.stderr.write(`there is no part ${unknown}; parts are ${parts.join(", ")}\n`)
    process.exit(2)
  }
  const begun = performance.now()
  installPeers()
  const folder = await mkdtemp(join(tmpdir(), "symbiont-bench-"))
  endBySignals(folder)
  // What the parts make for a while is in there, too.
  process.env["TMPDIR"] = folder
  try {
    await mkdir(join(folder, "big"))
    const machine = await machineOf(folder)
    const found = [...before(), ...(await measured(folder))]
    const sorted = parts.flatMap((part) => found.filter((row) => row.part === part))
    const date = new Date().toISOString()
    writeFileSync(results, `${JSON.stringify({ date, quick, machine, results: sorted }, null, 2)}\n`)
    print(`\n${tableOf(sorted)}`)
    print(`\n${((performance.now() - begun) / 60_000).toFixed(1)} minutes; all figures in bench/results.json`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
