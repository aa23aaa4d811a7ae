import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import { build } from "esbuild"

/** Bundles a program of the tests, so that node can run it as a process of its own; gives the bundle's path. */
export const bundled = (program: URL) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped({ prefix: "symbiont-test-" })
    const outfile = `${folder}/program.cjs`
    yield* Effect.promise(() =>
      build({
        entryPoints: [program.pathname],
        bundle: true,
        platform: "node",
        format: "cjs",
        outfile,
        logLevel: "silent"
      })
    )
    return outfile
  })
