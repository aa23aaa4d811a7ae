import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { partitionOf, stableHash } from "../../src/Domain/StableHash.ts"
import { jitterMillis } from "../../src/Scheduler/Jitter.ts"

/** Pearson's statistic of counts against an even spread. */
const chiSquare = (counts: ReadonlyArray<number>): number => {
  const expected = counts.reduce((a, b) => a + b, 0) / counts.length
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

const spread = (values: ReadonlyArray<number>, buckets: number, range: number): ReadonlyArray<number> => {
  const counts = new Array<number>(buckets).fill(0)
  for (const value of values) {
    const bucket = Math.floor((value / range) * buckets)
    counts[bucket] = (counts[bucket] ?? 0) + 1
  }
  return counts
}

const jobIds = Array.from({ length: 1_000 }, (_, i) => `job_01hzy3v7q8w9x0y1z2a3b4c${String(i).padStart(3, "0")}`)

// The 0.1 % point of chi-square with 19 and with 63 degrees of freedom.
const limit20 = 43.82
const limit64 = 103.44

describe("stableHash", () => {
  it("never changes: partitions and jitter of stored jobs depend on it", () => {
    assert.deepStrictEqual(
      ["", "a", "job_1", "job_1:1767225600000", "Tägliche Übersicht"].map(stableHash),
      [2872998923, 2448022055, 3266732878, 840407262, 3283562684]
    )
  })

  it("spreads near job ids evenly over the 64 partitions", () => {
    const partitions = jobIds.map(partitionOf)
    assert.isTrue(partitions.every((partition) => Number.isInteger(partition) && partition >= 0 && partition < 64))
    assert.isBelow(chiSquare(spread(partitions, 64, 64)), limit64)
  })
})

describe("jitterMillis", () => {
  it("is uniform over 1,000 slots of one job, whatever their spacing", () => {
    for (const spacing of [1_000, 60_000, 300_000, 3_600_000, 86_400_000]) {
      const values = Array.from({ length: 1_000 }, (_, k) => jitterMillis("job_a", 1_767_225_600_000 + k * spacing, 30))
      assert.isBelow(chiSquare(spread(values, 20, 30_001)), limit20, `slots ${spacing} ms apart`)
    }
  })

  it("is uniform over 1,000 jobs of one slot", () => {
    const values = jobIds.map((id) => jitterMillis(id, 1_767_225_600_000, 30))
    assert.isBelow(chiSquare(spread(values, 20, 30_001)), limit20)
  })

  it("reaches both ends, 0 and 1000 x max", () => {
    const values = new Set(Array.from({ length: 20_000 }, (_, k) => jitterMillis("job_a", k, 1)))
    assert.isTrue(values.has(0))
    assert.isTrue(values.has(1_000))
    assert.strictEqual(values.size, 1_001)
  })

  it("is a whole number within its range, repeatable, and 0 without jitter", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer(), fc.integer({ min: 0, max: 86_400 }), (id, slot, max) => {
        const jitter = jitterMillis(id, slot, max)
        assert.isTrue(Number.isInteger(jitter) && jitter >= 0 && jitter <= max * 1_000)
        assert.strictEqual(jitterMillis(id, slot, max), jitter)
        assert.strictEqual(jitterMillis(id, slot, 0), 0)
      })
    )
  })
})
