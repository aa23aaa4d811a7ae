import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import { blankingOf } from "../../src/Agents/Secrets.ts"
import { cut, refuses, say, uses } from "../support/ModelServer.ts"
import { ask, canary, failureOf, modelOf, wires } from "./providers.ts"

const hidden = "[redacted]"

const piecesOf = (text: string, size: number): ReadonlyArray<string> =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, at) => text.slice(at * size, (at + 1) * size))

const secret = "abababac"

describe("secrets in texts that come in pieces", () => {
  it("are blanked wherever the text is cut, and nothing else is", () => {
    const texts = fc.array(fc.constantFrom("a", "b", "ab", "abab", secret, "c", " "), { maxLength: 30 })
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 9 }), (parts, size) => {
        const text = parts.join("")
        const pieces = blankingOf([secret]).pieces()
        let shown = ""
        let given = 0
        for (const piece of piecesOf(text, size)) {
          given += piece.length
          const more = pieces.add(piece)
          shown += more
          assert.isAtMost(given - shown.replaceAll(hidden, secret).length, secret.length - 1)
        }
        assert.strictEqual(shown + pieces.rest(), text.replaceAll(secret, hidden))
      }),
      { numRuns: 1_000 }
    )
  })

  it("are blanked where the text breaks off within one, if enough of it came to be one", () => {
    const { cut: broken, pieces } = blankingOf(["sk-canary-5d0c", "ollama"])
    assert.strictEqual(broken("so sk-canary-5d"), `so ${hidden}`)
    assert.strictEqual(broken("so sk-cana"), "so sk-cana")
    assert.strictEqual(broken("ollama is no secret"), "ollama is no secret")
    const some = pieces()
    assert.deepStrictEqual([some.add("so sk-canary"), some.rest()], ["so ", hidden])
  })
})

describe("a provider's key that its server repeats", () => {
  for (const wire of wires) {
    for (const size of [1, 3, 100]) {
      it.scoped(`${wire}: is in no text and no use of a tool, in pieces of ${size}`, () =>
        Effect.gen(function* () {
          const { model, server } = yield* modelOf(wire)
          const text = piecesOf(`Your key is ${canary}, and s`, size)
          server.script(uses("disk", { key: canary }, { text }))
          const { answer, pieces } = yield* ask(model)
          const { text: whole, uses: asked } = Either.getOrThrow(answer)
          assert.strictEqual(whole, `Your key is ${hidden}, and s`)
          assert.strictEqual(pieces.join(""), whole)
          assert.deepStrictEqual(
            asked.map((use) => use.arguments),
            [`{"key":"${hidden}"}`]
          )
        })
      )
    }

    it.scoped(`${wire}: is in no answer that was cut or refused`, () =>
      Effect.gen(function* () {
        const { model, server } = yield* modelOf(wire)
        const told = `so ${canary.slice(0, -1)}`
        for (const step of [cut(told), refuses(told)]) {
          server.script(step)
          const result = yield* ask(model)
          assert.strictEqual(failureOf(result).output, `so ${hidden}\n[the answer was cut here]`)
          assert.strictEqual(result.pieces.join(""), `so ${hidden}`)
        }
      })
    )

    it.scoped(`${wire}: delays no text that does not look like it`, () =>
      Effect.gen(function* () {
        const { model, server } = yield* modelOf(wire)
        server.script(say(["Hel", "lo"]))
        assert.deepStrictEqual((yield* ask(model)).pieces, ["Hel", "lo"])
      })
    )
  }
})
