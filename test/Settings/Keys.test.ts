import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { Scope } from "../../src/Domain/Key.ts"
import { loadSettings } from "../../src/Settings.ts"

const canary = "canary-8c1f0b7a5d3e"

const load = (text: string, env: Record<string, string> = {}) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const file = `${yield* fs.makeTempDirectoryScoped()}/symbiont.toml`
    yield* fs.writeFileString(file, text)
    return yield* Effect.either(loadSettings({ configFile: Option.some(file), env, overrides: {} }))
  }).pipe(Effect.scoped, Effect.orDie, Effect.provide(NodeContext.layer))

const loaded = (text: string, env: Record<string, string> = {}) =>
  Effect.flatMap(load(text, env), (either) => Effect.orDie(either))

const keysOf = (text: string, env: Record<string, string> = {}) =>
  Effect.map(loaded(text, env), ({ settings }) =>
    settings.server.api_keys.map(({ name, scopes, secret }) => [name, Redacted.value(secret), [...scopes]] as const)
  )

const list = (...entries: ReadonlyArray<string>) => `[server]\napi_keys = ${JSON.stringify(entries)}\n`
const all = [...Scope.literals]

describe("keys of the configuration", () => {
  it.effect("are keys alone, with a name, and with scopes", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* keysOf(list(canary, `ci:${canary}2`, `lead@example.org:${canary}3:read+approve`)), [
        [null, canary, all],
        ["ci", `${canary}2`, all],
        ["lead@example.org", `${canary}3`, ["read", "approve"]]
      ])
    })
  )

  it.effect("are missed where the variable holds nothing but commas: that must not open the service", () =>
    Effect.gen(function* () {
      for (const text of [",", " ", ", ,"]) {
        const refused = yield* load(list(canary), { SYMBI_API_KEYS: text })
        assert.include(String(refused._tag === "Left" ? refused.left.message : ""), "entry 1 is no key", text)
      }
    })
  )

  it.effect("come from SYMBI_API_KEYS before the file, and from variables within the file", () =>
    Effect.gen(function* () {
      const file = list(`ci:\${CI_KEY}:read`, "other-key-of-the-file")
      assert.deepStrictEqual(yield* keysOf(file, { CI_KEY: canary }), [
        ["ci", canary, ["read"]],
        [null, "other-key-of-the-file", all]
      ])
      const env = { CI_KEY: canary, SYMBI_API_KEYS: " first-key-0123456 , ops:second-key-012345 ,, " }
      assert.deepStrictEqual(yield* keysOf(file, env), [
        [null, "first-key-0123456", all],
        ["ops", "second-key-012345", all]
      ])
      const unset = yield* Effect.flip(Effect.flatten(load(file)))
      assert.match(unset.message, /:2: server\.api_keys: the environment variable CI_KEY is not set/)
    })
  )

  it.effect("are refused with their place, and nothing of a wrong one is said", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [text: string, problem: RegExp]> = [
        [list("fine-key-0123456789", `1x:${canary}`), /:2: server\.api_keys: entry 2 is no key: the part before/],
        [list(`${canary}:a:b:c`), /entry 1 is no key: it has more than two colons; write KEY, NAME:KEY or NAME:KEY:SC/],
        [list(`ci:${canary}:write`), /entry 1 is no key: its scopes must be some of read, operate, approve, admin/],
        [list(`ci:${canary}:`), /its scopes must be/],
        [list("ci:"), /its key is empty/],
        [list(""), /its key is empty/],
        [list(`${canary} ${canary}`), /its key is empty, or has spaces/],
        [list(`a:${canary}`, `b:${canary}`), /entry 2 repeats the key of another/],
        [list(`a:${canary}`, `a:${canary}2`), /two keys are named "a"/],
        [`[server]\napi_keys = "${canary}"\n`, /:2: server\.api_keys: expected /],
        [`[server]\napi_keys = ["${canary}", 3]\n`, /:2: server\.api_keys: expected a text, found something else/]
      ]
      for (const [text, problem] of cases) {
        const error = yield* Effect.flip(Effect.flatten(load(text)))
        assert.match(error.message, problem)
        assert.notInclude(error.message, canary)
      }
      const variable = yield* Effect.flip(Effect.flatten(load("", { SYMBI_API_KEYS: `1x:${canary}` })))
      assert.include(variable.message, "environment variable SYMBI_API_KEYS: entry 1 is no key")
      assert.notInclude(variable.message, canary)
    })
  )

  it.effect("are shown by name and scope, never as they are", () =>
    Effect.gen(function* () {
      const file = list(`ci:\${CI_KEY}:read+operate`, canary)
      const { effective, settings, warnings } = yield* loaded(file, { CI_KEY: `${canary}2` })
      const shown = effective.find(({ key }) => key === "server.api_keys")
      assert.strictEqual(shown?.value, "ci:[redacted]:read+operate, [redacted]:read+operate+approve+admin")
      assert.match(shown?.from ?? "", /symbiont\.toml:2$/)
      assert.notInclude(JSON.stringify([effective, settings, warnings]) + String(settings), canary)
      const none = yield* loaded("")
      assert.deepInclude(none.effective, { key: "server.api_keys", value: "none", from: "default" })
    })
  )

  it.effect("are doubted when they are short", () =>
    Effect.gen(function* () {
      const { warnings } = yield* loaded("", { SYMBI_API_KEYS: `hunter2,${canary}` })
      assert.deepStrictEqual(warnings, [
        "environment variable SYMBI_API_KEYS: key 1 has fewer than 16 characters and could be guessed"
      ])
    })
  )
})
