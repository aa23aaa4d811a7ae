import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { remembering } from "../../src/JobStore/Remembered.ts"

const counting = () => {
  let reads = 0
  interface Read {
    readonly values: ReadonlyArray<unknown>
    readonly before: { readonly value: Read } | undefined
  }
  const { forget, keep, read } = remembering<Read, string>((values, before) => {
    reads++
    return values[1] === "bad" ? Either.left("bad") : Either.right({ values, before })
  })
  return {
    forget,
    keep,
    read: (...values: ReadonlyArray<unknown>) => Either.getOrUndefined(read(values)),
    reads: () => reads
  }
}

describe("what is remembered of a row", () => {
  it("is the very result of it until one of its columns changes, but no failure", () => {
    const { read, reads } = counting()
    const first = read("a", 1)
    assert.strictEqual(read("a", 1), first)
    assert.strictEqual(reads(), 1)
    read("a", "bad")
    read("a", "bad")
    assert.strictEqual(reads(), 3)
    read(1)
    read(1)
    assert.strictEqual(reads(), 5)
  })

  it("is told to who reads it after a change", () => {
    const { forget, read } = counting()
    const first = read("a", 1)
    assert.strictEqual(read("a", 2)?.before?.value, first)
    forget("a")
    assert.isUndefined(read("a", 3)?.before)
  })

  it("is what it was written as", () => {
    const { keep, read, reads } = counting()
    const written = { values: ["a", 1], before: undefined }
    keep(["a", 1], written)
    assert.strictEqual(read("a", 1), written)
    assert.strictEqual(reads(), 0)
  })

  it("is nothing large, and of small things not more than 16 million characters", () => {
    const { read, reads } = counting()
    const large = "x".repeat(20_000)
    read("large", large)
    read("large", large)
    assert.strictEqual(reads(), 2)
    const some = (index: number) => read(`${index}`, "x".repeat(10_000))
    const many = 3_000
    for (let index = 0; index < many; index++) some(index)
    some(many - 1)
    assert.strictEqual(reads(), 2 + many)
    some(0)
    assert.strictEqual(reads(), 3 + many)
  })
})
