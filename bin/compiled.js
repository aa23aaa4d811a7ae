import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import Module, { createRequire } from "node:module"
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"
import { Script } from "node:vm"

const file = fileURLToPath(new URL("../dist/cli.cjs", import.meta.url))
const cache = fileURLToPath(new URL("../dist/cli.cache", import.meta.url))

const read = () => {
  try {
    return readFileSync(cache)
  } catch {
    return undefined
  }
}

// V8 knows a text by its length alone, so a program that was built anew meanwhile must not get what was compiled of this
// one. Where the folder cannot be written to, the program only starts more slowly.
const keep = (script, source) => {
  const part = `${cache}.${process.pid}`
  try {
    if (readFileSync(file, "utf8") !== source) return
    writeFileSync(part, script.createCachedData())
    renameSync(part, cache)
  } catch {
    rmSync(part, { force: true })
  }
}

/**
 * Runs the program from one file with what V8 compiled of it before: Node 20 has no compile cache of its own. V8 refuses
 * what another version of it compiled; then what it compiles now is kept.
 */
export const runCompiled = () => {
  const cachedData = read()
  const source = readFileSync(file, "utf8")
  const script = new Script(Module.wrap(source), { filename: file, cachedData })
  if (cachedData === undefined || script.cachedDataRejected) process.once("exit", () => keep(script, source))
  const module = { exports: {} }
  const program = script.runInThisContext()
  program.call(module.exports, module.exports, createRequire(file), module, file, dirname(file))
}
