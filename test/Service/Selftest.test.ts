import { spawn } from "node:child_process"
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { partNames, type SelftestOptions, selftest } from "../../src/Selftest.ts"
import { ServiceEnvironment } from "../../src/ServiceEnvironment.ts"
import { eventually, folderWith, program } from "../support/Service.ts"
import { symbi } from "../support/Symbi.ts"

const faulty = fileURLToPath(new URL("../../dist/selftestService.js", import.meta.url))
const driver = pathToFileURL(
  fileURLToPath(new URL("../../node_modules/better-sqlite3/lib/index.js", import.meta.url))
).href

const Report = Schema.parseJson(
  Schema.Struct({
    ok: Schema.Boolean,
    seed: Schema.Int,
    folder: Schema.String,
    kept: Schema.Boolean,
    millis: Schema.Int,
    parts: Schema.Array(
      Schema.Struct({
        part: Schema.Literal(...partNames),
        ok: Schema.Boolean,
        millis: Schema.Int,
        summary: Schema.NonEmptyString,
        warnings: Schema.Array(Schema.String),
        problems: Schema.Array(Schema.String),
        counts: Schema.Record({ key: Schema.String, value: Schema.Number })
      })
    )
  })
)
const decodeReport = Schema.decodeUnknownSync(Report, { onExcessProperty: "error" })

const selftestFolders = (folder: string) => readdirSync(folder).filter((name) => name.startsWith("symbi-selftest-"))

/** `symbi up` that does something to its database as it ends. */
const upThatEndsWith = (folder: string, statements: ReadonlyArray<string>) => {
  const file = join(folder, "up.mjs")
  writeFileSync(
    file,
    `import Sqlite from ${JSON.stringify(driver)}
     process.on("exit", () => {
       const db = new Sqlite(".symbi/symbiont.db")
       for (const statement of ${JSON.stringify(statements)}) db.exec(statement)
       db.close()
     })
     await import(${JSON.stringify(pathToFileURL(program).href)})`
  )
  return file
}

const inProcess = (
  folder: string,
  options: Partial<SelftestOptions>,
  variables: Readonly<Record<string, string>> = {}
) =>
  selftest({
    parts: new Set(["kill"]),
    kills: 0,
    cuts: 1,
    seeds: 1,
    seed: 1,
    folder,
    dataFolder: join(folder, "none"),
    keep: false,
    programs: { symbi: program, faulty },
    begun: () => Effect.void,
    progress: () => Effect.void,
    ended: () => Effect.void,
    ...options
  }).pipe(
    Effect.provide([
      NodeContext.layer,
      FetchHttpClient.layer,
      ServiceEnvironment.layer({ variables: { ...process.env, ...variables }, directory: folder })
    ])
  )

/** Processes whose parent is this one. */
const childrenOf = (pid: number): ReadonlyArray<number> =>
  readdirSync("/proc")
    .map(Number)
    .filter((id) => {
      if (!(id > 0)) return false
      try {
        const stat = readFileSync(`/proc/${id}/stat`, "latin1")
        return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === pid
      } catch {
        return false
      }
    })

/** A long self-test, once its service works; killed with the scope. */
const working = Effect.fnUntraced(function* (folder: string) {
  const exited = yield* Deferred.make<number | NodeJS.Signals | null>()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const words = ["selftest", "--only", "kill", "--kills", "1000", "--folder", folder]
      const started = spawn(process.execPath, [program, ...words], { cwd: folder, stdio: "ignore" })
      started.on("close", (code, signal) => Deferred.unsafeDone(exited, Effect.succeed(code ?? signal)))
      return started
    }),
    (started) =>
      Effect.zipRight(
        Effect.sync(() => started.kill("SIGKILL")),
        Deferred.await(exited)
      )
  )
  const pid = child.pid ?? 0
  const services = yield* eventually(
    "a service at work",
    Effect.sync(() => {
      const [own] = selftestFolders(folder)
      const isWorking = own !== undefined && existsSync(join(folder, own, "kill", ".symbi", "symbiont.db"))
      const found = childrenOf(pid)
      return isWorking && found.length > 0 ? found : undefined
    })
  )
  return { services, kill: (signal: NodeJS.Signals) => child.kill(signal), exited: Deferred.await(exited) }
})

/** On a machine that has other things to do, in ms. */
const patience = 55_000

const isLinux = process.platform === "linux"

describe.concurrent("symbi selftest", { timeout: 60_000 }, () => {
  it.scopedLive("passes over kills, power losses and the audit log, as JSON, and leaves nothing", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({})
      const words = ["--only", "kill,power,audit", "--kills", "1", "--cuts", "3", "--seed", "7", "--folder", folder]
      const { code, stderr, stdout } = yield* symbi(["selftest", ...words, "--format", "json"], { patience })
      assert.strictEqual(code, 0, stdout + stderr)
      const report = decodeReport(stdout)
      assert.deepStrictEqual(
        report.parts.map(({ part }) => part),
        ["kill", "power", "audit"]
      )
      assert.deepStrictEqual([report.ok, report.kept, report.seed], [true, false, 7])
      const [kill, power, audit] = report.parts.map(({ counts }) => counts)
      assert.strictEqual(kill?.["kills"], 1)
      assert.isAbove(kill?.["slots"] ?? 0, 20)
      assert.isAbove(kill?.["deliveries"] ?? 0, 5)
      assert.strictEqual(power?.["cuts"], 3)
      assert.isAbove(power?.["required"] ?? 0, 5)
      assert.strictEqual(audit?.["tampered"], 3)
      assert.isAbove(audit?.["entries"] ?? 0, 10)
      assert.deepStrictEqual(selftestFolders(folder), [])
    })
  )

  it.scopedLive("says part for part what it did, in lines of 80 columns, and keeps what is to be kept", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({})
      const words = ["--only", "disk,full,simulation", "--seeds", "1", "--seed", "3", "--folder", folder, "--keep"]
      const { code, stderr, stdout } = yield* symbi(["selftest", ...words], { patience })
      assert.strictEqual(code, 0, stdout + stderr)
      const lines = stdout.trimEnd().split("\n")
      // Its first and last name the folder, which is as long as it is.
      for (const line of lines.slice(1, -1)) {
        assert.isAtMost(line.length, 80, line)
        assert.match(line, /^((ok {2}|warn) {2}(disk|full|simulation) |\s{18}\S)/)
      }
      assert.match(lines[0] ?? "", /^in \S+symbi-selftest-\w+ \(\d+ MB free\), seed 3$/)
      assert.include(stdout, "synchronous")
      assert.match(lines.at(-1) ?? "", /^all is well: 3 of 3 parts in [\d.]+ s; all it wrote is kept in /)
      const [kept] = selftestFolders(folder)
      assert.isTrue(existsSync(join(folder, kept ?? "", "full", ".symbi", "symbiont.db")))
    })
  )

  it.scopedLive("refuses the data folder, parts that there are not, and numbers out of bounds", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ "symbiont.toml": "" })
      for (const [words, message] of [
        [["--folder", ".symbi"], "is the data folder"],
        [["--folder", ".symbi/inner"], "is the data folder"],
        [["--only", "kill,luck"], 'no part "luck"; the parts are disk, kill,'],
        [["--kills", "0"], "--kills must be a whole number"]
      ] as const) {
        const { code, stderr, stdout } = yield* symbi(["selftest", ...words], { cwd: folder })
        assert.deepStrictEqual([code, stdout], [2, ""], stderr)
        assert.include(stderr, message)
      }
      const absent = yield* symbi(["selftest", "--folder", join(folder, "absent")], { cwd: folder })
      assert.strictEqual(absent.code, 1)
      assert.include(absent.stderr, "name another with --folder")
    })
  )

  it.scopedLive("finds a row that is doubled and an audit log that was changed, and keeps the evidence", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({})
      const doubled = upThatEndsWith(folder, [
        "DROP INDEX runs_slot",
        `CREATE TABLE twin AS SELECT * FROM runs WHERE trigger = 'schedule' AND status = 'succeeded' LIMIT 1`,
        "UPDATE twin SET id = 'run_twin'",
        "INSERT INTO runs SELECT * FROM twin",
        "DROP TABLE twin",
        "DROP TRIGGER audit_no_update",
        "UPDATE audit SET actor = 'nobody' WHERE seq = 2"
      ])
      const report = yield* inProcess(folder, {
        parts: new Set(["kill", "audit"]),
        programs: { symbi: doubled, faulty }
      })
      assert.isFalse(report.ok)
      assert.isTrue(report.kept)
      assert.isTrue(existsSync(join(report.folder, "kill", ".symbi", "symbiont.db")))
      const [kill, audit] = report.parts
      assert.match(kill?.problems.join("\n") ?? "", /^tick-\d+: slots with more than one row: \d{4}-/)
      assert.match(audit?.problems.join("\n") ?? "", /the log of "kill" is broken at entry 2/)
    })
  )

  it.scopedLive.skipIf(!isLinux)("says of its own agents that fail what they failed of, and claims nothing", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ sh: "#!/bin/sh\nexit 3\n" })
      chmodSync(join(folder, "sh"), 0o755)
      const path = { PATH: `${folder}:${process.env["PATH"]}` }
      const { parts } = yield* inProcess(folder, { parts: new Set(["kill"]) }, path)
      assert.lengthOf(parts[0]?.problems ?? [], 1, parts[0]?.problems.join("\n"))
      assert.match(parts[0]?.problems[0] ?? "", /^\d+ runs failed: .*3/)
      assert.notInclude(parts[0]?.summary, "each in exactly one row")
    })
  )

  it.scopedLive("says of a service that does not start what it said, and goes on with the next part", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ "up.mjs": `process.stderr.write("no luck today"); process.exit(3)` })
      const programs = { symbi: join(folder, "up.mjs"), faulty }
      const { ok, parts } = yield* inProcess(folder, { parts: new Set(["kill", "simulation"]), programs })
      assert.isFalse(ok)
      assert.deepStrictEqual(
        parts.map((part) => [part.part, part.ok]),
        [
          ["kill", false],
          ["simulation", true]
        ]
      )
      assert.include(parts[0]?.problems.join(), "no luck today")
    })
  )

  for (const signal of ["SIGINT", "SIGHUP"] as const) {
    it.scopedLive.skipIf(!isLinux)(`is ended by ${signal}, with all it started and made`, () =>
      Effect.gen(function* () {
        const folder = yield* folderWith({})
        const { exited, kill, services } = yield* working(folder)
        kill(signal)
        if (signal === "SIGHUP") kill(signal)
        assert.strictEqual(yield* exited, 130)
        assert.deepStrictEqual(selftestFolders(folder), [])
        assert.deepStrictEqual(
          services.filter((pid) => existsSync(`/proc/${pid}`)),
          []
        )
      })
    )
  }

  it.scopedLive.skipIf(!isLinux)("leaves no service behind when it is killed itself", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({})
      const { exited, kill, services } = yield* working(folder)
      kill("SIGKILL")
      assert.strictEqual(yield* exited, "SIGKILL")
      const gone = Effect.sync(() => (services.some((pid) => existsSync(`/proc/${pid}`)) ? undefined : true))
      yield* eventually("the end of its service", gone)
    })
  )
})
