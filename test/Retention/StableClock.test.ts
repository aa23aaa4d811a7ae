import { assert, describe, it } from "@effect/vitest"
import { type ClockSeen, clockSeen, isTrusted } from "../../src/Retention.ts"

const hour = 3_600_000
const day = 24 * hour

const seenAt = (...instants: ReadonlyArray<number>): ClockSeen =>
  instants.reduce<ClockSeen | null>(clockSeen, null) ?? assert.fail("no instants")

const hourly = (from: number, hours: number) => Array.from({ length: hours + 1 }, (_, n) => from + n * hour)

describe("a clock that old rows are deleted by", () => {
  it("is trusted once it has gone on evenly for a day, over restarts of up to a day", () => {
    assert.isFalse(isTrusted(seenAt(5)))
    assert.isFalse(isTrusted(seenAt(...hourly(5, 23))))
    assert.isTrue(isTrusted(seenAt(...hourly(5, 24))))
    assert.isTrue(isTrusted(seenAt(5, 5 + 20 * hour, 5 + 40 * hour)))
  })

  it("is not trusted for a day after it was set ahead or back, or after a long absence", () => {
    const year = 365 * day
    for (const leap of [year, -year, -1, day + hour]) {
      const before = hourly(0, 100)
      const now = 100 * hour + leap
      assert.isFalse(isTrusted(seenAt(...before, ...hourly(now, 23))), String(leap))
      assert.isTrue(isTrusted(seenAt(...before, ...hourly(now, 24))), String(leap))
    }
    // Set ahead and back again before it was believed: nothing was deleted meanwhile.
    assert.isFalse(isTrusted(seenAt(...hourly(0, 100), ...hourly(year, 20), ...hourly(121 * hour, 23))))
  })
})
