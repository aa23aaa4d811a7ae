import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { withheldVariables } from "../../src/ServiceEnvironment.ts"
import { loadSettings, type Provider } from "../../src/Settings.ts"

type Env = Readonly<Record<string, string>>

const loaded = (lines: ReadonlyArray<string>, env: Env = {}) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* Effect.orDie(fs.makeTempDirectoryScoped())
    const file = `${folder}/symbiont.toml`
    yield* Effect.orDie(fs.writeFileString(file, lines.join("\n")))
    return yield* loadSettings({ configFile: Option.some(file), env, overrides: {} }).pipe(
      Effect.map((all) => ({ ...all, warnings: all.warnings.map((one) => one.replaceAll(file, "#")) })),
      Effect.mapError(({ message }) => message.replaceAll(file, "#").split("\n"))
    )
  }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))

const canary = "canary-key-6b1f"

const keyOf = (provider: Provider | undefined) =>
  provider?.api_key === undefined ? undefined : Redacted.value(provider.api_key)

describe("[providers.NAME]", () => {
  it.effect("has the two known ones without any configuration", () =>
    Effect.gen(function* () {
      const { settings, warnings } = yield* loaded([])
      const common = { models: [], timeout: "5m", idle_timeout: "60s", retries: 2, prices: {} }
      assert.deepStrictEqual<unknown>(settings.providers, {
        anthropic: { kind: "anthropic", base_url: "https://api.anthropic.com", ...common },
        openai: { kind: "openai", base_url: "https://api.openai.com/v1", ...common }
      })
      assert.deepStrictEqual(warnings, [])
    })
  )

  it.effect("takes what the file says", () =>
    Effect.gen(function* () {
      const { settings } = yield* loaded([
        "[providers.local]",
        'base_url = "http://127.0.0.1:11434/v1"',
        'models = ["llama*"]',
        'timeout = "10m"',
        'idle_timeout = "2m"',
        "retries = 0",
        '[providers.anthropic.prices."claude-*-4.5"]',
        "input = 3",
        "output = 15.5",
        "cached_input = 0.3",
        "[providers.mirror]",
        'kind = "anthropic"',
        'base_url = "https://mirror.example.com"'
      ])
      assert.deepStrictEqual<unknown>(settings.providers["local"], {
        kind: "openai",
        base_url: "http://127.0.0.1:11434/v1",
        models: ["llama*"],
        timeout: "10m",
        idle_timeout: "2m",
        retries: 0,
        prices: {}
      })
      assert.deepStrictEqual(settings.providers["anthropic"]?.prices, {
        "claude-*-4.5": { input: 3, output: 15.5, cached_input: 0.3 }
      })
      assert.deepStrictEqual(settings.providers["mirror"]?.kind, "anthropic")
      assert.deepStrictEqual(Object.keys(settings.providers).sort(), ["anthropic", "local", "mirror", "openai"])
    })
  )

  it.effect("takes the keys of the known ones from the variables that everybody uses, unless the file gives one", () =>
    Effect.gen(function* () {
      const env = { ANTHROPIC_API_KEY: "sk-ant-1", OPENAI_API_KEY: "sk-1", PROXY_KEY: "px-1" }
      const bare = yield* loaded([], env)
      assert.deepStrictEqual(
        [keyOf(bare.settings.providers["anthropic"]), keyOf(bare.settings.providers["openai"])],
        ["sk-ant-1", "sk-1"]
      )
      const lines = ["[providers.openai]", 'base_url = "https://proxy.example.com/v1"', `api_key = "\${PROXY_KEY}"`]
      const given = yield* loaded(lines, env)
      assert.strictEqual(keyOf(given.settings.providers["openai"]), "px-1")
      const { PROXY_KEY: _, ...without } = env
      const unset = yield* loaded(lines, without)
      assert.isUndefined(keyOf(unset.settings.providers["openai"]))
    })
  )

  it.effect("warns of a key whose variable is not set", () =>
    Effect.gen(function* () {
      const { settings, warnings } = yield* loaded(["[providers.anthropic]", `api_key = "\${MY_KEY}"`])
      assert.deepStrictEqual(warnings, [
        "#:2: providers.anthropic.api_key: the environment variable MY_KEY is not set; agents of that provider fail until it is"
      ])
      assert.deepStrictEqual(settings.unset, [{ key: "providers.anthropic.api_key", variable: "MY_KEY" }])
    })
  )

  it.effect("withholds from jobs and agents the variables that keys are taken from", () =>
    Effect.gen(function* () {
      const { keyVariables } = yield* loaded(
        ["[providers.x]", 'base_url = "http://a"', `api_key = "\${A}\${B}"`, "[server]", `api_keys = ["\${C}"]`],
        { A: "a", B: "b", C: "c-long-enough-for-a-key" }
      )
      const withheld = withheldVariables(keyVariables)
      assert.deepStrictEqual([...keyVariables], ["A", "B", "C"])
      for (const name of ["A", "B", "C", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"]) assert.isTrue(withheld.has(name), name)
    })
  )

  it.effect("shows keys in no form but the variable they come from", () =>
    Effect.gen(function* () {
      const { effective } = yield* loaded(
        ["[providers.a]", 'base_url = "http://a"', `api_key = "${canary}"`, "[providers.openai]", `api_key = "\${K}"`],
        { K: canary, ANTHROPIC_API_KEY: canary }
      )
      assert.notInclude(JSON.stringify(effective), canary)
      const shown = (key: string) => effective.find((one) => one.key === key)?.value
      assert.strictEqual(shown("providers.a.api_key"), "[redacted]")
      assert.strictEqual(shown("providers.anthropic.api_key"), "[redacted]")
      assert.strictEqual(shown("providers.openai.api_key"), `\${K}`)
    })
  )

  const wrong: ReadonlyArray<readonly [what: string, lines: ReadonlyArray<string>, said: ReadonlyArray<string>]> = [
    ["no URL", ["[providers.x]"], ["#:1: providers.x: needs base_url"]],
    [
      "a URL that is none",
      ["[providers.x]", 'base_url = "localhost:11434"'],
      ['#:2: providers.x.base_url: expected an http or https URL, found "localhost:11434"']
    ],
    [
      "a URL with a password",
      ["[providers.x]", `base_url = "http://u:${canary}@a"`],
      ["#:2: providers.x.base_url: has a user or a password; a key belongs into api_key"]
    ],
    [
      "a URL with a query",
      ["[providers.x]", `base_url = "http://a/?key=${canary}"`],
      ["#:2: providers.x.base_url: has a query or a fragment; requests go to paths below it"]
    ],
    [
      "a key that no header can carry",
      ["[providers.anthropic]", `api_key = "${canary}\\n"`],
      ["#:2: providers.anthropic.api_key: has spaces, line breaks or characters that are not ASCII"]
    ],
    [
      "keys that are no texts",
      ["[providers.anthropic]", `api_key = ["${canary}"]`, "[providers.openai.api_key]", `key = "${canary}"`],
      [
        "#:2: providers.anthropic.api_key: expected a text, found something else",
        "#:3: providers.openai.api_key: expected a text, found something else"
      ]
    ],
    [
      "an empty key",
      ["[providers.anthropic]", 'api_key = ""'],
      ['#:2: providers.anthropic.api_key: expected a text that is not empty, found ""']
    ],
    [
      "another kind",
      ["[providers.anthropic]", 'kind = "gemini"'],
      ['#:2: providers.anthropic.kind: expected a kind ("anthropic" or "openai"), found "gemini"']
    ],
    [
      "a name that is none",
      ['[providers."a.b"]', 'base_url = "http://a"'],
      ["#:1: providers.a.b: the name begins with a letter or _, and has only letters, digits, _ and -"]
    ],
    [
      "prices that are none",
      ['[providers.openai.prices."gpt-*"]', "input = -1", '[providers.openai.prices."o3"]', "input = 1"],
      [
        "#:2: providers.openai.prices.gpt-*.input: expected a price of 0 or more, found -1",
        "#:1: providers.openai.prices.gpt-*: needs output",
        "#:3: providers.openai.prices.o3: needs output"
      ]
    ],
    [
      "times and counts",
      ["[providers.openai]", 'timeout = "soon"', "retries = 11"],
      [
        '#:2: providers.openai.timeout: expected a positive duration such as "90s", "5m" or "1h30m", found "soon"',
        "#:3: providers.openai.retries: expected a whole number from 0 to 10, found 11"
      ]
    ]
  ]
  for (const [what, lines, said] of wrong) {
    it.effect(`refuses ${what}: ${said[0]}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* Effect.flip(loaded(lines)), [...said])
      })
    )
  }

  it.effect("warns of keys that there are not", () =>
    Effect.gen(function* () {
      const { warnings } = yield* loaded([
        "[providers.openai]",
        `apikey = "${canary}"`,
        '[providers.openai.prices."o3"]',
        "input = 1",
        "output = 2",
        "inputs = 1"
      ])
      assert.deepStrictEqual(warnings, [
        "#:2: unknown key providers.openai.apikey; did you mean api_key?",
        "#:6: unknown key providers.openai.prices.o3.inputs; did you mean input?"
      ])
    })
  )
})
