import { assert, describe, it } from "@effect/vitest"
import { makeSuspicion } from "../../src/Invariants/Suspicion.ts"

const find = (suspicion: ReturnType<typeof makeSuspicion>, now: number, ...ids: ReadonlyArray<string>) => {
  const before = suspicion.begin(now)
  return { before, lasting: suspicion.lasting("late", ids, now) }
}

describe("what scans find again and again", () => {
  it("counts once it was found for a while, without a gap", () => {
    const suspicion = makeSuspicion()
    assert.deepStrictEqual(find(suspicion, 0, "a"), { before: null, lasting: [] })
    assert.deepStrictEqual(find(suspicion, 1_000, "a", "b"), { before: 0, lasting: [] }, "a scan soon after")
    assert.deepStrictEqual(find(suspicion, 31_000, "a", "b", "c").lasting, ["a", "b"])
    assert.deepStrictEqual(find(suspicion, 61_000, "b").lasting, ["b"])
    assert.deepStrictEqual(find(suspicion, 91_000, "a", "b").lasting, ["b"], "a went away in between")
  })

  it("begins anew when the scans were stopped, or the clock was set", () => {
    for (const jump of [3_600_000, -3_600_000]) {
      const suspicion = makeSuspicion()
      find(suspicion, 0, "a")
      assert.deepStrictEqual(find(suspicion, 30_000, "a").lasting, ["a"])
      assert.deepStrictEqual(find(suspicion, 60_000 + jump, "a"), { before: null, lasting: [] })
      assert.deepStrictEqual(find(suspicion, 90_000 + jump, "a").lasting, ["a"])
    }
  })
})
