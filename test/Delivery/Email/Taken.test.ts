import { assert, describe, it } from "@effect/vitest"
import { makeTaken } from "../../../src/Delivery/Email/Taken.ts"

describe("who has taken a delivery", () => {
  it("is kept over its attempts, until it is forgotten", () => {
    const taken = makeTaken()
    taken.add("dlv_1", ["a@example.com"])
    taken.add("dlv_1", ["b@example.com"])
    assert.deepStrictEqual([...taken.of("dlv_1")], ["a@example.com", "b@example.com"])
    assert.strictEqual(taken.of("dlv_2").size, 0)
    taken.forget("dlv_1")
    assert.strictEqual(taken.of("dlv_1").size, 0)
  })

  it("is kept of the 1,000 deliveries that were last heard of", () => {
    const taken = makeTaken()
    for (let n = 0; n < 1_000; n++) taken.add(`dlv_${n}`, ["a@example.com"])
    taken.add("dlv_0", ["b@example.com"])
    taken.add("dlv_1000", ["a@example.com"])
    assert.deepStrictEqual(
      ["dlv_0", "dlv_1", "dlv_2", "dlv_1000"].map((id) => taken.of(id).size),
      [2, 0, 1, 1]
    )
  })
})
