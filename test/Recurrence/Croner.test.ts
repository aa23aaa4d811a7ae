import { assert, describe, it } from "@effect/vitest"
import { Cron } from "croner"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { make } from "../../src/Recurrence.ts"
import { expressionOfSeed } from "./Expressions.ts"
import { fiveFields } from "./FiveFields.ts"
import { makeRandom } from "./Random.ts"

const iso = (slots: ReadonlyArray<number | Date>): string =>
  slots.map((slot) => new Date(slot).toISOString().replace(".000Z", "")).join(" ")

// `sloppyRanges` lets it read `5/15`, which it refuses otherwise.
const croner = (text: string) => new Cron(text, { utcOffset: 0, sloppyRanges: true })

const ours = (text: string) => make({ cron_expr: text }, { name: "job", anchor: 0, timezone: "UTC" })

const restricted = (text = ""): boolean => text !== "*" && text !== "?"
const isStep = (text = ""): boolean => restricted(text) && text.startsWith("*")

/** Why croner is not asked about an expression: where its dialect is another one. */
const leftOut: ReadonlyArray<readonly [why: string, applies: (text: string) => boolean]> = [
  ["it has no H", (text) => /(^|[\s,])h([\s,/(]|$)/i.test(text)],
  [
    "of day fields only a lone * or ? is a wildcard to it: */2 combines by OR",
    (text) => {
      const [weekday, , date] = text.trim().split(/\s+/).reverse()
      return (isStep(date) && restricted(weekday)) || (isStep(weekday) && restricted(date))
    }
  ],
  ["its Sunday is 7 at the end of a range, also of one from Sunday", (text) => /(\b0|\b00|sun)-sun/i.test(text)]
]

/** What croner refuses and we read; its own words. */
const refusals = /From value is larger than to value|LW can not be in a list/

describe("against croner, in UTC", () => {
  it("knows at least 200 different expressions", () => assert.isAtLeast(fiveFields.length, 200))

  for (const start of ["2026-02-13T12:00:00Z", "2023-12-31T23:59:59Z", "2096-02-28T23:59:00Z"]) {
    it(`the next 20 of each from ${start}`, () => {
      for (const text of fiveFields) {
        const expected = iso(croner(text).nextRuns(20, new Date(start)))
        const recurrence = Either.getOrThrow(ours(text))
        assert.strictEqual(iso(recurrence.upcoming(Date.parse(start), 20)), expected, text)
        assert.strictEqual(expected.split(" ").length, 20, text)
      }
    })
  }

  it("the next 10 of random ones", () => {
    let compared = 0
    for (let seed = 0; seed < 6_000; seed++) {
      const { text } = expressionOfSeed(seed, seed % 2 === 0)
      if (leftOut.some(([, applies]) => applies(text))) continue
      const read = Either.try({ try: () => croner(text), catch: (cause) => String(cause) })
      if (Either.isLeft(read)) {
        assert.match(read.left, refusals, text)
        continue
      }
      const random = makeRandom(seed)
      const start = Date.UTC(random.integer(1995, 2060), random.integer(0, 11), random.integer(1, 28), 12)
      const recurrence = Option.getOrUndefined(Either.getRight(ours(text)))
      const expected = iso(read.right.nextRuns(10, new Date(start)))
      assert.strictEqual(recurrence === undefined ? "" : iso(recurrence.upcoming(start, 10)), expected, text)
      compared += 1
    }
    assert.isAbove(compared, 1_500)
  })
})
