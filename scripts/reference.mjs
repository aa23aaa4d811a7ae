// Writes docs/http.md and docs/cli.md from the API definition and the command line's own help. With --check it only
// says whether they are as they should be. Needs the build.
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { OpenApi } from "@effect/platform"

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

const help = (...words) => {
  const { stdout, status } = spawnSync(process.execPath, [join(root, "bin", "symbi.js"), ...words, "--help"], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", COLUMNS: "120" }
  })
  if (status !== 0) throw new Error(`symbi ${words.join(" ")} --help exited with ${status}`)
  // What the help library says of every option tells nothing.
  const noise = /^\s*(Symbiont Scheduler.*|A user-defined piece of text\.|An integer\.|This setting is optional\.)\s*$/
  const told = stdout.split("\n").filter((line) => !noise.test(line))
  return told
    .join("\n")
    .replace(/\n{2,}(?= )/g, "\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim()
}

/** Commands that lead to others, with these. */
const groups = {
  cron: "list add remove pause resume reset status run backfill history session next",
  approvals: "list show approve deny",
  deliveries: "list show redeliver",
  agents: "list show",
  audit: "query verify checkpoint",
  agentpin: "verify pin unpin",
  keys: "create list revoke"
}
const commands = ["up", "run", "budgets", "why", "validate", "fmt", "apply", "export", "config", ...Object.keys(groups)]
const subcommands = Object.entries(groups).flatMap(([group, names]) => names.split(" ").map((name) => [group, name]))

const cli = () => {
  const lines = ["# Command line reference", "", "Made from the program's own help by `npm run reference`.", ""]
  for (const words of [...commands.map((name) => [name]), ...subcommands]) {
    lines.push(`## symbi ${words.join(" ")}`, "", "```", help(...words), "```", "")
  }
  return lines.join("\n")
}

const files = { "docs/http.md": http(), "docs/cli.md": cli() }
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
