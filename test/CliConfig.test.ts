import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { symbi } from "./support/Symbi.ts"

const inFolder = <A, E, R>(toml: string, body: (cwd: string) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const cwd = yield* fs.makeTempDirectoryScoped({ prefix: "symbi-config-" })
    yield* fs.writeFileString(`${cwd}/symbiont.toml`, toml)
    return yield* body(cwd)
  }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))

const row = (stdout: string, key: string) =>
  stdout
    .split("\n")
    .find((line) => line.startsWith(`${key} `))
    ?.split(/\s{2,}/)
    .slice(1)

describe("symbi config", () => {
  it.live("shows each value and whether an option, the environment, the file or nobody set it", () =>
    inFolder("[scheduler]\nmax_jitter_seconds = 5\nmax_concurrent_jobs = 7\n\n[server]\nport = 9000\n", (cwd) =>
      Effect.gen(function* () {
        const env = { SYMBI_SCHEDULER_MAX_CONCURRENT: "20", SYMBI_PORT: "9001", SYMBI_SERVER: "" }
        const { code, stderr, stdout } = yield* symbi(["config", "--port", "9002"], { cwd, env })
        assert.deepStrictEqual([code, stderr], [0, ""])
        assert.deepStrictEqual(row(stdout, "scheduler.max_jitter_seconds"), ["5", "symbiont.toml:2"])
        assert.deepStrictEqual(row(stdout, "scheduler.max_concurrent_jobs"), [
          "20",
          "environment variable SYMBI_SCHEDULER_MAX_CONCURRENT"
        ])
        assert.deepStrictEqual(row(stdout, "server.port"), ["9002", "option --port"])
        assert.deepStrictEqual(row(stdout, "scheduler.timezone"), ["UTC", "default"])
        assert.deepStrictEqual(row(stdout, "data_dir"), [`${cwd}/.symbi`, "default"])
      })
    )
  )

  it.live("shows a variable by its name, never by what it holds", () =>
    inFolder(`[scheduler]\nenvironment = "\${STAGE}"\n`, (cwd) =>
      Effect.gen(function* () {
        for (const format of ["table", "json", "csv"]) {
          const shown = yield* symbi(["config", "--format", format], { cwd, env: { STAGE: "canary-7f3a" } })
          assert.include(shown.stdout, `\${STAGE}`)
          assert.notInclude(shown.stdout + shown.stderr, "canary-7f3a")
        }
      })
    )
  )

  it.live("says what is wrong, where, and ends with 1; what is doubtful is a warning", () =>
    inFolder("[scheduler]\ntick_interval_seconds = 61\nmax_jitter = 3\n", (cwd) =>
      Effect.gen(function* () {
        const wrong = yield* symbi(["config"], { cwd })
        assert.strictEqual(wrong.code, 1)
        assert.include(wrong.stderr, "symbiont.toml:2: scheduler.tick_interval_seconds: expected a whole number")
        const none = yield* symbi(["config", "--config", "other.toml"], { cwd })
        assert.strictEqual(none.code, 3)
        assert.include(none.stderr, "other.toml: no such file")
      })
    )
  )

  it.live("is JSON for programs", () =>
    inFolder("[scheduler]\nmax_jiter_seconds = 3\n", (cwd) =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* symbi(["config", "--format", "json"], { cwd })
        assert.strictEqual(code, 0)
        assert.include(stderr, "did you mean max_jitter_seconds?")
        const settings: ReadonlyArray<{ key: string; value: unknown; from: string }> = JSON.parse(stdout)
        assert.deepInclude(settings, { key: "scheduler.tick_interval_seconds", value: 1, from: "default" })
      })
    )
  )
})
