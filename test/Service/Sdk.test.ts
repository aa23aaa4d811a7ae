import { execFile, spawnSync } from "node:child_process"
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { buildLibrary, tsc } from "../support/Library.ts"
import { folderWith, type Service, startService } from "../support/Service.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const python = join(root, "sdk/python")
const fixture = (name: string) => readFileSync(join(root, "test/fixtures/sdk", name), "utf8")
const page = readFileSync(join(root, "docs/sdk.md"), "utf8")

/** The programs that the page shows, by the name after the language of the block. */
const programs = new Map(
  Array.from(page.matchAll(/^```\w+ (\S+)\n([\s\S]*?)^```$/gm), ([, name = "", text = ""]) => [name, text])
)

const programOf = (name: string): string => {
  const text = programs.get(name)
  assert.isString(text, `docs/sdk.md has no ${name}`)
  return text ?? ""
}

const key = `ops-${"0123456789".repeat(4)}`

const service = Effect.gen(function* () {
  const agent = (name: string, script: string) => `agent ${name} { command: ["sh", "-c", ${JSON.stringify(script)}] }\n`
  const folder = yield* folderWith({
    "agents/backup-agent.symbi": agent("backup-agent", "cat"),
    "agents/metrics-agent.symbi": agent("metrics-agent", "echo no metrics >&2; exit 1"),
    "agents/reporter.symbi": agent("reporter", "printf 'report of '; cat")
  })
  return yield* startService({ folder, env: { SYMBI_API_KEYS: `ops:${key}:admin` } })
})

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program with the key in its environment, and where the service is. */
const run = (
  { url }: Pick<Service, "url">,
  command: string,
  words: ReadonlyArray<string>,
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {}
): Effect.Effect<Ended> =>
  Effect.async((resume, signal) => {
    const env = { PATH: process.env["PATH"], SYMBI_API_KEY: key, SERVICE: url, ...options.env }
    execFile(command, [...words], { cwd: options.cwd, env, signal, timeout: 60_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1
      resume(Effect.succeed({ code, stdout, stderr }))
    })
  })

const lines = ({ code, stderr, stdout }: Ended): ReadonlyArray<string> => {
  assert.deepStrictEqual([code, stderr], [0, ""], stdout)
  return stdout.trimEnd().split("\n")
}

/** A folder from which the built package is found, with these files. */
const project = (files: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    yield* buildLibrary
    const folder = yield* folderWith({ "package.json": `{ "type": "module" }`, ...files })
    mkdirSync(join(folder, "node_modules"))
    symlinkSync(root, join(folder, "node_modules/symbiont-scheduler"))
    for (const name of ["effect", "@effect"]) {
      symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name))
    }
    return folder
  })

// The service of the examples is at port 8080, which may be taken here: where a program asks for that, it is sent here.
const atPort8080 = `const given = globalThis.fetch
globalThis.fetch = (url, init) => given(String(url).replace("http://localhost:8080", process.env.SERVICE), init)
`

const pythonAtPort8080 = `import os, socket, urllib.parse
connect = socket.create_connection
def elsewhere(address, *words, **more):
    port = urllib.parse.urlsplit(os.environ["SERVICE"]).port
    return connect(("127.0.0.1", port) if address == ("localhost", 8080) else address, *words, **more)
socket.create_connection = elsewhere
`

const runPython = (service: Service, text: string) =>
  Effect.gen(function* () {
    const folder = yield* folderWith({ "program.py": text, "sitecustomize.py": pythonAtPort8080 })
    const env = { PYTHONPATH: `${folder}:${python}`, PYTHONDONTWRITEBYTECODE: "1", SYMBI_SERVER: service.url }
    return yield* run(service, "python3", ["-W", "error", "program.py"], { cwd: folder, env })
  })

// Where tests are run for good there is one; elsewhere its tests are skipped without.
const hasPython = process.env["CI"] !== undefined || spawnSync("python3", ["--version"]).status === 0
const itWithPython = hasPython ? it.scopedLive : it.scopedLive.skip

const runScript = (service: Service, text: string) =>
  Effect.gen(function* () {
    const folder = yield* project({ "program.js": text, "redirect.js": atPort8080 })
    return yield* run(service, process.execPath, ["--import", "./redirect.js", "program.js"], { cwd: folder })
  })

describe("SymbiontClient, built", () => {
  it.scopedLive(
    "runs the guide's example as it stands, but for the name of the package (rows 145 to 151, 160)",
    () =>
      Effect.gen(function* () {
        const text = fixture("guide_javascript.txt").replace("@symbiont/sdk-js", "symbiont-scheduler/sdk")
        const [created = "", active, next = "", ran = "", ...rest] = lines(yield* runScript(yield* service, text))
        assert.match(created, /^Created job: job_[0-9a-z]{26}$/)
        assert.strictEqual(active, "Active jobs: 1")
        assert.match(next, /^Next run: \d{4}-\d{2}-\d{2}T02:00:00\.000Z$/)
        assert.match(ran, /^Run run_[0-9a-z]{26}: (running|succeeded) \((null|\d+)ms\)$/)
        assert.deepStrictEqual(rest, [])
      }),
    300_000
  )
})

const outputs = {
  first: ["nightly-report 0 3 * * * 30m", "3"],
  run: ["succeeded report of the last week", "true 1"],
  errors: ["400 INVALID_JOB cron_expr", "somebody else changed it"],
  pages: ["nightly-report manual"]
}

describe("docs/sdk.md", () => {
  it.scopedLive(
    "its TypeScript compiles, and says what it is to say",
    () =>
      Effect.gen(function* () {
        const running = yield* service
        const named = [...programs].filter(([name]) => name.endsWith(".ts"))
        const folder = yield* project({
          ...Object.fromEntries(named),
          "redirect.js": atPort8080,
          "tsconfig.json": JSON.stringify({
            compilerOptions: {
              target: "ES2022",
              lib: ["ES2023"],
              module: "NodeNext",
              strict: true,
              skipLibCheck: true,
              types: ["node"],
              typeRoots: [join(root, "node_modules/@types")]
            },
            include: ["*.ts"]
          })
        })
        yield* Effect.map(run(running, process.execPath, [tsc, "-p", "."], { cwd: folder }), lines)
        const told = { ...outputs, limits: ["ABORTED"], effect: ["JOB_NOT_FOUND"] }
        assert.sameMembers(
          named.map(([name]) => name),
          Object.keys(told).map((name) => `${name}.ts`)
        )
        for (const [name, expected] of Object.entries(told)) {
          const words = ["--import", "./redirect.js", `${name}.js`]
          const ended = yield* run(running, process.execPath, words, { cwd: folder })
          assert.deepStrictEqual(lines(ended), expected, name)
        }
      }),
    300_000
  )

  itWithPython("its Python says the same", () =>
    Effect.gen(function* () {
      const running = yield* service
      const told = { ...outputs, run: ["succeeded report of the last week", "True 1"], limits: ["healthy 1 0"] }
      assert.sameMembers(
        [...programs.keys()].filter((name) => name.endsWith(".py")),
        Object.keys(told).map((name) => `${name}.py`)
      )
      for (const [name, expected] of Object.entries(told)) {
        assert.deepStrictEqual(lines(yield* runPython(running, programOf(`${name}.py`))), expected, name)
      }
    })
  )
})

describe("the Python client", () => {
  itWithPython("does what its README says", () =>
    Effect.gen(function* () {
      const [, text = ""] = /^```python\n([\s\S]*?)^```$/m.exec(readFileSync(join(python, "README.md"), "utf8")) ?? []
      assert.deepStrictEqual(lines(yield* runPython(yield* service, text)), ["nightly 0 3 * * *"])
    })
  )

  // As the guide has it, but for the indentation of the loop's body, which its text has lost, and `import os`.
  itWithPython("runs the guide's example as it stands (rows 152 to 160)", () =>
    Effect.gen(function* () {
      const running = yield* service
      const text = `import os\n${fixture("guide_python.txt")}`
      const said = lines(yield* runPython(running, text))
      assert.match(said[0] ?? "", /^Created job: job_[0-9a-z]{26}$/)
      assert.deepStrictEqual(said.slice(1, 3), ["Found 1 jobs for metrics-agent", "Cron: 0 * * * *"])
      assert.match(said[3] ?? "", /^Next run: \d{4}-\d{2}-\d{2}T\d{2}:00:00\.000Z$/)
      assert.match(said[4] ?? "", /^Run ID: run_[0-9a-z]{26}$/)
      assert.strictEqual(said[5], "Job paused for maintenance")
      const rest = said.slice(6).filter((line) => !line.startsWith("Failed run "))
      assert.match(rest.join("\n"), /^Scheduler status: healthy\nActive jobs: 1\nIn-flight jobs: [01]$/)

      const { client } = running
      const failures = `from symbiont import SymbiontClient
client = SymbiontClient()
client.runs.wait(client.schedule.get_history("hourly-metrics")[-1].id, poll=0.05)
for run in client.schedule.get_history("hourly-metrics", status="failed", limit=5):
    print(run.error_message)
`
      assert.isDefined(client)
      assert.include(lines(yield* runPython(running, failures)).join(""), "no metrics")
    })
  )

  itWithPython("speaks of errors, changes and all else as the service does", () =>
    Effect.gen(function* () {
      const running = yield* service
      assert.deepStrictEqual(lines(yield* runPython(running, fixture("everything.py.txt"))), ["ok"])
    })
  )

  itWithPython("passes its own tests", () =>
    Effect.gen(function* () {
      const env = { PYTHONPATH: python, PYTHONDONTWRITEBYTECODE: "1" }
      const words = ["-W", "error", "-m", "unittest", "discover", "tests"]
      const ended = yield* run({ url: "" }, "python3", words, { cwd: python, env })
      assert.strictEqual(ended.code, 0, ended.stderr)
      assert.match(ended.stderr, /Ran \d\d tests/)
    })
  )

  itWithPython(
    "has what an installation needs: its modules, its types' marker, the version of the service",
    (context) =>
      Effect.gen(function* () {
        const folder = yield* folderWith({ "setup.py": "import setuptools; setuptools.setup()" })
        cpSync(python, folder, { recursive: true })
        const env = { PYTHONDONTWRITEBYTECODE: "1" }
        const python3 = (...words: ReadonlyArray<string>) => run({ url: "" }, "python3", words, { cwd: folder, env })
        // Newer Pythons come without; `pip` fetches it for each installation.
        if ((yield* python3("-c", "import setuptools")).code !== 0) return context.skip()
        const built = yield* python3("setup.py", "--quiet", "build", "--build-lib", "built", "egg_info")
        assert.strictEqual(built.code, 0, built.stderr)
        const modules = readdirSync(join(folder, "built/symbiont")).sort()
        assert.deepStrictEqual(
          modules,
          readdirSync(join(python, "symbiont"))
            .filter((name) => name !== "__pycache__")
            .sort()
        )
        assert.include(modules, "py.typed")
        const metadata = readFileSync(join(folder, "symbiont_scheduler.egg-info/PKG-INFO"), "utf8")
        const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
        assert.include(metadata, `\nVersion: ${version}\n`)
        assert.include(metadata, "\nRequires-Python: >=3.9\n")
      })
  )
})
