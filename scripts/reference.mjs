// Writes docs/http.md, docs/cli.md and the records of the Python client from the API definition and the command line's
// own help. With --check it only says whether they are as they should be. Needs the build.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { OpenApi } from "@effect/platform"
import { pythonModels } from "./python.mjs"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const { Api } = await import("../dist/lib/index.js")

const cell = (text) => (text ?? "").replaceAll("|", "\\|").replaceAll("\n", " ")

const parametersOf = (operation, place) =>
  (operation.parameters ?? []).filter((one) => one.in === place).map((one) => `\`${one.name}\``)

const http = () => {
  const spec = OpenApi.fromApi(Api)
  const operations = Object.values(spec.paths).flatMap((methods) => Object.values(methods))
  const everywhere = Object.keys(operations[0].responses).filter((status) =>
    operations.every((operation) => status in operation.responses)
  )
  const lines = [
    "# HTTP reference",
    "",
    "Made from the API definition by `npm run reference`; the service serves the same as OpenAPI at `/openapi.json` and as a page at `/docs`.",
    "",
    `Every route can also answer ${everywhere.filter((status) => status >= "400").join(", ")}. Each error has the body \`{ "error", "code", "details": [{ "path", "message" }] }\`.`,
    "",
    "| Method and path | Scope | What it does | Query and headers | Answers |",
    "|---|---|---|---|---|"
  ]
  for (const [path, methods] of Object.entries(spec.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const asked = [...parametersOf(operation, "query"), ...parametersOf(operation, "header")].join(", ")
      const what = cell(operation.description ?? operation.summary)
      const answers = Object.keys(operation.responses)
        .filter((status) => status < "400" || !everywhere.includes(status))
        .join(", ")
      const scope = operation["x-required-scope"]
      lines.push(`| \`${method.toUpperCase()} ${path}\` | ${scope} | ${what} | ${asked} | ${answers} |`)
    }
  }
  return `${lines.join("\n")}\n`
}

const cli = () => {
  const pages = JSON.parse(readFileSync(join(root, "dist", "help.json"), "utf8"))
  const lines = ["# Command line reference", "", "Made from the program's own help by `npm run reference`.", ""]
  for (const [words, page] of Object.entries(pages).filter(([words]) => words !== "--version")) {
    const told = page
      .replace(/^Symbiont Scheduler.*\n+/, "")
      .replace(/\n{3,}/g, "\n\n")
      .trim()
    lines.push(`## symbi ${words}`.trim(), "", "```", told, "```", "")
  }
  return lines.join("\n")
}

const files = {
  "docs/http.md": http(),
  "docs/cli.md": cli(),
  "sdk/python/symbiont/models.py": pythonModels()
}
const stale = Object.entries(files).filter(([name, text]) => {
  const file = join(root, name)
  return !existsSync(file) || readFileSync(file, "utf8") !== text
})

if (process.argv.includes("--check")) {
  for (const [name] of stale) process.stderr.write(`${name} is out of date; run npm run reference\n`)
  process.exit(stale.length === 0 ? 0 : 1)
}
mkdirSync(join(root, "docs"), { recursive: true })
for (const [name, text] of stale) {
  writeFileSync(join(root, name), text)
  process.stdout.write(`${name} written\n`)
}
