import { execFile, spawnSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { folderWith, program, startService } from "./support/Service.ts"
import { symbi } from "./support/Symbi.ts"

/** util-linux's `script` gives a command a terminal; without it there is nothing to test on. */
const hasTerminal = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0

/** Runs `symbi` on a terminal of its own; `typed` comes once it asks. */
const onTerminal = (words: ReadonlyArray<string>, typed: string, server: string) =>
  Effect.async<string>((resume) => {
    const command = [process.execPath, program, ...words].map((word) => `'${word}'`).join(" ")
    const child = execFile(
      "script",
      ["--quiet", "--return", "--command", command, "/dev/null"],
      { env: { PATH: process.env["PATH"], SYMBI_SERVER: server, TERM: "xterm" }, timeout: 20_000 },
      (_, stdout) => resume(Effect.succeed(stdout))
    )
    let asked = ""
    child.stdout?.on("data", (text: string) => {
      const before = asked
      asked += text
      if (asked.includes("Remove job") && !before.includes("Remove job")) child.stdin?.write(typed)
    })
  })

describe.runIf(hasTerminal)("remove on a terminal", () => {
  it.scopedLive(
    "asks first: n keeps the job, y removes it",
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
        yield* onTerminal(["cron", "remove", "kept"], "y", url)
        assert.deepStrictEqual(yield* names, [])
      }),
    60_000
  )
})
