import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "fast-check"
import { makeBuckets } from "../../src/Access/Buckets.ts"

const second = 1_000
const rates = FastCheck.record({
  burst: FastCheck.integer({ min: 1, max: 50 }),
  perSecond: FastCheck.constantFrom(0.1, 1, 7, 100)
})

describe("token buckets", () => {
  it("let through the burst and then the rate, over any span", () => {
    const steps = FastCheck.array(FastCheck.integer({ min: 0, max: 3 * second }), { minLength: 1, maxLength: 200 })
    FastCheck.assert(
      FastCheck.property(rates, steps, (rate, waits) => {
        const buckets = makeBuckets({ ...rate, capacity: 10 })
        const taken: Array<number> = []
        let now = 0
        for (const wait of waits) {
          now += wait
          if (buckets.take("a", now) === 0) taken.push(now)
        }
        for (const [from, start] of taken.entries()) {
          for (const [to, end] of taken.entries()) {
            if (to < from) continue
            const most = rate.burst + ((end - start) / second) * rate.perSecond
            assert.isAtMost(to - from + 1, most + 1e-6)
          }
        }
      }),
      { numRuns: 200 }
    )
  })

  it("say truly how long to wait: then there is a token, and a second earlier there was none", () => {
    FastCheck.assert(
      FastCheck.property(rates, FastCheck.integer({ min: 0, max: 2 * second }), (rate, start) => {
        const buckets = makeBuckets({ ...rate, capacity: 10 })
        let wait = 0
        while (wait === 0) wait = buckets.take("a", start)
        assert.isTrue(Number.isInteger(wait) && wait >= 1)
        assert.isTrue(buckets.isEmpty("a", start))
        if (wait > 1) assert.isTrue(buckets.isEmpty("a", start + (wait - 1) * second))
        assert.strictEqual(buckets.take("a", start + wait * second), 0)
      })
    )
  })

  it("are apart from each other, and cost nobody anything when the clock is set back", () => {
    const buckets = makeBuckets({ burst: 1, perSecond: 1, capacity: 10 })
    assert.strictEqual(buckets.take("a", 10 * second), 0)
    assert.strictEqual(buckets.take("b", 10 * second), 0)
    assert.strictEqual(buckets.take("a", 10 * second), 1)
    assert.strictEqual(buckets.take("a", 0), 1)
    assert.strictEqual(buckets.take("a", second), 0)
  })

  it("never remember more than they may", () => {
    const buckets = makeBuckets({ burst: 1, perSecond: 0.001, capacity: 100 })
    for (let n = 0; n < 10_000; n++) buckets.take(`address-${n}`, n)
    assert.strictEqual(buckets.size(), 100)
    assert.isTrue(buckets.isEmpty("address-9999", 10_000))
    assert.isFalse(buckets.isEmpty("address-0", 10_000))
  })
})
