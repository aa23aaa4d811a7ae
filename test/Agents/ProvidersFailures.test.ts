import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { AgentFailure } from "../../src/Domain/Agent.ts"
import {
  cut,
  cutAtMaxTokens,
  empty,
  errorEvent,
  fails,
  malformed,
  overloaded,
  rateLimited,
  refuses,
  type Step,
  say,
  silent,
  unavailable,
  uses,
  type Wire
} from "../support/ModelServer.ts"
import { agentId, ask, canary, failureOf, modelOf, modelsWith, type ProvidersTable, wires } from "./providers.ts"

interface Expected {
  readonly kind: AgentFailure["kind"]
  readonly message: string
  readonly output?: string
  readonly retry_after_ms?: number
  /** 10 in and 5 out unless given. */
  readonly usage?: "none" | "some"
}

const mark = "\n[the answer was cut here]"

interface Case {
  readonly what: string
  readonly step: Step
  readonly expected: Expected | Readonly<Record<Wire, Expected>>
  readonly settings?: ProvidersTable[string]
}

const refusedBefore = { usage: "none" } as const

const cases: ReadonlyArray<Case> = [
  {
    what: "429",
    step: rateLimited(12),
    expected: {
      ...refusedBefore,
      kind: "rate_limited",
      message: 'provider "test" limits the rate (429): Rate limit reached',
      retry_after_ms: 12_000
    }
  },
  {
    what: "429 with the wait in ms",
    step: fails(429, "slow down", { headers: { "retry-after-ms": "250.5", "retry-after": "7" } }),
    expected: {
      ...refusedBefore,
      kind: "rate_limited",
      message: 'provider "test" limits the rate (429): slow down',
      retry_after_ms: 251
    }
  },
  {
    what: "429 because nothing is paid for",
    step: fails(429, "You exceeded your quota", { code: "insufficient_quota", type: "insufficient_quota" }),
    expected: {
      ...refusedBefore,
      kind: "permanent",
      message: 'the quota of provider "test" is used up (429): You exceeded your quota'
    }
  },
  {
    what: "529",
    step: overloaded,
    expected: { ...refusedBefore, kind: "transient", message: 'provider "test" is overloaded (529): Overloaded' }
  },
  {
    what: "503 of a proxy",
    step: unavailable,
    expected: { ...refusedBefore, kind: "transient", message: 'provider "test" failed (503)' }
  },
  {
    what: "500 that says when to come back",
    step: fails(500, "Internal", { headers: { "retry-after": "3" } }),
    expected: {
      ...refusedBefore,
      kind: "transient",
      message: 'provider "test" failed (500): Internal',
      retry_after_ms: 3_000
    }
  },
  {
    what: "408",
    step: fails(408, "Request timeout"),
    expected: { ...refusedBefore, kind: "timeout", message: 'provider "test" took too long (408): Request timeout' }
  },
  {
    what: "401, in which the key is echoed",
    step: fails(401, `Incorrect API key provided: ${canary.slice(0, 9)}***`),
    expected: {
      ...refusedBefore,
      kind: "permanent",
      message: 'the key of provider "test" was refused (401); check api_key under [providers.test]'
    }
  },
  {
    what: "403",
    step: fails(403, "no access to that model"),
    expected: {
      ...refusedBefore,
      kind: "permanent",
      message:
        'the key of provider "test" was refused (403): no access to that model; check api_key under [providers.test]'
    }
  },
  {
    what: "404",
    step: fails(404, "model: some-model"),
    expected: {
      ...refusedBefore,
      kind: "permanent",
      message: 'provider "test" has no model "some-model", or its base_url is wrong (404): model: some-model'
    }
  },
  {
    what: "a prompt that is too long for Anthropic",
    step: fails(400, "prompt is too long: 210000 tokens > 200000 maximum"),
    expected: {
      ...refusedBefore,
      kind: "permanent",
      message:
        'the context is too long for some-model of provider "test": prompt is too long: 210000 tokens > 200000 maximum; shorten the input or the conversation, or lower max_tokens'
    }
  },
  {
    what: "413",
    step: fails(413, "too large"),
    expected: {
      ...refusedBefore,
      kind: "permanent",
      message:
        'the context is too long for some-model of provider "test": too large; shorten the input or the conversation, or lower max_tokens'
    }
  },
  {
    what: "any other 400, cut to a line and without the key",
    step: fails(400, `bad\n${canary} ${"x".repeat(500)}`),
    expected: {
      ...refusedBefore,
      kind: "permanent",
      message: `provider "test" refused the request (400): bad [redacted] ${"x".repeat(284)}…`
    }
  },
  {
    what: "a redirect, which could lead the key elsewhere",
    step: { status: 307, headers: { location: "http://127.0.0.1:1/" }, raw: "" },
    expected: {
      ...refusedBefore,
      kind: "permanent",
      message: 'provider "test" answered 307, which is not followed; check its base_url'
    }
  },
  {
    what: "a page where events should be",
    step: { raw: "<html></html>", status: 200, headers: { "content-type": "text/html" } },
    expected: {
      ...refusedBefore,
      kind: "permanent",
      message: 'provider "test" answered with no stream of events (text/html); check its base_url'
    }
  },
  ...(["ends", "half_closes", "resets"] as const).map((how): Case => {
    const why = how === "ends" ? "the stream ended before its end marker" : "the connection was closed"
    const expected = {
      kind: "transient",
      message: `the answer of provider "test" was cut: ${why}`,
      output: `Hel${mark}`
    } as const
    return {
      what: `a stream that ${how}`,
      step: cut("Hel", how),
      // Anthropic tells at the start what was read, OpenAI only at the end.
      expected: { anthropic: { ...expected, usage: "some" }, openai: { ...expected, usage: "none" } }
    }
  }),
  {
    what: "an event that is no JSON",
    step: malformed("Hel"),
    expected: {
      anthropic: {
        kind: "transient",
        message: 'provider "test" sent an event that cannot be read: it is no JSON',
        output: `Hel${mark}`,
        usage: "some"
      },
      openai: {
        kind: "transient",
        message: 'provider "test" sent an event that cannot be read: it is no JSON',
        output: `Hel${mark}`,
        usage: "none"
      }
    }
  },
  {
    what: "an error within the stream",
    step: errorEvent("overloaded_error", "Overloaded", "Hel"),
    expected: {
      anthropic: {
        kind: "transient",
        message: 'provider "test" is overloaded (529): Overloaded',
        output: `Hel${mark}`,
        usage: "some"
      },
      openai: {
        kind: "transient",
        message: 'provider "test" failed (500): Overloaded',
        output: `Hel${mark}`,
        usage: "none"
      }
    }
  },
  {
    what: "a rate limit within the stream",
    step: errorEvent("rate_limit_error", "Slow down", "Hel", "rate_limit_exceeded"),
    expected: {
      anthropic: {
        kind: "rate_limited",
        message: 'provider "test" limits the rate (429): Slow down',
        output: `Hel${mark}`,
        usage: "some"
      },
      openai: {
        kind: "rate_limited",
        message: 'provider "test" limits the rate (429): Slow down',
        output: `Hel${mark}`,
        usage: "none"
      }
    }
  },
  {
    what: "silence within the stream",
    step: silent("Hel"),
    settings: { idle_timeout: "50ms" },
    expected: {
      anthropic: {
        kind: "timeout",
        message: 'provider "test" sent nothing for 50ms',
        output: `Hel${mark}`,
        usage: "some"
      },
      openai: { kind: "timeout", message: 'provider "test" sent nothing for 50ms', output: `Hel${mark}`, usage: "none" }
    }
  },
  {
    what: "silence from the start",
    step: silent(),
    settings: { timeout: "50ms" },
    expected: { kind: "timeout", message: 'no whole answer of provider "test" within 50ms', usage: "none" }
  },
  {
    what: "a refusal",
    step: refuses("I would", "refusal"),
    expected: {
      anthropic: { kind: "permanent", message: "the model refused", output: `I would${mark}` },
      openai: { kind: "permanent", message: "the model refused: I cannot help with that.", output: `I would${mark}` }
    }
  },
  {
    what: "a filter",
    step: refuses("", "content_filter"),
    expected: { kind: "permanent", message: "the model refused" }
  },
  {
    what: "an answer that is cut at max_tokens",
    step: cutAtMaxTokens("Hel"),
    expected: {
      kind: "permanent",
      message: "the answer was cut at max_tokens 100; raise max_tokens of the agent",
      output: `Hel${mark}`
    }
  },
  {
    what: "an empty answer",
    step: empty,
    expected: { kind: "transient", message: 'empty answer of provider "test": neither text nor a use of a tool' }
  },
  {
    what: "an answer of nothing but space",
    step: say(" \n"),
    expected: { kind: "transient", message: 'empty answer of provider "test": neither text nor a use of a tool' }
  },
  {
    what: "an answer without an end",
    step: say(
      Array.from({ length: 5 }, () => "x".repeat(1_000_000)),
      { tokens: null }
    ),
    expected: {
      usage: "none",
      kind: "permanent",
      message: 'the answer of provider "test" is longer than 4 MiB',
      output: `${"x".repeat(5_000_000)}${mark}`
    }
  },
  {
    what: "an event without an end",
    step: malformed("Hel", `data: "${"x".repeat(1_200_000)}`),
    expected: {
      anthropic: {
        kind: "transient",
        message: 'provider "test" sent an event that cannot be read: it is longer than 1048576 characters',
        output: `Hel${mark}`,
        usage: "some"
      },
      openai: {
        kind: "transient",
        message: 'provider "test" sent an event that cannot be read: it is longer than 1048576 characters',
        output: `Hel${mark}`,
        usage: "none"
      }
    }
  }
]

const expectedBy = ({ expected }: Case, wire: Wire): Expected => ("kind" in expected ? expected : expected[wire])

describe("a call that fails", () => {
  for (const wire of wires) {
    for (const one of cases) {
      it.live(`${wire}: ${one.what}`, () =>
        Effect.scoped(
          Effect.gen(function* () {
            const { model, server } = yield* modelOf(wire, one.settings)
            server.script(one.step)
            const result = yield* ask(model)
            const { kind, message, output, retry_after_ms } = failureOf(result)
            const { usage = "full", ...expected } = expectedBy(one, wire)
            assert.deepStrictEqual(
              {
                kind,
                message,
                ...(output === undefined ? {} : { output }),
                ...(retry_after_ms === undefined ? {} : { retry_after_ms })
              },
              expected
            )
            const told = result.usages.map(({ input_tokens, output_tokens }) => [input_tokens, output_tokens])
            assert.deepStrictEqual(told, usage === "none" ? [] : [[10, usage === "some" ? 1 : 5]])
            assert.lengthOf(server.calls, 1)
            assert.notInclude(JSON.stringify(failureOf(result)), canary)
          })
        )
      )
    }
  }

  it.live("a date to come back at is a wait", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { model, server } = yield* modelOf("anthropic")
        server.script(rateLimited("Fri, 31 Dec 1999 23:59:59 GMT"))
        assert.strictEqual(failureOf(yield* ask(model)).retry_after_ms, 0)
      })
    )
  )

  it.live("OpenAI's code of a context that is too long", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { model, server } = yield* modelOf("openai")
        server.script(fails(400, "Please reduce the length", { code: "context_length_exceeded" }))
        assert.match(failureOf(yield* ask(model)).message, /^the context is too long for some-model/)
      })
    )
  )

  it.live("a use of a tool that the model could not end is no use", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { model, server } = yield* modelOf("anthropic")
        server.script(uses("disk", { path: "/" }, { stop: "max_tokens", text: "Let me look" }))
        assert.strictEqual(failureOf(yield* ask(model)).output, `Let me look${mark}`)
      })
    )
  )

  it.live("a key that is only a word leaves texts as they are", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { model, server } = yield* modelOf("openai", { api_key: "ollama" })
        server.script(fails(400, "ollama does not know that"))
        const { message } = failureOf(yield* ask(model))
        assert.strictEqual(message, 'provider "test" refused the request (400): ollama does not know that')
      })
    )
  )

  it.live("a server that is not there", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const models = yield* modelsWith({
          gone: { base_url: "http://127.0.0.1:1/v1", api_key: canary, retries: 0 }
        })
        const model = Either.getOrThrow(models.find({ id: agentId, model: "gone/x" }))
        const { kind, message } = failureOf(yield* ask(model))
        assert.deepStrictEqual(
          [kind, message],
          ["transient", 'provider "gone" cannot be reached at 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1']
        )
      })
    )
  )
})
