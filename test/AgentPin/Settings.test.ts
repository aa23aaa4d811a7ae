import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { loadSettings } from "../../src/Settings.ts"

/** The section as it is read from a file of that text and an environment; `#` stands for the file in messages. */
const load = (text: string, env: Record<string, string> = {}) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const file = `${yield* Effect.orDie(fs.makeTempDirectoryScoped())}/symbiont.toml`
    yield* Effect.orDie(fs.writeFileString(file, text))
    return yield* loadSettings({ configFile: Option.some(file), env, overrides: {} }).pipe(
      Effect.map(({ settings, warnings }) => ({ agentpin: settings.agentpin, warnings })),
      Effect.mapError(({ message }) => message.replaceAll(file, "#"))
    )
  }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))

const problem = (text: string, env: Record<string, string> = {}) => Effect.flip(load(text, env))

describe("[agentpin]", () => {
  it.effect("is off by default", () =>
    Effect.map(load(""), ({ agentpin }) => assert.deepStrictEqual(agentpin, { required: false }))
  )

  it.effect("takes every key from the file", () =>
    Effect.gen(function* () {
      const { agentpin, warnings } = yield* load(`[agentpin]
required = true
domain = "https://Agent.Example.com"
audience = "scheduler.example.com"
discovery = "identity.json"
revocations = "revocations.json"
bundle = "bundle.json"
makers = "makers.json"
`)
      assert.deepStrictEqual(agentpin, {
        required: true,
        domain: "agent.example.com",
        audience: "scheduler.example.com",
        discovery: "identity.json",
        revocations: "revocations.json",
        bundle: "bundle.json",
        makers: "makers.json"
      })
      assert.deepStrictEqual(warnings, [])
    })
  )

  it.effect("takes every key from the environment, over the file", () =>
    Effect.gen(function* () {
      const { agentpin, warnings } = yield* load('[agentpin]\ndomain = "old.example.com"\nrequired = false\n', {
        SYMBI_AGENTPIN_REQUIRED: "1",
        SYMBI_AGENTPIN_DOMAIN: "agent.example.com",
        SYMBI_AGENTPIN_AUDIENCE: "a",
        SYMBI_AGENTPIN_DISCOVERY: "d.json",
        SYMBI_AGENTPIN_REVOCATIONS: "r.json",
        SYMBI_AGENTPIN_BUNDLE: "b.json",
        SYMBI_AGENTPIN_MAKERS: "m.json"
      })
      const files = { discovery: "d.json", revocations: "r.json", bundle: "b.json", makers: "m.json" }
      assert.deepStrictEqual(agentpin, { required: true, domain: "agent.example.com", audience: "a", ...files })
      assert.deepStrictEqual(warnings, [])
    })
  )

  it.effect("reads a switch of the environment as true, false, 1 or 0, and nothing else", () =>
    Effect.gen(function* () {
      const domain = '[agentpin]\ndomain = "a.example.com"\n'
      for (const [text, want] of [
        ["true", true],
        ["1", true],
        ["false", false],
        ["0", false],
        ["", false]
      ] as const) {
        assert.strictEqual((yield* load(domain, { SYMBI_AGENTPIN_REQUIRED: text })).agentpin.required, want, text)
      }
      assert.strictEqual(
        yield* problem(domain, { SYMBI_AGENTPIN_REQUIRED: "yes" }),
        'environment variable SYMBI_AGENTPIN_REQUIRED: expected true or false, found "yes"'
      )
    })
  )

  it.effect("needs a domain for anything else in it", () =>
    Effect.gen(function* () {
      const next = "needs the domain of the agents; set domain under [agentpin], or SYMBI_AGENTPIN_DOMAIN"
      assert.strictEqual(yield* problem("[agentpin]\nrequired = true\n"), `#:2: agentpin.required: ${next}`)
      assert.strictEqual(
        yield* problem("", { SYMBI_AGENTPIN_REQUIRED: "true" }),
        `environment variable SYMBI_AGENTPIN_REQUIRED: ${next}`
      )
      assert.strictEqual(yield* problem('[agentpin]\ndiscovery = "x.json"\n'), `#:2: agentpin.discovery: ${next}`)
    })
  )

  it.effect("refuses a domain that is more or less than a host name", () =>
    Effect.gen(function* () {
      for (const domain of [
        ...[
          "",
          "http://a.example.com",
          "a.example.com:443",
          "a.example.com/x",
          "https://a.example.com/",
          "u@a.example.com"
        ],
        ...[
          "127.0.0.1",
          "2130706433",
          "0x7f000001",
          "a.1",
          "[::1]",
          "a..b",
          ".a",
          "a.",
          "-a.b",
          "a b",
          "*.example.com",
          "\u00e4.example"
        ]
      ]) {
        assert.strictEqual(
          yield* problem(`[agentpin]\ndomain = ${JSON.stringify(domain)}\n`),
          `#:2: agentpin.domain: expected a host name such as agent.example.com, without port or path, found ${JSON.stringify(domain)}`
        )
      }
    })
  )
})
