import { execFile } from "node:child_process"
import { copyFileSync, cpSync, readdirSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { buildLibrary, compiled } from "../support/Library.ts"
import { folderWith, startService } from "../support/Service.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const { resolve } = createRequire(import.meta.url)

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const run = (cwd: string, command: string, ...words: ReadonlyArray<string>): Effect.Effect<Ended> =>
  Effect.async((resume, signal) => {
    execFile(command, [...words], { cwd, signal, maxBuffer: 16_000_000 }, (error, stdout, stderr) => {
      resume(Effect.succeed({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }))
    })
  })

const succeeds = (cwd: string, command: string, ...words: ReadonlyArray<string>) =>
  Effect.map(run(cwd, command, ...words), ({ code, stderr, stdout }) => {
    assert.strictEqual(code, 0, `${command} ${words.join(" ")}\n${stdout}\n${stderr}`)
    return stdout
  })

const copiesOf = (name: string, folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true })
    .map(String)
    .filter((path) => path === join(name, "package.json") || path.endsWith(join("node_modules", name, "package.json")))

const project = {
  "package.json": JSON.stringify({ name: "embedding", private: true, type: "module" }),
  "wrong.ts": `import { Jobs } from "symbiont-scheduler"\nJobs.nothing\n`
}

const compilerOptions = {
  target: "ES2022",
  lib: ["ES2023", "ES2024.String"],
  module: "NodeNext",
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  types: ["node"]
}

describe("The package, outside its repository", () => {
  it.scopedLive(
    "is composed anew by a program of somebody else's",
    () =>
      Effect.gen(function* () {
        yield* buildLibrary
        const folder = yield* folderWith(project)
        yield* succeeds(root, "npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", folder)
        const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"))
        const quiet = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]
        yield* succeeds(folder, "npm", "install", ...quiet, `./${tarball}`, "@types/node@20")
        // Compiling the database driver takes minutes where no prebuilt one is to be had; it is the repository's already.
        const driver = dirname(resolve("better-sqlite3/package.json"))
        cpSync(join(driver, "build"), join(folder, "node_modules", "better-sqlite3", "build"), { recursive: true })
        assert.deepStrictEqual(copiesOf("effect", join(folder, "node_modules")), [join("effect", "package.json")])

        for (const name of ["embedding.ts", "sdk.ts"]) copyFileSync(join(root, "scratchpad", name), join(folder, name))
        const programs = ["embedding.ts", "sdk.ts", "wrong.ts"]
        const { checked, errors } = yield* compiled(folder, programs, compilerOptions, (path) =>
          // What the types of other packages have wrong among themselves is not ours to mend.
          /^(\w+\.ts|node_modules\/symbiont-scheduler\/.*)$/.test(path)
        )
        const inPackage = ["index", "Sdk", "testing"].map(
          (name) => `node_modules/symbiont-scheduler/dist/lib/${name}.d.ts`
        )
        assert.includeMembers(checked, [...programs, ...inPackage])
        assert.lengthOf(errors, 1, errors.join("\n"))
        assert.include(errors[0], "wrong.ts(2,6): error TS2339")

        assert.deepStrictEqual((yield* succeeds(folder, process.execPath, "embedding.js")).trim().split("\n"), [
          "hourly-report: 12 denied, 12 succeeded; 12 delivered; active",
          "watch: 96 succeeded; 96 delivered; active",
          "deployment: 1 failed; 2 delivered; dead_letter"
        ])

        yield* Effect.gen(function* () {
          const service = yield* startService({ folder: yield* folderWith({}) })
          const said = yield* succeeds(folder, process.execPath, "sdk.js", service.url)
          assert.deepStrictEqual(said.trim().split("\n"), [
            "nightly: 0 3 * * * for backup",
            "409 JOB_NAME_TAKEN",
            "1 job"
          ])
        })

        const version = yield* succeeds(folder, join(folder, "node_modules", ".bin", "symbi"), "--version")
        assert.match(version, /\d+\.\d+\.\d+/)
      }),
    300_000
  )
})
