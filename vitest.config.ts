import { defineConfig } from "vitest/config"
import { LongFirst } from "./test/support/LongFirst.ts"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/BuildOnce.ts"],
    setupFiles: ["test/support/FreshMethods.ts"],
    sequence: { sequencer: LongFirst },
    // Many tests wait for processes of theirs, so three at a time pay even on two cores. Loading Effect anew for each file
    // would take as long as the tests. Fibers leave much behind that is soon garbage: with room for it, V8 collects less.
    poolOptions: {
      forks: {
        minForks: 3,
        maxForks: 3,
        isolate: false,
        execArgv: ["--min-semi-space-size=64", "--max-semi-space-size=64"]
      }
    },
    testTimeout: 30_000,
    hookTimeout: 60_000
  }
})
