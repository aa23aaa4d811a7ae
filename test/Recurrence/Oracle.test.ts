import { assert, describe, it } from "@effect/vitest"
import { compare, emptyTally, record } from "./Compare.ts"
import { windowOf } from "./Oracle.ts"
import { makeRandom } from "./Random.ts"
import { allZones, clockOf, transitionsOf } from "./Zones.ts"

const seed = 20_260_308

describe("against real minutes and seconds walked with Intl", () => {
  it("finds the same slots around transitions of all zones, forwards, backwards and by count", {
    timeout: 120_000
  }, () => {
    const byZone = allZones.map((zone) => transitionsOf(zone)).filter((found) => found.length > 0)
    assert.isAbove(byZone.length, 240)
    const random = makeRandom(seed)
    const still = ["UTC", "Asia/Kathmandu", "Asia/Tokyo"].map((zone) => {
      const at = Date.UTC(2026, 2, 8, 2)
      const offset = clockOf(zone)(at) - at
      return { zone, at, before: offset, after: offset }
    })
    // One of each zone, more of any, and clocks that never change.
    const transitions = [...byZone.map((found) => random.pick(found)), ...random.some(byZone.flat(), 162), ...still]
    const each = Math.ceil(10_250 / transitions.length)
    const tally = emptyTally()
    for (const [index, transition] of transitions.entries()) {
      const window = windowOf(transition)
      for (let k = 0; k < each; k++) record(tally, compare(window, seed + index * each + k))
    }
    assert.deepStrictEqual(tally.differences, [])
    assert.isAtLeast(tally.cases, 10_000)
    assert.isAbove(tally.slots, 500_000)
    assert.isAbove(tally.inGap, 2_000)
    assert.isAbove(tally.inFold, 2_000)
    assert.isBelow(tally.refused, 250)
  })
})
