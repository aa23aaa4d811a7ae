import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { cost, damaged, holdsFor, isCheap, pieces, soup } from "./Damage.ts"
import { read } from "./support.ts"

describe("any text at all", () => {
  it("is read without a throw, within its budget, to nothing that it does not hold (100,000: npm run test:dsl)", () => {
    FastCheck.assert(FastCheck.property(damaged, holdsFor), { numRuns: 2_000, seed: 3 })
  })

  it("may be a soup of signs", () => {
    FastCheck.assert(FastCheck.property(soup, holdsFor), { numRuns: 1_000, seed: 4 })
  })

  it("may be a long run of anything, without running out of stack or budget", () => {
    const runs = [
      ...pieces,
      "; agent a\n",
      ", agent a",
      "- agent a (",
      "a: [ ",
      "x { ",
      "agent a ( ) ",
      "with a, ",
      "a = {"
    ]
    for (const piece of runs) {
      const text = `${piece} `.repeat(5_000)
      read(text)
      isCheap(text)
    }
    for (const [one, other] of [
      ["schedule s {", "}"],
      ["agent a (", ")"],
      ["agent a { x [", "]"],
      ["with {", "schedule"]
    ] as const) {
      isCheap(one.repeat(2_000) + other.repeat(2_000))
      isCheap(`${one}\n`.repeat(2_000) + `${other}\n`.repeat(2_000))
    }
  })

  it("costs twice as much when it is twice as long", () => {
    const text = 'agent a(x: Y) -> Z {\n  schedule { cron "0 6 * * *", labels: [a, b] }\n  with x = "y" { z }\n}\n'
    assert.strictEqual(cost(text.repeat(200)).steps, 2 * cost(text.repeat(100)).steps)
  })
})
