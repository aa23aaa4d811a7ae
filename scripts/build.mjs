// Builds dist: the bundled CLI (dist/cli.js, its chunks, its help pages, on Node 20 also compiled), then the library with its types (dist/lib).
// With the argument "cli" only the first; with "stale" only what is missing or older than its sources.
import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import module, { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const require = createRequire(import.meta.url)
const { enableCompileCache } = module

const step = async (name, work) => {
  const start = performance.now()
  try {
    await work()
    process.stdout.write(`build: ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)\n`)
  } catch (error) {
    process.stderr.write(`build: ${name} failed: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  }
}

const asked = process.argv[2]

const changed = (path) => statSync(join(root, path)).mtimeMs
const sources = readdirSync(join(root, "src"), { recursive: true }).map((path) => join("src", path))
const newest = Math.max(
  ...[...sources, "src", "package.json", "tsconfig.json", "tsconfig.build.json", "scripts/build.mjs"].map(changed)
)
const isFresh = (path) => asked === "stale" && existsSync(join(root, path)) && changed(path) > newest

const external = ["better-sqlite3"]

const common = {
  absWorkingDir: root,
  outdir: "dist",
  bundle: true,
  platform: "node",
  target: "node20",
  external,
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: false,
  legalComments: "none",
  logLevel: "warning"
}

const bundle = async () => {
  const { build } = await import("esbuild")
  rmSync(join(root, "dist", "chunks"), { recursive: true, force: true })
  await build({
    ...common,
    entryPoints: { cli: "src/bin.ts", help: "src/help.ts", selftestService: "src/selftestService.ts" },
    chunkNames: "chunks/[name]-[hash]",
    splitting: true,
    format: "esm",
    // Some dependencies are CommonJS and ask for Node's own modules.
    banner: {
      js: 'import { createRequire as nodeRequire } from "node:module"; const require = nodeRequire(import.meta.url);'
    }
  })
}

const symbi = join(root, "bin", "symbi.js")

/** A service that has come up in a folder of its own, and was stopped. */
const serviceOnce = async () => {
  const folder = mkdtempSync(join(root, "dist", "service-"))
  // It is not to be told what the operator's services are told, such as where their traces go.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(SYMBI|OTEL)_/.test(name)))
  const options = { cwd: folder, env, stdio: ["ignore", "ignore", "pipe"], timeout: 60_000 }
  const service = spawn(process.execPath, [symbi, "up", "--port", "0", "--data", folder], options)
  const ended = new Promise((resolve) => service.once("close", resolve))
  let said = ""
  service.stderr.setEncoding("utf8").on("data", (text) => {
    said += text
    if (said.includes("Ctrl-C stops")) service.kill("SIGTERM")
  })
  await ended
  rmSync(folder, { recursive: true, force: true })
}

/** See bin/compiled.js. A service has loaded all that it needs, and so a command that asks one. */
const compile = async () => {
  const { build } = await import("esbuild")
  // What was compiled of another text of the same length would be taken for this one's.
  rmSync(join(root, "dist", "cli.cache"), { force: true })
  await build({
    ...common,
    entryPoints: { cli: "src/bin.ts" },
    format: "cjs",
    outExtension: { ".js": ".cjs" },
    supported: { "dynamic-import": false }
  })
  await serviceOnce()
  // Not worth failing for: the first command compiles it, too.
  if (!existsSync(join(root, "dist", "cli.cache"))) process.stdout.write("build: dist/cli.cache is left to first use\n")
}

const helpPages = () => {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [join(root, "dist", "help.js")], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
    maxBuffer: 2 ** 24
  })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`the help pages cannot be made: ${stderr}`)
  writeFileSync(join(root, "dist", "help.json"), stdout)
}

const library = () => {
  rmSync(join(root, "dist", "lib"), { recursive: true, force: true })
  const tsc = join(dirname(require.resolve("typescript/package.json")), "bin", "tsc")
  const { status, error } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], {
    cwd: root,
    stdio: "inherit"
  })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error("the sources have type errors; see above")
}

const isCompiled = enableCompileCache !== undefined || isFresh("dist/cli.cache")
if (!isFresh("dist/cli.js") || !isFresh("dist/help.json") || !isCompiled) {
  await step("dist/cli.js", bundle)
  await step("dist/help.json", helpPages)
  if (enableCompileCache === undefined) await step("dist/cli.cache", compile)
}
if (asked !== "cli" && !(isFresh("dist/lib/index.js") && isFresh("dist/lib/testing.js")))
  await step("dist/lib", library)
