import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import packageJson from "../package.json" with { type: "json" }
import { version } from "../src/Version.ts"
import { symbi } from "./support/Symbi.ts"

const nowhere = ["--server", "http://127.0.0.1:1"]

const refused = (words: ReadonlyArray<string>, code: number, text: string | RegExp) =>
  Effect.gen(function* () {
    const ended = yield* symbi(words)
    assert.strictEqual(ended.code, code, ended.stderr)
    assert.strictEqual(ended.stdout, "")
    if (typeof text === "string") assert.include(ended.stderr, text)
    else assert.match(ended.stderr, text)
    assert.strictEqual(ended.stderr.trim().split("\n").length, 1, "an error is one line, told once")
  })

describe.concurrent("Cli", () => {
  it.effect("prints its version and its help, without colours where there is no terminal", () =>
    Effect.gen(function* () {
      assert.strictEqual(version, packageJson.version)
      assert.deepStrictEqual(yield* symbi(["--version"]), { code: 0, stdout: `${version}\n`, stderr: "" })
      for (const words of [[], ["--help"], ["cron", "--help"], ["cron", "list", "--help"]]) {
        const help = yield* symbi(words)
        assert.strictEqual(help.code, 0)
        assert.strictEqual(help.stderr, "")
        assert.include(help.stdout, words.includes("list") ? "--status" : "cron")
        assert.notInclude(help.stdout, "\u001b")
      }
    })
  )

  it.effect("refuses wrong usage in one line, with exit code 2", () =>
    Effect.gen(function* () {
      yield* refused(["cron", "histroy", "x"], 2, 'did you mean "history"?')
      yield* refused(["cron", "list", "--status", "asleep"], 2, "active, paused, completed, failed, dead_letter")
      yield* refused(["cron", "pause", "--limit"], 2, "symbi cron pause has no option --limit")
    })
  )

  it.effect("says in one line that no service answers, with exit code 6", () =>
    Effect.gen(function* () {
      for (const words of [
        ["cron", "list"],
        ["cron", "add", "--json", '{"name":"x","agent_id":"y","cron_expr":"* * * * *"}'],
        ["cron", "remove", "x", "--force"],
        ["cron", "run", "x", "--input", "-y"],
        ["run", "agent", "--input", "x"]
      ]) {
        yield* refused([...words, ...nowhere], 6, /no service answers at http:\/\/127\.0\.0\.1:1; .*`symbi up`/)
      }
      const byVariable = yield* symbi(["cron", "list"], { env: { SYMBI_SERVER: "http://127.0.0.1:2" } })
      assert.include(byVariable.stderr, "http://127.0.0.1:2")
    })
  )

  it.effect("takes flags before and after the job", () =>
    Effect.gen(function* () {
      yield* refused(["cron", "history", "x", "--limit", "5", ...nowhere], 6, "no service")
      yield* refused(["cron", "history", "--limit=5", "x", ...nowhere], 6, "no service")
      yield* refused([...nowhere, "cron", "status", "--history", "3", "x"], 6, "no service")
    })
  )

  it.effect("computes the next instants of an expression without a service", () =>
    Effect.gen(function* () {
      const next = yield* symbi(["cron", "next", "0 9 * * *", "--tz", "Asia/Tokyo", "--count", "2"])
      assert.strictEqual(next.code, 0)
      assert.lengthOf(next.stdout.trim().split("\n"), 2)
      assert.match(next.stdout, /^\d{4}-\d\d-\d\dT00:00:00Z {2}\d{4}-\d\d-\d\d 09:00:00 Asia\/Tokyo\n/)
      assert.include(next.stderr, "At 09:00\n")
      const words = yield* symbi(["cron", "next", "30", "2", "*", "*", "*", "--tz", "America/New_York", "--count", "1"])
      assert.match(words.stderr, /^At 02:30\nnote: \d{4}-03-\d\d: 02:30 does not exist in America\/New_York/)
      const hashed = yield* symbi(["cron", "next", "H 3 * * *", "--name", "daily-report", "--format", "json"])
      assert.deepInclude(JSON.parse(hashed.stdout), { description: "At 03:44", timezone: "UTC" })
      yield* refused(["cron", "next", "61 25 * * *"], 2, /minute: 61 .*hour: 25 /)
      yield* refused(["cron", "next", "*/5"], 2, "minute hour day-of-month month day-of-week")
      yield* refused(["cron", "next", "5"], 2, "1 field")
      yield* refused(["cron", "next", "@dayly"], 2, "@daily")
      yield* refused(["cron", "next", "nightly backup"], 2, "asked for by its id")
      yield* refused(["cron", "next", "nightly", "--name", "x"], 2, "--name is for an expression")
      yield* refused(["cron", "next", "nightly", ...nowhere], 6, "no service answers")
      yield* refused(["cron", "next", "* * * * *", "--tz", "Mars/Base"], 2, "Mars/Base")
    })
  )

  it.effect("refuses bad definitions before it speaks to a service", () =>
    Effect.gen(function* () {
      yield* refused(["cron", "add"], 2, "--file")
      yield* refused(["cron", "add", "--json", "{", ...nowhere], 2, "not valid JSON")
      yield* refused(["cron", "add", "--json", '{"name":"x","agent":"y"}', ...nowhere], 2, 'did you mean "agent_id"?')
      yield* refused(["cron", "add", "--file", "/no/such.symbi", ...nowhere], 3, "no such file")
    })
  )

  it.effect("runs an agent of a file without a service", () =>
    Effect.gen(function* () {
      const folder = mkdtempSync(join(tmpdir(), "symbi-test-"))
      const file = join(folder, "a.symbi")
      writeFileSync(
        file,
        `agent upper { command: ["sh", "-c", "echo working >&2; tr a-z A-Z"] }
agent broken { command: ["sh", "-c", "exit 3"] }\n`
      )
      const good = yield* symbi(["run", "upper", "--file", file, "--input", "hello"])
      assert.deepStrictEqual(good, { code: 0, stdout: "HELLO\n", stderr: "working\n" })
      yield* refused(["run", "broken", "--file", file], 1, "3")
      yield* refused(["run", "nobody", "--file", file], 3, "broken, upper")
      writeFileSync(file, "agent {")
      const bad = yield* symbi(["run", "upper", "--file", file])
      assert.strictEqual(bad.code, 2)
      assert.include(bad.stderr, `${file}:1:`)
    })
  )
})
