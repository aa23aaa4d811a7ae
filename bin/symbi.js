#!/usr/bin/env node
const [major] = process.versions.node.split(".")
if (Number(major) < 20) {
  process.stderr.write(`symbi needs Node 20 or newer; this is Node ${process.versions.node}\n`)
  process.exit(1)
}

const { existsSync } = await import("node:fs")
const { enableCompileCache } = await import("node:module")
const cli = new URL("../dist/cli.js", import.meta.url)

if (!existsSync(cli)) {
  process.stderr.write("symbi is not built yet; run npm run build\n")
  process.exit(1)
}
enableCompileCache?.()
await import(cli.href)
