import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import { make, type Recurrence } from "../../src/Recurrence.ts"
import { type Expression, expressions, slotsOf, walk, wallOfKey } from "./Oracle.ts"

const DAY = 86_400_000
const seed = 20_260_308

/** Zones with the date of a transition (or of none): gaps and folds of 30 min to a day, at midnight and elsewhere. */
const places = [
  ["UTC", "2026-03-08"],
  ["Asia/Kathmandu", "2026-03-08"],
  ["America/New_York", "2026-03-08"],
  ["America/New_York", "2026-11-01"],
  ["Europe/London", "2026-03-29"],
  ["Europe/London", "2026-10-25"],
  ["Australia/Lord_Howe", "2026-04-05"],
  ["Australia/Lord_Howe", "2026-10-04"],
  ["America/Sao_Paulo", "2018-02-18"],
  ["America/Sao_Paulo", "2018-11-04"],
  ["Africa/Cairo", "2026-04-24"],
  ["Africa/Cairo", "2026-10-30"],
  ["Asia/Beirut", "2026-03-29"],
  ["America/Havana", "2026-11-01"],
  ["America/St_Johns", "2010-11-07"],
  ["America/St_Johns", "2011-03-13"],
  ["Antarctica/Troll", "2026-03-29"],
  ["Antarctica/Troll", "2026-10-25"],
  ["Africa/Casablanca", "2026-02-15"],
  ["Pacific/Apia", "2011-12-30"],
  ["Asia/Pyongyang", "2018-05-05"],
  ["America/Caracas", "2007-12-09"],
  ["Africa/Sao_Tome", "2019-01-01"],
  ["America/Nuuk", "2024-03-31"]
] as const

interface Place {
  readonly zone: string
  readonly from: number
  readonly to: number
  readonly walked: ReadonlyArray<readonly [number, number]>
}

const walks = new Map<string, Place>()
const placeOf = ([zone, date]: readonly [string, string]): Place => {
  const known = walks.get(zone + date)
  if (known !== undefined) return known
  const middle = Date.parse(`${date}T00:00:00Z`)
  const place = {
    zone,
    from: middle - DAY,
    to: middle + 2 * DAY,
    // Walked wider than compared, so that a wall time near an edge finds all of its instants.
    walked: walk(zone, middle - 3 * DAY, middle + 4 * DAY)
  }
  walks.set(zone + date, place)
  return place
}

const dsts = fc.record(
  {
    gap: fc.constantFrom("run_after" as const, "skip" as const),
    fold: fc.constantFrom("first" as const, "second" as const, "both" as const)
  },
  { requiredKeys: [] }
)

const recurrenceOf = (
  expression: Expression,
  zone: string,
  dst: { readonly gap?: "run_after" | "skip"; readonly fold?: "first" | "second" | "both" } = {}
): Recurrence | undefined => {
  const made = make({ cron_expr: expression.text, timezone: zone, dst }, { name: "job", anchor: 0, timezone: "UTC" })
  return Either.getOrUndefined(made)
}

const forwards = (recurrence: Recurrence, from: number, to: number): ReadonlyArray<number> => {
  const slots: Array<number> = []
  for (let slot = recurrence.next(from - 1); slot !== null && slot < to; slot = recurrence.next(slot)) slots.push(slot)
  return slots
}

const backwards = (recurrence: Recurrence, from: number, to: number): ReadonlyArray<number> => {
  const slots: Array<number> = []
  for (let slot = recurrence.previous(to); slot !== null && slot >= from; slot = recurrence.previous(slot))
    slots.push(slot)
  return slots.reverse()
}

/** One text, since comparing arrays of thousands element by element is slow. */
const texts = (slots: ReadonlyArray<number>): string => slots.join(" ")

describe("against real minutes walked with Intl", () => {
  it("finds the same slots around every kind of transition, forwards, backwards and by count", () => {
    let compared = 0
    fc.assert(
      fc.property(
        fc.constantFrom(...places),
        expressions(true),
        fc.oneof(fc.constant({}), dsts),
        fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
        (at, expression, dst, [a, b]) => {
          const place = placeOf(at)
          const recurrence = recurrenceOf(expression, place.zone, dst)
          const inWindow = (slot: number) => slot >= place.from && slot < place.to
          const expected = slotsOf(expression, place.walked, dst).filter(inWindow)
          if (recurrence === undefined) {
            assert.deepStrictEqual(expected, [], `${expression.text} was refused`)
            return
          }
          compared += expected.length
          assert.strictEqual(texts(forwards(recurrence, place.from, place.to)), texts(expected))
          assert.strictEqual(texts(backwards(recurrence, place.from, place.to)), texts(expected))
          assert.strictEqual(recurrence.count(place.from, place.to), expected.length)
          const from = place.from + Math.floor(Math.min(a, b) * 3 * DAY)
          const to = place.from + Math.floor(Math.max(a, b) * 3 * DAY)
          assert.strictEqual(recurrence.count(from, to), expected.filter((slot) => slot >= from && slot < to).length)
        }
      ),
      { seed, numRuns: 400 }
    )
    assert.isAbove(compared, 20_000)
  })

  it("finds the same dates over decades, by looking at each day", () => {
    fc.assert(
      fc.property(expressions(false), fc.integer({ min: 0, max: 130 * 365 }), (expression, offset) => {
        const recurrence = recurrenceOf(expression, "UTC")
        const from = Date.UTC(1970, 0, 1) + offset * DAY
        const expected: Array<number> = []
        for (let day = from; day < from + 3_000 * DAY && expected.length < 5; day += DAY) {
          if (!expression.onDate(wallOfKey(day))) continue
          for (const minute of expression.minutes.slice(0, 5)) {
            for (const second of expression.seconds) expected.push(day + minute * 60_000 + second * 1_000)
          }
        }
        if (recurrence === undefined) {
          assert.deepStrictEqual(expected, [], `${expression.text} was refused`)
          return
        }
        const found = recurrence.upcoming(from - 1, 5).filter((slot) => slot < from + 3_000 * DAY)
        assert.deepStrictEqual(found, expected.slice(0, 5))
      }),
      { seed, numRuns: 100 }
    )
  })
})

describe("laws", () => {
  const cases = fc.tuple(
    expressions(true),
    fc.constantFrom(...places).map(([zone]) => zone),
    fc.integer({ min: Date.UTC(1990, 0, 1), max: Date.UTC(2060, 0, 1) })
  )

  it("next is later, previous undoes it, and nothing lies between", () => {
    fc.assert(
      fc.property(cases, fc.double({ min: 0, max: 1, noNaN: true }), ([expression, zone, t], part) => {
        const recurrence = recurrenceOf(expression, zone)
        const next = recurrence?.next(t)
        if (recurrence === undefined || next === undefined || next === null) return
        assert.isAbove(next, t)
        const between = t + Math.floor(part * (next - 1 - t))
        assert.strictEqual(recurrence.next(between), next, "constant in [t, next)")
        assert.strictEqual(recurrence.previous(next + 1), next)
        assert.strictEqual(recurrence.previous(next), recurrence.previous(t + 1))
        assert.strictEqual(recurrence.count(t + 1, next), 0)
        assert.strictEqual(recurrence.count(t + 1, next + 1), 1)
        const second = recurrence.next(next)
        assert.deepStrictEqual(recurrence.upcoming(t, 2), second === null ? [next] : [next, second])
      }),
      { seed, numRuns: 2_000 }
    )
  })

  it("counts of two adjoining spans add up, over years", () => {
    fc.assert(
      fc.property(
        cases,
        fc.integer({ min: 0, max: 3_000 * DAY }),
        fc.integer({ min: 0, max: 3_000 * DAY }),
        ([expression, zone, t], a, b) => {
          const recurrence = recurrenceOf(expression, zone)
          if (recurrence === undefined) return
          assert.strictEqual(
            recurrence.count(t, t + a) + recurrence.count(t + a, t + a + b),
            recurrence.count(t, t + a + b)
          )
        }
      ),
      { seed, numRuns: 500 }
    )
  })
})
