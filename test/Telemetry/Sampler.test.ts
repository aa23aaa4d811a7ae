import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import type { RunId } from "../../src/Domain/Ids.ts"
import { traceIdsOf } from "../../src/Domain/Trace.ts"
import { samplerOf } from "../../src/Telemetry/Sampler.ts"

const sampler = (traces_sampler: Parameters<typeof samplerOf>[0]["traces_sampler"], traces_sampler_arg = 1) =>
  samplerOf({ traces_sampler, traces_sampler_arg })

const id = traceIdsOf("run_01jq0000000000000000000000" as RunId).traceId

describe("what of the traces is exported", () => {
  it("the trace of a run is found by its id alone", () => {
    // printf %s run_01jq0000000000000000000000 | sha256sum
    assert.strictEqual(id, "cceff3716bcb7d9a37e156ef46cf0876")
  })

  it("always, never, and what the caller decided", () => {
    assert.isTrue(sampler("always_on")(id, false))
    assert.isFalse(sampler("always_off")(id, true))
    assert.isTrue(sampler("parentbased_always_off")(id, true))
    assert.isFalse(sampler("parentbased_always_off")(id, undefined))
    assert.isFalse(sampler("parentbased_always_on")(id, false))
    assert.isTrue(sampler("parentbased_always_on")(id, undefined))
  })

  it("a ratio takes about its share, the same traces each time, and more of them as it grows", () => {
    const ids = Array.from({ length: 2_000 }, (_, n) => traceIdsOf(`run_${n}` as RunId).traceId)
    const share = (ratio: number) => ids.filter((one) => sampler("traceidratio", ratio)(one, undefined))
    assert.deepStrictEqual([share(0).length, share(1).length], [0, ids.length])
    assert.approximately(share(0.25).length / ids.length, 0.25, 0.05)
    FastCheck.assert(
      FastCheck.property(FastCheck.double({ min: 0, max: 1, noNaN: true }), (ratio) => {
        const more = new Set(share(Math.min(1, ratio * 1.5)))
        assert.isTrue(share(ratio).every((one) => more.has(one)))
      }),
      { numRuns: 20 }
    )
  })
})
