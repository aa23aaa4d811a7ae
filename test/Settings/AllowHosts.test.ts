import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { loadSettings } from "../../src/Settings.ts"

const load = (...entries: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const file = `${yield* fs.makeTempDirectoryScoped()}/symbiont.toml`
    yield* fs.writeFileString(file, `[scheduler.delivery]\nallow_hosts = ${JSON.stringify(entries)}\n`)
    return yield* loadSettings({ configFile: Option.some(file), env: {}, overrides: {} })
  }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))

describe("allow_hosts", () => {
  it.effect("are hosts, addresses and networks", () =>
    Effect.gen(function* () {
      const entries = ["hooks.internal:8080", "*.internal", "10.0.0.0/8", "[fd00::1]:80"]
      assert.deepStrictEqual((yield* load(...entries)).settings.scheduler.delivery.allow_hosts, entries)
    })
  )

  it.effect("stop the start where one is wrong, and name it and its line", () =>
    Effect.gen(function* () {
      const { message } = yield* Effect.flip(load("fine.internal", "http://hooks.internal/"))
      assert.match(
        message,
        /symbiont\.toml:2: .*allow_hosts: "http:\/\/hooks\.internal\/": expected a host \(hooks\.internal\)/
      )
    })
  )
})
