// Makes sure that better-sqlite3's native part is there: npm may have held back its install script.
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"

const require = createRequire(import.meta.url)

const folder = () => {
  try {
    return dirname(require.resolve("better-sqlite3/package.json"))
  } catch {
    process.stderr.write("native: better-sqlite3 is not installed; run npm ci\n")
    process.exit(1)
  }
}

// In a process of its own: a binary that failed to load once is not looked at again.
const check = `new (require("better-sqlite3"))(":memory:").close()`
const loads = (cwd) => spawnSync(process.execPath, ["-e", check], { cwd, stdio: "ignore" }).status === 0

/** The script of an installed command-line package, run by this Node. */
const scriptOf = (from, name, script) => {
  try {
    const path = join(dirname(createRequire(join(from, "package.json")).resolve(`${name}/package.json`)), script)
    return existsSync(path) ? path : undefined
  } catch {
    return undefined
  }
}

const attempts = (cwd) => {
  const prebuild = scriptOf(cwd, "prebuild-install", "bin.js")
  const npm = process.env.npm_execpath
  const bundledGyp = npm === undefined ? undefined : scriptOf(dirname(dirname(npm)), "node-gyp", "bin/node-gyp.js")
  return [
    prebuild && [process.execPath, [prebuild]],
    bundledGyp && [process.execPath, [bundledGyp, "rebuild", "--release"]],
    ["npx", ["--no-install", "node-gyp", "rebuild", "--release"]],
    ["npm", ["rebuild", "better-sqlite3", "--foreground-scripts"]]
  ].filter((attempt) => attempt !== undefined)
}

const cwd = folder()
if (!loads(cwd)) {
  process.stdout.write("native: better-sqlite3 has no binary yet; fetching or compiling it\n")
  const log = []
  const done = attempts(cwd).some(([command, args]) => {
    const root = command === "npm" ? dirname(dirname(cwd)) : cwd
    const { stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: "utf8" })
    log.push(`$ ${command} ${args.join(" ")}\n${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}`)
    return loads(cwd)
  })
  if (!done) {
    process.stderr.write(`${log.map((text) => text.slice(-2_000)).join("\n")}\n`)
    process.stderr.write(
      "native: better-sqlite3 has no prebuilt binary for this machine and no working compiler was found; " +
        "install python3, make and g++, then run npm ci again\n"
    )
    process.exit(1)
  }
  process.stdout.write("native: better-sqlite3 is ready\n")
}
