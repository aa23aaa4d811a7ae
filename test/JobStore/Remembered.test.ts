import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { remembering, rememberingText } from "../../src/JobStore/Remembered.ts"

const counting = () => {
  let reads = 0
  return {
    reads: () => reads,
    text: rememberingText((text) => {
      reads++
      return text === "bad" ? Either.left("bad") : Either.right({ text })
    }),
    row: remembering((row) => {
      reads++
      return Either.right({ row })
    }).read
  }
}

describe("what is remembered", () => {
  it("is the very result of a text, but no failure", () => {
    const { reads, text } = counting()
    assert.strictEqual(text("a"), text("a"))
    assert.strictEqual(reads(), 1)
    text("bad")
    text("bad")
    assert.strictEqual(reads(), 3)
  })

  it("is the very result of a row until one of its columns changes", () => {
    const { reads, row } = counting()
    const first = row({ id: "a", n: 1 })
    assert.strictEqual(row({ id: "a", n: 1 }), first)
    assert.notStrictEqual(row({ id: "a", n: 2 }), first)
    assert.notStrictEqual(row({ id: "b", n: 2 }), first)
    row({ n: 1 })
    row({ n: 1 })
    assert.strictEqual(reads(), 5)
  })

  it("is nothing large, and of small things not more than 16 million characters", () => {
    const { reads, text } = counting()
    const large = "x".repeat(20_000)
    text(large)
    text(large)
    assert.strictEqual(reads(), 2)
    const some = (index: number) => `${index}`.padEnd(10_000, "x")
    const many = 3_000
    for (let index = 0; index < many; index++) text(some(index))
    text(some(many - 1))
    assert.strictEqual(reads(), 2 + many)
    text(some(0))
    assert.strictEqual(reads(), 3 + many)
  })
})
