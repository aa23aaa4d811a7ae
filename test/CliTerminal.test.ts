import { execFile, spawnSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { folderWith, program, startService } from "./support/Service.ts"
import { symbi } from "./support/Symbi.ts"

/** util-linux's `script` gives a command a terminal; without it there is nothing to test on. */
const hasTerminal = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0

// biome-ignore lint/suspicious/noControlCharactersInRegex: what colours a terminal
const colour = /\u001b\[[0-9;]*m/

/** Runs `symbi` on a terminal of its own; `typed` comes once it asks. Gives what the terminal showed, and how it ended. */
const ended = (words: ReadonlyArray<string>, typed: string, env: Record<string, string>) =>
  Effect.async<{ readonly shown: string; readonly code: unknown }>((resume) => {
    const command = [process.execPath, program, ...words].map((word) => `'${word}'`).join(" ")
    const child = execFile(
      "script",
      ["--quiet", "--return", "--command", command, "/dev/null"],
      { env: { PATH: process.env["PATH"], TERM: "xterm", ...env }, timeout: 20_000 },
      (error, shown) => resume(Effect.succeed({ shown, code: error?.code ?? 0 }))
    )
    let asked = ""
    child.stdout?.on("data", (text: string) => {
      const before = asked
      asked += text
      if (asked.includes("Remove job") && !before.includes("Remove job")) child.stdin?.write(typed)
    })
  })

const onTerminal = (words: ReadonlyArray<string>, typed: string, server: string) =>
  Effect.map(ended(words, typed, { SYMBI_SERVER: server }), ({ shown }) => shown)

describe.runIf(hasTerminal)("remove on a terminal", () => {
  it.scopedLive(
    "asks first: n and Ctrl-C keep the job, y removes it",
    () =>
      Effect.gen(function* () {
        const { url } = yield* startService({ folder: yield* folderWith({}) })
        const env = { SYMBI_SERVER: url }
        const names = Effect.map(symbi(["cron", "list", "--format", "json"], { env }), ({ stdout }) =>
          JSON.parse(stdout).map((job: { name: string }) => job.name)
        )
        yield* symbi(["cron", "add", "--json", '{"name":"kept","agent_id":"a","cron_expr":"0 * * * *"}'], { env })
        yield* onTerminal(["cron", "remove", "kept"], "n", url)
        assert.deepStrictEqual(yield* names, ["kept"])
        const left = yield* ended(["cron", "remove", "kept"], "\u0003", env)
        assert.strictEqual(left.code, 130)
        assert.match(left.shown, colour)
        const plain = yield* ended(["cron", "remove", "kept"], "n", { ...env, NO_COLOR: "1" })
        assert.strictEqual(plain.code, 0)
        assert.notMatch(plain.shown, colour)
        assert.deepStrictEqual(yield* names, ["kept"])
        yield* onTerminal(["cron", "remove", "kept"], "y", url)
        assert.deepStrictEqual(yield* names, [])
      }),
    60_000
  )
})

describe.runIf(hasTerminal)("what an agent says", () => {
  it.scopedLive("cannot steer a terminal, and is the same bytes elsewhere", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({
        "a.symbi": `agent steers { command: ["printf", "\\\\033]0;title\\\\007\\\\033[31mred\\\\tend\\\\n"] }\n`
      })
      const words = ["run", "steers", "--file", `${folder}/a.symbi`]
      assert.strictEqual((yield* symbi(words)).stdout, "\u001b]0;title\u0007\u001b[31mred\tend\n")
      assert.strictEqual(yield* onTerminal(words, "", ""), "\u241b]0;title\u2407\u241b[31mred\tend\r\n")
      const unknown = yield* onTerminal(["run", "\u001b[31mx", ...words.slice(2)], "", "")
      assert.include(unknown, "\u241b[31mx")
      assert.notInclude(unknown, "\u001b[31m")
    })
  )
})
