import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { verdict } from "./judge.ts"
import { vectors, vectorsNow } from "./vectors.ts"

describe("the vectors of AgentPin credentials", () => {
  for (const one of vectors.cases) {
    it.effect(`${one.name}: ${one.want}`, () =>
      Effect.gen(function* () {
        const outcome = yield* verdict(one.jwt, {
          now: vectorsNow,
          domain: vectors.domain,
          audience: vectors.audience,
          agent: one.agent ?? vectors.default_agent,
          capabilities: one.requiredCapabilities ?? [],
          discovery: one.discovery ?? vectors.discovery,
          revocation: "revocation" in one ? one.revocation : vectors.revocation,
          makers: vectors.makers
        })
        assert.strictEqual(Either.isRight(outcome) ? "ok" : outcome.left.code, one.want, JSON.stringify(outcome))
        if (one.jwt !== "") assert.notInclude(JSON.stringify(outcome), one.jwt)
      })
    )
  }
})
