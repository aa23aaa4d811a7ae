import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { best, fits } from "../../src/Agents/Providers/Names.ts"
import { openAi } from "../../src/Agents/Providers/OpenAi.ts"
import { makeModels } from "../../src/Agents/Providers.ts"
import { Settings, SettingsSchema, type UnsetSetting } from "../../src/Settings.ts"
import { agentId, type ProvidersTable } from "./providers.ts"

const modelsOf = (providers: ProvidersTable, unset: ReadonlyArray<UnsetSetting> = []) =>
  makeModels.pipe(
    Effect.provide(
      Layer.succeed(Settings, {
        ...Schema.decodeSync(SettingsSchema)({ scheduler: {}, server: {}, agentpin: {}, providers }),
        data_dir: "",
        unset
      })
    )
  )

const keys: ProvidersTable = { anthropic: { api_key: "a" }, openai: { api_key: "o" } }
const local = { base_url: "http://127.0.0.1:11434/v1" }

/** The provider and the name that a model is called by, or why it is not. */
const found = (providers: ProvidersTable, model: string, provider?: string, unset?: ReadonlyArray<UnsetSetting>) =>
  Effect.map(modelsOf({ ...keys, ...providers }, unset), (models) =>
    Either.match(models.find({ id: agentId, model, ...(provider === undefined ? {} : { provider }) }), {
      onLeft: ({ kind, message }) => `${kind}: ${message}`,
      onRight: (chosen) => `${chosen.provider} ${chosen.model}`
    })
  )

const configured = "configured are anthropic, local, openai"

const cases: ReadonlyArray<
  readonly [what: string, providers: ProvidersTable, model: string, expected: string, provider?: string]
> = [
  ["Claude by name", {}, "claude-sonnet-4-5", "anthropic claude-sonnet-4-5"],
  ["Claude as people write it", {}, "claude-sonnet-4.5", "anthropic claude-sonnet-4-5"],
  ["GPT by name", {}, "gpt-4.1-mini", "openai gpt-4.1-mini"],
  ["reasoning models by name", {}, "o3", "openai o3"],
  ["ChatGPT by name", {}, "chatgpt-4o-latest", "openai chatgpt-4o-latest"],
  ["what the agent names", { local }, "claude-3.5", "local claude-3.5", "local"],
  ["what stands before a slash", { local }, "local/llama3.2:3b", "local llama3.2:3b"],
  ["a slash that is part of the name", { local: { ...local, models: ["meta/*"] } }, "meta/llama", "local meta/llama"],
  ["a pattern before a name", { local: { ...local, models: ["gpt-oss*"] } }, "gpt-oss:20b", "local gpt-oss:20b"],
  [
    "the longest pattern",
    { one: { ...local, models: ["*"] }, two: { ...local, models: ["llama*"] } },
    "llama3",
    "two llama3"
  ],
  [
    "no model that anyone serves",
    { local },
    "mistral",
    `permanent: agent "agent": no provider is known for the model "mistral"; ${configured}; write provider: "NAME" in the agent, or models = ["mistral"] under [providers.NAME] in symbiont.toml`
  ],
  [
    "a provider that there is not",
    { local },
    "llama3",
    `permanent: agent "agent": there is no provider "locale"; ${configured}; write [providers.locale] with its base_url in symbiont.toml`,
    "locale"
  ],
  [
    "no key",
    { anthropic: {} },
    "claude-3-haiku",
    'permanent: agent "agent": the provider "anthropic" has no key; set ANTHROPIC_API_KEY, or api_key under [providers.anthropic], and start the service again'
  ],
  [
    "no key to another server",
    { anthropic: { base_url: "http://127.0.0.1:1" } },
    "claude-3-haiku",
    "anthropic claude-3-haiku"
  ]
]

describe("the provider of a model", () => {
  for (const [what, providers, model, expected, provider] of cases) {
    it.scoped(`${what}: ${model}`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* found(providers, model, provider), expected)
      })
    )
  }

  it.scoped("names the variable of a key that is not set", () =>
    Effect.gen(function* () {
      const unset = [{ key: "providers.local.api_key", variable: "LOCAL_KEY" }]
      assert.strictEqual(
        yield* found({ local }, "x", "local", unset),
        'permanent: agent "agent": providers.local.api_key needs the environment variable LOCAL_KEY, which is not set; set it and start the service again'
      )
      assert.strictEqual(yield* found({ local }, "gpt-5", undefined, unset), "openai gpt-5")
    })
  )

  it.scoped("knows what tokens cost where a price is configured, by the name as it is written or sent", () =>
    Effect.gen(function* () {
      const models = yield* modelsOf({
        anthropic: {
          api_key: "a",
          prices: { "claude-*": { input: 1, output: 1 }, "claude-sonnet-4.5": { input: 3, output: 15 } }
        },
        openai: { api_key: "o" }
      })
      const costOf = (model: string) =>
        Either.getOrThrow(models.find({ id: agentId, model })).costOf({ input_tokens: 1_000, output_tokens: 100 })
      assert.closeTo(costOf("claude-sonnet-4-5") ?? 0, 0.0045, 1e-12)
      assert.closeTo(costOf("claude-sonnet-4.5") ?? 0, 0.0045, 1e-12)
      assert.closeTo(costOf("claude-3-haiku") ?? 0, 0.0011, 1e-12)
      assert.isUndefined(costOf("gpt-5"))
    })
  )

  it("takes patterns with any number of stars", () => {
    const yes = [
      ["*", ""],
      ["a*", "a"],
      ["a*c", "abc"],
      ["*b*", "abc"],
      ["a*b*c", "a-b-b-c"],
      ["**", "x"],
      ["a", "a"]
    ]
    const no = [
      ["a*", "ba"],
      ["a*a", "a"],
      ["*b", "abc"],
      ["a*b*c", "acb"],
      ["a", "A"],
      ["", "a"],
      ["a.c", "abc"]
    ]
    for (const [pattern = "", name = ""] of yes) assert.isTrue(fits(pattern, name), `${pattern} ${name}`)
    for (const [pattern = "", name = ""] of no) assert.isFalse(fits(pattern, name), `${pattern} ${name}`)
    const entries = [
      ["a*", 1],
      ["ab", 2],
      ["ab*", 3]
    ] as const
    assert.deepStrictEqual(
      [best(entries, "ab"), best(entries, "abc"), best(entries, "ac"), best(entries, "b")],
      [2, 3, 1, undefined]
    )
  })

  it("asks OpenAI's own server with its newer name of the limit", () => {
    const request = {
      system: undefined,
      messages: [],
      tools: [],
      temperature: undefined,
      max_tokens: 7,
      timeout: undefined
    }
    assert.deepInclude(openAi.body("o3", request, "https://api.openai.com/v1"), { max_completion_tokens: 7 })
    assert.deepInclude(openAi.body("o3", request, "https://api.openai.com.example.com/v1"), { max_tokens: 7 })
    assert.strictEqual(openAi.url("https://api.openai.com/v1/"), "https://api.openai.com/v1/chat/completions")
  })
})
