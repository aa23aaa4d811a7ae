import { readFileSync, renameSync, writeFileSync } from "node:fs"
import Module, { createRequire } from "node:module"
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"
import { Script } from "node:vm"

const file = fileURLToPath(new URL("../dist/cli.cjs", import.meta.url))
const cache = fileURLToPath(new URL("../dist/cli.cache", import.meta.url))

/**
 * Runs the program from one file with what V8 compiled of it when it was built: Node 20 has no compile cache of its
 * own. V8 refuses what another version of it compiled, and then compiles again.
 */
export const runCompiled = (cachedData) => {
  const script = new Script(Module.wrap(readFileSync(file, "utf8")), { filename: file, cachedData })
  const module = { exports: {} }
  const own = script.runInThisContext()
  own.call(module.exports, module.exports, createRequire(file), module, file, dirname(file))
  return script
}

/** What the build made for {@link runCompiled}. */
export const readCache = () => readFileSync(cache)

// `node bin/compiled.js COMMAND…` runs a command and keeps what was compiled for it.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const script = runCompiled(undefined)
  process.on("exit", () => {
    writeFileSync(`${cache}.part`, script.createCachedData())
    renameSync(`${cache}.part`, cache)
  })
}
