import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { make, type Recurrence } from "../../src/Recurrence.ts"
import { type Expression, expressionOfSeed, randomDst } from "./Expressions.ts"
import { dateOf } from "./Fields.ts"
import { makeRandom, type Random } from "./Random.ts"
import { allZones } from "./Zones.ts"

const DAY = 86_400_000

const recurrenceOf = (expression: Expression, timezone: string, dst: object = {}): Recurrence | undefined =>
  Either.getOrUndefined(
    make({ cron_expr: expression.text, timezone, dst }, { name: expression.job, anchor: 0, timezone: "UTC" })
  )

/** Tries random expressions in random zones (every zone in turn), at random instants. */
const each = (cases: number, law: (recurrence: Recurrence, t: number, random: Random, what: string) => void): void => {
  let refused = 0
  for (let seed = 1; seed <= cases; seed++) {
    const random = makeRandom(seed)
    const expression = expressionOfSeed(seed, random.chance(0.7))
    const zone = allZones[seed % allZones.length] ?? "UTC"
    const dst = randomDst(random)
    const recurrence = recurrenceOf(expression, zone, dst)
    const t = Date.UTC(1990, 0, 1) + Math.floor(random.part() * 70 * 365 * DAY)
    const what = `seed ${seed}: ${expression.text} of ${expression.job} in ${zone}, dst ${JSON.stringify(dst)}, at ${t}`
    if (recurrence === undefined) refused += 1
    else law(recurrence, t, random, what)
  }
  assert.isBelow(refused, cases / 20)
}

describe("laws, in all zones", () => {
  it("next is later and the same for all of [t, next), previous undoes it, and nothing lies between", () => {
    each(5_000, (recurrence, t, random, what) => {
      const next = recurrence.next(t)
      if (next === null) return assert.fail(`no next, ${what}`)
      assert.isAbove(next, t, what)
      for (let k = 0; k < 4; k++) {
        assert.strictEqual(recurrence.next(t + Math.floor(random.part() * (next - t))), next, what)
      }
      assert.strictEqual(recurrence.next(next - 1), next, what)
      const previous = recurrence.previous(t + 1)
      assert.strictEqual(recurrence.previous(next), previous, what)
      assert.strictEqual(recurrence.previous(next + 1), next, what)
      if (previous !== null) {
        assert.isAtMost(previous, t, what)
        assert.strictEqual(recurrence.next(previous), next, what)
        const between = previous + 1 + Math.floor(random.part() * (next - previous))
        assert.strictEqual(recurrence.previous(between), previous, what)
      }
      assert.strictEqual(recurrence.count(t + 1, next), 0, what)
      assert.strictEqual(recurrence.count(t + 1, next + 1), 1, what)
      const second = recurrence.next(next)
      assert.deepStrictEqual(recurrence.upcoming(t, 2), second === null ? [next] : [next, second], what)
    })
  })

  it("the count of a span is how many are found one by one in it", () => {
    each(1_000, (recurrence, t, random, what) => {
      const found = recurrence.upcoming(t, random.integer(2, 200))
      assert.strictEqual(recurrence.count(t + 1, (found.at(-1) ?? t) + 1), found.length, what)
      let back: number | null = found.at(-1) ?? null
      for (const slot of found.toReversed()) {
        assert.strictEqual(back, slot, what)
        back = recurrence.previous(slot)
      }
    })
  })

  it("counts of two adjoining spans add up, over years", () => {
    each(1_500, (recurrence, t, random, what) => {
      const [a, b] = [random.integer(0, 3_000 * DAY), random.integer(0, 3_000 * DAY)]
      const parts = recurrence.count(t, t + a) + recurrence.count(t + a, t + a + b)
      assert.strictEqual(parts, recurrence.count(t, t + a + b), what)
    })
  })
})

describe("against a walk of days", () => {
  it("finds the same dates over decades", () => {
    let compared = 0
    for (let seed = 1; seed <= 300; seed++) {
      const expression = expressionOfSeed(seed, false)
      const random = makeRandom(seed)
      const from = Date.UTC(1970, 0, 1) + random.integer(0, 130 * 365) * DAY
      const end = from + 3_000 * DAY
      const expected: Array<number> = []
      for (let day = from; day < end && expected.length < 5; day += DAY) {
        if (!expression.onDate(dateOf(day))) continue
        const times = expression.hours.flatMap((hour) =>
          expression.minutes.flatMap((minute) => expression.seconds.map((second) => (hour * 60 + minute) * 60 + second))
        )
        for (const time of times.slice(0, 5)) expected.push(day + time * 1_000)
      }
      const found = recurrenceOf(expression, "UTC")?.upcoming(from - 1, 5) ?? []
      const within = found.filter((slot) => slot < end)
      assert.deepStrictEqual(within, expected.slice(0, 5), `seed ${seed}: ${expression.text} of ${expression.job}`)
      compared += within.length
    }
    assert.isAbove(compared, 1_000)
  })
})
