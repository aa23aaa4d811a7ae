import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { symbi } from "./support/Symbi.ts"

const folderOf = (files: Readonly<Record<string, string | Uint8Array>>): string => {
  const folder = mkdtempSync(join(tmpdir(), "symbi-test-"))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

const agents = 'agent ops { command: ["true"] }\n'
const good = 'schedule daily {\n  agent: ops\n  cron: "0 9 * * *"\n}\n'
const bad = 'schedule s {\n  agent: ops\n  cron: "0 24 * * *"\n  max_retrys: 3\n}\n'
const untidy = "schedule   t{agent : ops\nevery:5m}\n"
const tidy = "schedule t { agent: ops\n  every: 5m }\n"

describe.concurrent("validate", () => {
  it.effect("without arguments checks agents/ beside the configuration and says when each schedule is due", () =>
    Effect.gen(function* () {
      const cwd = folderOf({
        "agents/a.symbi": agents + good,
        "agents/b.dsl": "schedule p { agent ops every 90s }\n",
        "agents/notes.txt": "schedule {",
        "symbiont.toml": '[scheduler]\ntimezone = "Asia/Tokyo"\n'
      })
      const { code, stderr, stdout } = yield* symbi(["validate"], { cwd })
      assert.deepStrictEqual(
        { code, stderr },
        { code: 0, stderr: "2 files: 2 schedules, 1 agent, 0 errors, 0 warnings\n" }
      )
      assert.match(
        stdout,
        /^SCHEDULE +WHEN +NEXT\ndaily +At 09:00.* {2}\d{4}-\d\d-\d\d 09:00:00 Asia\/Tokyo\np +Every 1m30s +1m30s after it is applied\n$/
      )
      const elsewhere = yield* symbi(["validate", "--config", join(cwd, "symbiont.toml")])
      assert.include(elsewhere.stderr, "2 files: 2 schedules")
    })
  )

  it.effect("shows each error at its place and exits with 1", () =>
    Effect.gen(function* () {
      const cwd = folderOf({ "x.symbi": bad, "agents/a.symbi": agents })
      const { code, stderr, stdout } = yield* symbi(["validate", "x.symbi"], { cwd })
      assert.deepStrictEqual(
        { code, stdout, stderr },
        {
          code: 1,
          stdout: "",
          stderr: [
            "x.symbi:3:9: error: 'cron': hour: 24 is out of range 0-23",
            '  cron: "0 24 * * *"',
            "        ^^^^^^^^^^^^",
            "x.symbi:4:3: warning: unknown key 'max_retrys' is ignored",
            "  max_retrys: 3",
            "  ^^^^^^^^^^",
            "hint: did you mean max_retries?",
            "error: 1 file: 1 schedule, 0 agents, 1 error, 1 warning",
            ""
          ].join("\n")
        }
      )
    })
  )

  it.effect("gives editors and CI the same as JSON", () =>
    Effect.gen(function* () {
      const cwd = folderOf({ "x.symbi": bad, "y.symbi": 'agent a {\n  command: """one\ntwo\n    """\n}' })
      const { code, stdout } = yield* symbi(["validate", "x.symbi", "y.symbi", "--format", "json"], { cwd })
      assert.strictEqual(code, 1)
      assert.deepStrictEqual(JSON.parse(stdout), [
        {
          file: "x.symbi",
          line: 2,
          column: 10,
          end_line: 2,
          end_column: 13,
          severity: "warning",
          message: 'no agent named "ops" is loaded; its runs will be denied until one is',
          hint: null
        },
        {
          file: "x.symbi",
          line: 3,
          column: 9,
          end_line: 3,
          end_column: 21,
          severity: "error",
          message: "'cron': hour: 24 is out of range 0-23",
          hint: null
        },
        {
          file: "x.symbi",
          line: 4,
          column: 3,
          end_line: 4,
          end_column: 13,
          severity: "warning",
          message: "unknown key 'max_retrys' is ignored",
          hint: "did you mean max_retries?"
        },
        {
          file: "y.symbi",
          line: 2,
          column: 12,
          end_line: 4,
          end_column: 8,
          severity: "error",
          message: "'command' must be a list [ … ], found the string \"one\\ntwo\\n    \"",
          hint: 'write ["one", "two", ""]'
        }
      ])
      const fine = yield* symbi(["validate", "--format=json", "z.symbi"], {
        cwd: folderOf({ "z.symbi": agents + good })
      })
      assert.deepStrictEqual([fine.code, fine.stdout], [0, "[]\n"])
    })
  )

  it.effect("refuses what is not there with 3, what is no file of its kind with 2, and says what it looked for", () =>
    Effect.gen(function* () {
      const cwd = folderOf({ "empty/notes.txt": "", "ok.symbi": "", "latin.symbi": Uint8Array.of(0x23, 0xe9, 0x0a) })
      for (const [words, text] of [
        [["validate"], "there is no folder agents"],
        [["validate", "nowhere.symbi"], "cannot read nowhere.symbi: no such file or folder"],
        [["validate", "empty"], "no .symbi files in empty"],
        [["validate", "--format", "csv"], "table, json"],
        [["validate", "ok.symbi", "--config", "nowhere.toml"], "nowhere.toml: no such file"],
        [["apply", "-f", "nowhere"], "cannot read nowhere: no such file or folder"],
        [["logs", "--data", "nowhere"], "cannot read nowhere: no such file or folder"],
        [["audit", "verify", "--data", "nowhere"], "symbiont.db: no such file"],
        [["audit", "verify", "--checkpoint", "nowhere"], "cannot read nowhere: no such file or folder"],
        [
          ["agentpin", "pin", "k", "--domain", "a.example", "--discovery", "nowhere"],
          "cannot read nowhere: no such file or folder"
        ],
        [["fmt", "nowhere.symbi"], "cannot read nowhere.symbi: no such file or folder"]
      ] as const) {
        const { code, stderr, stdout } = yield* symbi(words, { cwd })
        const missing = text.includes("no such file")
        assert.deepStrictEqual([code, stdout], [missing ? 3 : 2, ""], stderr)
        assert.include(stderr, text)
      }
      const latin = yield* symbi(["validate", "latin.symbi"], { cwd })
      assert.deepStrictEqual([latin.code, latin.stderr], [1, "error: latin.symbi is no UTF-8 text\n"])
    })
  )

  it.effect("names variables that are not set, and tells the value of none", () =>
    Effect.gen(function* () {
      const text = [
        `agent ops { command: [x] env { A: "\${CANARY}" } }`,
        "schedule s {",
        `  agent: "\${CANARY}"`,
        `  at: "\${CANARY}"`,
        `  delivery: ["webhook", "\${CANARY}"]`,
        "}",
        `schedule t { agent: ops every: 5m delivery: [webhook] webhook_url: "x\${CANARY}" agent_pin_jwt: "\${MISSING}" }`
      ].join("\n")
      const cwd = folderOf({ "x.symbi": text })
      const env = { CANARY: "canary-4711" }
      for (const words of [
        ["validate", "x.symbi"],
        ["validate", "x.symbi", "--format", "json"],
        ["fmt", "--check", "x.symbi"],
        ["fmt", "x.symbi"]
      ]) {
        const { code, stderr, stdout } = yield* symbi(words, { cwd, env })
        assert.notInclude(stdout + stderr + readFileSync(join(cwd, "x.symbi"), "utf8"), "canary-4711")
        assert.isAtMost(code, 1)
      }
      const ci = folderOf({ "x.symbi": `${agents}schedule t { agent: ops every: 5m agent_pin_jwt: "\${MISSING}" }\n` })
      const strict = yield* symbi(["validate", "x.symbi"], { cwd: ci })
      assert.include(strict.stderr, "x.symbi:2:51: error: the environment variable MISSING is not set")
      assert.strictEqual(strict.code, 1)
      const loose = yield* symbi(["validate", "--allow-unset", "x.symbi"], { cwd: ci })
      assert.include(loose.stderr, "x.symbi:2:51: warning: the environment variable MISSING is not set")
      assert.strictEqual(loose.code, 0)
    })
  )

  it.effect("refuses what the service keeps to itself, though it is set", () =>
    Effect.gen(function* () {
      const cwd = folderOf({
        "x.symbi": `${agents}schedule t { agent: ops every: 5m slack_channel: "\${OPS_KEY}" webhook_secret: "\${SYMBI_API_KEYS}" }\n`,
        "symbiont.toml": `[server]\napi_keys = ["\${OPS_KEY}"]\n`
      })
      const key = `canary-${"k".repeat(30)}`
      const { code, stderr } = yield* symbi(["validate", "x.symbi"], {
        cwd,
        env: { OPS_KEY: key, SYMBI_API_KEYS: key }
      })
      assert.strictEqual(code, 1)
      for (const name of ["OPS_KEY", "SYMBI_API_KEYS"]) {
        assert.include(stderr, `error: jobs and agents may not name \${${name}}: it holds a secret of the service`)
      }
      assert.notInclude(stderr, "canary")
    })
  )
})

describe.concurrent("fmt", () => {
  it.effect("writes only files that change, in one step, and lists them", () =>
    Effect.gen(function* () {
      const cwd = folderOf({ "agents/a.symbi": good, "agents/b.symbi": untidy, "real.symbi": untidy })
      chmodSync(join(cwd, "agents/b.symbi"), 0o640)
      symlinkSync("../real.symbi", join(cwd, "agents/c.symbi"))
      const before = statSync(join(cwd, "agents/a.symbi"))
      const check = yield* symbi(["fmt", "--check"], { cwd })
      assert.deepStrictEqual(check, {
        code: 1,
        stdout: "agents/b.symbi\nagents/c.symbi\n",
        stderr: "error: 2 of 3 files would change; run symbi fmt\n"
      })
      assert.strictEqual(readFileSync(join(cwd, "agents/b.symbi"), "utf8"), untidy)
      const done = yield* symbi(["fmt"], { cwd })
      assert.deepStrictEqual(done, { code: 0, stdout: "agents/b.symbi\nagents/c.symbi\n", stderr: "" })
      assert.strictEqual(readFileSync(join(cwd, "agents/b.symbi"), "utf8"), tidy)
      assert.strictEqual(readFileSync(join(cwd, "real.symbi"), "utf8"), tidy)
      assert.isTrue(lstatSync(join(cwd, "agents/c.symbi")).isSymbolicLink())
      assert.strictEqual(statSync(join(cwd, "agents/b.symbi")).mode & 0o777, 0o640)
      const after = statSync(join(cwd, "agents/a.symbi"))
      assert.deepStrictEqual([after.ino, after.mtimeMs], [before.ino, before.mtimeMs])
      assert.deepStrictEqual(readdirSync(join(cwd, "agents")), ["a.symbi", "b.symbi", "c.symbi"])
      assert.deepStrictEqual(yield* symbi(["fmt", "--check"], { cwd }), { code: 0, stdout: "", stderr: "" })
    })
  )

  it.effect("leaves files with syntax errors as they are, formats the others, and exits with 1", () =>
    Effect.gen(function* () {
      const broken = "schedule   s {\n  agent: 'x'\n"
      const cwd = folderOf({ "a.symbi": broken, "b.symbi": untidy })
      const { code, stderr, stdout } = yield* symbi(["fmt", "a.symbi", "b.symbi"], { cwd })
      assert.deepStrictEqual([code, stdout], [1, "b.symbi\n"])
      assert.include(stderr, "a.symbi:1:14: error: syntax error: this '{' is never closed")
      assert.include(stderr, "error: 1 of 2 files left as they are: syntax errors")
      assert.strictEqual(readFileSync(join(cwd, "a.symbi"), "utf8"), broken)
      assert.strictEqual(readFileSync(join(cwd, "b.symbi"), "utf8"), tidy)
    })
  )
})

describe.concurrent("standard input", () => {
  it.effect("is validated and formatted as -", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* symbi(["fmt", "-"], { input: untidy }), { code: 0, stdout: tidy, stderr: "" })
      assert.deepStrictEqual((yield* symbi(["fmt", "--check", "-"], { input: untidy })).code, 1)
      const broken = yield* symbi(["fmt", "-"], { input: "schedule {" })
      assert.deepStrictEqual([broken.code, broken.stdout], [1, ""])
      assert.include(broken.stderr, "-:1:10: error")
      const checked = yield* symbi(["validate", "-"], { input: bad })
      assert.strictEqual(checked.code, 1)
      assert.include(checked.stderr, "-:3:9: error: 'cron'")
    })
  )
})
