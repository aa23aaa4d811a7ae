import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/BuildOnce.ts"],
    setupFiles: ["test/support/FreshMethods.ts"],
    // Many tests wait for processes of theirs, so two at a time pay even on two cores. Loading Effect anew for each file
    // would take as long as the tests.
    poolOptions: { forks: { minForks: 1, maxForks: 2, isolate: false } },
    testTimeout: 30_000,
    hookTimeout: 60_000
  }
})
