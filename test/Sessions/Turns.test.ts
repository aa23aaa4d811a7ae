import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import type { Turn } from "../../src/Domain/Session.ts"
import { archiveFactor, bytesOfTurns, conversation } from "../../src/Sessions/Turns.ts"

const exchange = (user: string, assistant: string): ReadonlyArray<Turn> => [
  { role: "user", text: user },
  { role: "assistant", text: assistant }
]

const texts = (turns: ReadonlyArray<Turn>) => turns.map(({ text }) => text)

const exchanges = FastCheck.array(
  FastCheck.tuple(FastCheck.string({ unit: "binary", maxLength: 60 }), FastCheck.string({ maxLength: 400 })),
  { maxLength: 40 }
)

describe("a conversation of a shared session", () => {
  it("drops the user's and the assistant's turns of its oldest exchanges together", () => {
    const { add, dropped, turns } = conversation([...exchange("a1", "b1"), ...exchange("a2", "b2")], 10)
    add(exchange("a3", "üü"))
    assert.deepStrictEqual(texts(turns()), ["a2", "b2", "a3", "üü"])
    assert.deepStrictEqual(texts(dropped()), ["a1", "b1"])
  })

  it("cuts an exchange that is larger than the cap, and archives it whole", () => {
    const { add, dropped, turns } = conversation(exchange("old", "old"), 40)
    add(exchange("why?", `${"é".repeat(30)}`))
    const [user, assistant] = texts(turns())
    assert.strictEqual(user, "why?")
    assert.strictEqual(assistant, `${"é".repeat(15)}\n[cut]`)
    assert.deepStrictEqual(texts(dropped()), ["old", "old", "why?", "é".repeat(30)])
  })

  it("is never larger than its cap nor empty once something was said, and its archive holds all that fits", () => {
    FastCheck.assert(
      FastCheck.property(exchanges, FastCheck.integer({ min: 64, max: 600 }), (said, maxBytes) => {
        const { add, dropped, turns } = conversation([], maxBytes)
        for (const [user, assistant] of said) add(exchange(user, assistant))
        const kept = turns()
        assert.isAtMost(bytesOfTurns(kept), maxBytes)
        assert.strictEqual(kept.length % 2, 0)
        if (said.length > 0) assert.isAtLeast(kept.length, 2)
        const all = said.flatMap(([user, assistant]) => exchange(user, assistant))
        if (
          bytesOfTurns(all) <= maxBytes * archiveFactor &&
          said.every(([a, b]) => bytesOfTurns(exchange(a, b)) <= maxBytes)
        ) {
          assert.deepStrictEqual([...dropped(), ...kept], all)
        }
      })
    )
  })
})
