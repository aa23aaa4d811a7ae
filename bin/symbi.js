#!/usr/bin/env node
const [major] = process.versions.node.split(".")
if (Number(major) < 20) {
  process.stderr.write(`symbi needs Node 20 or newer; this is Node ${process.versions.node}\n`)
  process.exit(1)
}

const { existsSync, readFileSync } = await import("node:fs")
const built = (name) => new URL(`../dist/${name}`, import.meta.url)

if (!existsSync(built("cli.js"))) {
  process.stderr.write("symbi is not built yet; run npm run build\n")
  process.exit(1)
}

/** The help page (or the version) that is asked for, as the build made it; undefined when something else is. */
const helpPage = (words) => {
  const helps = words.length === 0 || words[0] === "help" || ["--help", "-h", "--version"].includes(words.at(-1))
  if (!helps || !existsSync(built("help.json"))) return undefined
  const pages = JSON.parse(readFileSync(built("help.json"), "utf8"))
  const name = (words[0] === "help" ? words.slice(1) : words)
    .filter((word) => word !== "--help" && word !== "-h")
    .join(" ")
  return Object.hasOwn(pages, name) ? pages[name] : undefined
}

const page = helpPage(process.argv.slice(2))
if (page === undefined) {
  const { enableCompileCache } = await import("node:module")
  if (enableCompileCache === undefined && existsSync(built("cli.cjs"))) {
    const { runCompiled } = await import("./compiled.js")
    runCompiled()
  } else {
    enableCompileCache?.()
    await import(built("cli.js").href)
  }
} else {
  const coloured = process.stdout.isTTY && !process.env.NO_COLOR
  process.stdout.on("error", () => {})
  process.stdout.write(`${coloured ? page.replace(/^[A-Z][A-Z ]+$/gm, "\u001b[1m$&\u001b[22m") : page}\n`)
}
