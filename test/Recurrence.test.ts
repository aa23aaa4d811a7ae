import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as fc from "fast-check"
import { parseDuration } from "../src/Domain/Duration.ts"
import type { TriggerSpec } from "../src/Domain/Schedule.ts"
import { make, type Recurrence } from "../src/Recurrence.ts"

const context = { name: "daily-report", anchor: Date.UTC(2026, 0, 1), timezone: "UTC" }

const right = (trigger: { readonly [K in keyof TriggerSpec]?: unknown }, overrides: Partial<typeof context> = {}) =>
  Either.getOrThrow(make(trigger as TriggerSpec, { ...context, ...overrides }))

const issues = (trigger: { readonly [K in keyof TriggerSpec]?: unknown }, timezone = "UTC") =>
  Either.match(make(trigger as TriggerSpec, { ...context, timezone }), {
    onLeft: (error) => error.issues.map((issue) => `${issue.path}|${issue.message}`),
    onRight: () => []
  })

const cron = (cron_expr: string, timezone = "UTC", dst?: object): Recurrence =>
  right({ cron_expr, timezone, ...(dst === undefined ? {} : { dst }) })

/** Slots after an instant, without seconds where they are 0. */
const slotsAfter = (recurrence: Recurrence, from: string, n: number): string =>
  recurrence
    .upcoming(Date.parse(from), n)
    .map((slot) => new Date(slot).toISOString().replace(/(:00)?\.000Z$/, ""))
    .join(" ")

describe("the guide's examples", () => {
  // 2026-02-13 is a Friday.
  const table = [
    ["0 9 * * *", "2026-02-14T09:00 2026-02-15T09:00 2026-02-16T09:00"],
    ["0 18 * * 1", "2026-02-16T18:00 2026-02-23T18:00 2026-03-02T18:00"],
    ["*/15 * * * *", "2026-02-13T12:15 2026-02-13T12:30 2026-02-13T12:45"],
    ["0 0 1 * *", "2026-03-01T00:00 2026-04-01T00:00 2026-05-01T00:00"]
  ] as const
  for (const [expression, expected] of table) {
    it(expression, () => assert.strictEqual(slotsAfter(cron(expression), "2026-02-13T12:00:00Z", 3), expected))
  }
})

describe("dialect", () => {
  const from = "2026-01-01T00:00:00Z"
  const table = [
    ["0 0 * * 0", "2026-01-04T00:00 2026-01-11T00:00"],
    ["0 0 * * 7", "2026-01-04T00:00 2026-01-11T00:00"],
    ["0 0 * * sun", "2026-01-04T00:00 2026-01-11T00:00"],
    ["0 0 * * FRI-MON", "2026-01-02T00:00 2026-01-03T00:00 2026-01-04T00:00 2026-01-05T00:00 2026-01-09T00:00"],
    ["0 0 * * 5-7", "2026-01-02T00:00 2026-01-03T00:00 2026-01-04T00:00 2026-01-09T00:00"],
    ["0 0 * * 7-1", "2026-01-04T00:00 2026-01-05T00:00 2026-01-11T00:00"],
    ["0 22-1 * * *", "2026-01-01T01:00 2026-01-01T22:00 2026-01-01T23:00 2026-01-02T00:00"],
    ["0 0 1 NOV-FEB *", "2026-02-01T00:00 2026-11-01T00:00 2026-12-01T00:00 2027-01-01T00:00"],
    ["5/20 3 * * *", "2026-01-01T03:05 2026-01-01T03:25 2026-01-01T03:45 2026-01-02T03:05"],
    ["30 15 6 1 1,2 ?", "2026-01-01T06:15:30 2026-02-01T06:15:30"],
    ["0 0 13 * 5", "2026-01-02T00:00 2026-01-09T00:00 2026-01-13T00:00 2026-01-16T00:00"],
    ["0 0 */2 * 1", "2026-01-05T00:00 2026-01-19T00:00 2026-02-09T00:00"],
    ["0 0 1-31 * 1", "2026-01-02T00:00 2026-01-03T00:00"],
    ["0 0 L * *", "2026-01-31T00:00 2026-02-28T00:00 2026-03-31T00:00"],
    ["0 0 LW * *", "2026-01-30T00:00 2026-02-27T00:00 2026-03-31T00:00"],
    ["0 0 1W * *", "2026-02-02T00:00 2026-03-02T00:00 2026-04-01T00:00"],
    ["0 0 15W * *", "2026-01-15T00:00 2026-02-16T00:00 2026-03-16T00:00"],
    ["0 0 31W 1,2,5 *", "2026-01-30T00:00 2026-05-29T00:00"],
    ["0 0 * * 5L", "2026-01-30T00:00 2026-02-27T00:00"],
    ["0 0 * * MON#1,FRI#5", "2026-01-05T00:00 2026-01-30T00:00 2026-02-02T00:00"],
    ["@yearly", "2027-01-01T00:00"],
    ["@monthly", "2026-02-01T00:00"],
    ["@weekly", "2026-01-04T00:00"],
    ["@daily", "2026-01-02T00:00"],
    ["@hourly", "2026-01-01T01:00"],
    ["@every 90s", "2026-01-01T00:01:30 2026-01-01T00:03"]
  ] as const
  for (const [expression, expected] of table) {
    it(expression, () => assert.strictEqual(slotsAfter(cron(expression), from, expected.split(" ").length), expected))
  }

  it("29 February jumps over 2100, and a rule of weekday and leap day over decades", () => {
    assert.strictEqual(slotsAfter(cron("0 0 29 2 *"), "2096-03-01T00:00:00Z", 1), "2104-02-29T00:00")
    assert.strictEqual(slotsAfter(cron("0 0 29 2 *", "Asia/Tokyo"), "2096-03-01T00:00:00Z", 1), "2104-02-28T15:00")
    assert.strictEqual(slotsAfter(cron("0 0 ? 2 1#5"), "2072-03-01T00:00:00Z", 1), "2112-02-29T00:00")
  })

  it("H is the same for one name, differs between names, and stays in its range", () => {
    const minutes = Array.from({ length: 200 }, (_, i) => {
      const slot = right({ cron_expr: "H(10-19) H/6 H * *" }, { name: `job ${i}` }).next(context.anchor) ?? 0
      assert.strictEqual(right({ cron_expr: "H(10-19) H/6 H * *" }, { name: `job ${i}` }).next(context.anchor), slot)
      assert.isAtMost(new Date(slot).getUTCDate(), 28)
      return new Date(slot).getUTCMinutes()
    })
    assert.deepStrictEqual([...new Set(minutes)].sort(), [10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
    const quarters = right({ cron_expr: "H/15 * * * *" }).upcoming(context.anchor, 5)
    assert.deepStrictEqual(
      quarters.slice(1).map((slot, i) => slot - (quarters[i] ?? 0)),
      [900_000, 900_000, 900_000, 900_000]
    )
  })
})

describe("DST", () => {
  const gap = "2026-03-07T12:00:00Z"
  const fold = "2026-10-31T12:00:00Z"
  const newYork = "America/New_York"
  const table: ReadonlyArray<readonly [string, string, string, string, object?]> = [
    ["30 2 * * *", newYork, gap, "2026-03-08T07:00 2026-03-09T06:30"],
    ["30 2 * * *", newYork, gap, "2026-03-09T06:30", { gap: "skip" }],
    ["0,30 2,3 * * *", newYork, gap, "2026-03-08T07:00 2026-03-08T07:30 2026-03-09T06:00"],
    ["30 1 * * *", newYork, gap, "2026-03-08T06:30 2026-03-09T05:30"],
    ["30 1 * * *", newYork, fold, "2026-11-01T05:30 2026-11-02T06:30"],
    ["30 1 * * *", newYork, fold, "2026-11-01T06:30 2026-11-02T06:30", { fold: "second" }],
    ["30 1 * * *", newYork, fold, "2026-11-01T05:30 2026-11-01T06:30 2026-11-02T06:30", { fold: "both" }],
    ["0 2 * * *", newYork, fold, "2026-11-01T07:00 2026-11-02T07:00"],
    ["*/30 30 1 * * *", newYork, fold, "2026-11-01T05:30 2026-11-01T05:30:30 2026-11-02T06:30"],
    ["0 * * * *", newYork, "2026-03-08T05:30:00Z", "2026-03-08T06:00 2026-03-08T07:00 2026-03-08T08:00"],
    ["0 * * * *", newYork, "2026-11-01T04:30:00Z", "2026-11-01T05:00 2026-11-01T06:00 2026-11-01T07:00"],
    ["0 * * * *", newYork, "2026-11-01T04:30:00Z", "2026-11-01T05:00 2026-11-01T07:00", { fold: "first" }],
    ["*/15 * * * *", newYork, "2026-03-08T06:40:00Z", "2026-03-08T06:45 2026-03-08T07:00 2026-03-08T07:15"],
    ["*/15 2 * * *", newYork, "2026-03-08T06:40:00Z", "2026-03-09T06:00 2026-03-09T06:15"],
    ["0 9 * * *", "Asia/Kathmandu", gap, "2026-03-08T03:15 2026-03-09T03:15"],
    ["15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-10-03T15:30 2026-10-04T15:15"],
    ["45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", "2026-04-04T14:45 2026-04-05T15:15"],
    [
      "*/30 * * * *",
      "Australia/Lord_Howe",
      "2026-04-04T13:45:00Z",
      "2026-04-04T14:00 2026-04-04T14:30 2026-04-04T15:00 2026-04-04T15:30"
    ],
    ["0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T03:00 2018-11-05T02:00"],
    ["30 0 * * *", "Africa/Cairo", "2026-04-22T23:00:00Z", "2026-04-23T22:00 2026-04-24T21:30"],
    ["0 0 * * 0", "Asia/Beirut", "2026-03-28T00:00:00Z", "2026-03-28T22:00 2026-04-04T21:00"],
    // Back over the end of a month, into days that the search had left behind.
    ["* * * 10 *", "Africa/Khartoum", "2017-10-31T20:58:00Z", "2017-10-31T20:59 2017-10-31T21:00"],
    // A repeated hour that goes back over the end of the only month, asked from just before it.
    ["* * * 10 *", "Africa/Khartoum", "2017-10-31T20:58:00Z", "2017-10-31T20:59 2017-10-31T21:00"],
    ["30 23 31 10 *", "Africa/Khartoum", "2017-10-31T20:40:00Z", "2017-10-31T21:30", { fold: "both" }],
    ["0 9 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", "2011-12-29T19:00 2011-12-30T10:00 2011-12-30T19:00"]
  ]
  for (const [expression, zone, from, expected, dst] of table) {
    it(`${expression} in ${zone}${dst === undefined ? "" : ` ${JSON.stringify(dst)}`} after ${from}`, () =>
      assert.strictEqual(slotsAfter(cron(expression, zone, dst), from, expected.split(" ").length), expected))
  }

  it("looks back over a repeated hour into the day before", () => {
    const yearly = cron("30 23 31 10 *", "Africa/Khartoum", { fold: "both" })
    assert.strictEqual(yearly.previous(Date.parse("2017-10-31T21:10:00Z")), Date.parse("2017-10-31T20:30:00Z"))
  })

  it("hourly runs 23, 24 and 25 times; daily once on each of those days", () => {
    const hourly = cron("0 * * * *", newYork)
    const daily = cron("30 2 * * *", newYork)
    const days = [
      ["2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z", 23],
      ["2026-06-08T04:00:00Z", "2026-06-09T04:00:00Z", 24],
      ["2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z", 25]
    ] as const
    for (const [from, to, hours] of days) {
      assert.strictEqual(hourly.count(Date.parse(from), Date.parse(to)), hours)
      assert.strictEqual(daily.count(Date.parse(from), Date.parse(to)), 1)
    }
  })
})

describe("every", () => {
  it("counts from its anchor, which is its first slot", () => {
    const every = right({ every: "90s" }, { anchor: 1_000 })
    assert.strictEqual(every.kind, "every")
    assert.deepStrictEqual(every.upcoming(-5_000_000, 3), [1_000, 91_000, 181_000])
    assert.strictEqual(every.next(91_000), 181_000)
    assert.strictEqual(every.previous(91_000), 1_000)
    assert.strictEqual(every.previous(1_000), null)
    assert.strictEqual(every.count(-1e12, 181_000), 2)
    assert.strictEqual(every.describe, "Every 1m30s")
  })

  it("a 1-second job is counted over five years at once", () => {
    const span = [Date.UTC(2026, 0, 1), Date.UTC(2031, 0, 1)] as const
    assert.strictEqual(right({ every: "1s" }).count(...span), 157_766_400)
    assert.strictEqual(cron("* * * * * *", "America/New_York").count(...span), 157_766_400)
  })

  it("next, previous and count agree with the progression", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e9 }),
        fc.integer({ min: -1e13, max: 1e13 }),
        fc.integer({ min: 0, max: 1e6 }),
        (period, anchor, k) => {
          const text = `${period}ms`
          assert.isTrue(Option.isSome(parseDuration(text)))
          const every = right({ every: text }, { anchor })
          const slot = anchor + k * period
          assert.strictEqual(every.next(slot), slot + period)
          assert.strictEqual(every.next(slot - 1), slot)
          assert.strictEqual(every.previous(slot + 1), slot)
          assert.strictEqual(every.count(anchor, slot), k)
        }
      )
    )
  })
})

describe("at", () => {
  const at = (text: string, timezone = "UTC", dst?: object) =>
    new Date(
      right({ at: text, timezone, ...(dst === undefined ? {} : { dst }) }).next(-1e15) ?? Number.NaN
    ).toISOString()

  it("reads ISO 8601, in the job's zone when it states no offset", () => {
    assert.strictEqual(at("2026-02-15T14:30:00Z"), "2026-02-15T14:30:00.000Z")
    assert.strictEqual(at("2026-02-15T14:30:00.123456+05:30"), "2026-02-15T09:00:00.123Z")
    assert.strictEqual(at("2026-02-15T14:30-0800", "Asia/Tokyo"), "2026-02-15T22:30:00.000Z")
    assert.strictEqual(at("2026-02-15T14:30", "America/New_York"), "2026-02-15T19:30:00.000Z")
    assert.strictEqual(at("2026-02-15 14:30:01.5", "Asia/Kathmandu"), "2026-02-15T08:45:01.500Z")
    assert.strictEqual(at("2026-02-15", "America/New_York"), "2026-02-15T05:00:00.000Z")
  })

  it("in a gap is the first instant after it, in a fold the first of the two", () => {
    assert.strictEqual(at("2026-03-08T02:30", "America/New_York"), "2026-03-08T07:00:00.000Z")
    assert.strictEqual(at("2026-11-01T01:30", "America/New_York"), "2026-11-01T05:30:00.000Z")
    assert.strictEqual(at("2026-11-01T01:30", "America/New_York", { fold: "second" }), "2026-11-01T06:30:00.000Z")
  })

  it("has one slot", () => {
    const once = right({ at: "2026-02-15T14:30:00Z", timezone: "America/New_York" })
    const instant = Date.UTC(2026, 1, 15, 14, 30)
    assert.deepStrictEqual(once.upcoming(0, 5), [instant])
    assert.strictEqual(once.next(instant), null)
    assert.strictEqual(once.previous(instant), null)
    assert.strictEqual(once.previous(instant + 1), instant)
    assert.strictEqual(once.count(instant, instant + 1), 1)
    assert.strictEqual(once.count(0, instant), 0)
    assert.strictEqual(once.describe, "Once, on 2026-02-15 at 09:30:00 America/New_York")
  })
})

describe("what is refused", () => {
  const fields = [
    ["second", 0, 59, (v: number) => `${v} 0 0 1 1 *`],
    ["minute", 0, 59, (v: number) => `${v} 0 * * *`],
    ["hour", 0, 23, (v: number) => `0 ${v} * * *`],
    ["day-of-month", 1, 31, (v: number) => `0 0 ${v} * *`],
    ["month", 1, 12, (v: number) => `0 0 1 ${v} *`],
    ["day-of-week", 0, 7, (v: number) => `0 0 * * ${v}`]
  ] as const
  for (const [name, min, max, text] of fields) {
    it(`${name}: ${min} and ${max} are read, ${min - 1} and ${max + 1} refused`, () => {
      assert.deepStrictEqual(issues({ cron_expr: text(min) }), [])
      assert.deepStrictEqual(issues({ cron_expr: text(max) }), [])
      for (const value of [min - 1, max + 1]) {
        const expected = [`cron_expr|${name}: ${value} is out of range ${min}-${max}`]
        assert.deepStrictEqual(issues({ cron_expr: text(value) }), expected)
      }
    })
  }

  it("names every wrong field at once", () => {
    assert.deepStrictEqual(issues({ cron_expr: "61 24 * FOO *" }), [
      "cron_expr|minute: 61 is out of range 0-59",
      "cron_expr|hour: 24 is out of range 0-23",
      `cron_expr|month: "FOO" is not a value; allowed: 1-12 or JAN-DEC`
    ])
  })

  it("expressions that never fire", () => {
    for (const expression of ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 31W 2 *"]) {
      assert.match(issues({ cron_expr: expression })[0] ?? "", /never fires/, expression)
    }
    assert.match(
      issues({ cron_expr: "30 2 8-14 3 */7", dst: { gap: "skip" } }, "America/New_York")[0] ?? "",
      /never fires.*America\/New_York/
    )
  })

  it("malformed expressions", () => {
    for (const text of [
      "",
      "*",
      "* * * *",
      "* * * * * * *",
      "*/0 * * * *",
      "*/61 * * * *",
      "1,,2 * * * *",
      "? * * * *"
    ]) {
      assert.isNotEmpty(issues({ cron_expr: text }), text)
    }
    for (const text of [
      "@reboot",
      "@every",
      "@every soon",
      "1-2-3 * * * *",
      "1/2/3 * * * *",
      "0 0 * * L",
      "0 0 1#2 * *"
    ]) {
      assert.isNotEmpty(issues({ cron_expr: text }), text)
    }
  })

  it("other triggers, each at its path", () => {
    const paths = (trigger: object, timezone?: string) => issues(trigger, timezone).map((text) => text.split("|")[0])
    assert.deepStrictEqual(paths({}), [""])
    assert.deepStrictEqual(paths({ every: "1m", at: "2026-02-15" }), [""])
    assert.deepStrictEqual(paths({ every: "0s" }), ["every"])
    assert.deepStrictEqual(paths({ every: "1m", dst: { gap: "skip" } }), ["dst"])
    assert.deepStrictEqual(paths({ cron_expr: "* * * * *" }, "Mars/Base"), ["timezone"])
    for (const text of ["2026-02-29", "2026-13-01", "2026-02-01T24:00", "2026-02-01T10:00:60Z", "tomorrow", ""]) {
      assert.deepStrictEqual(paths({ at: text }), ["at"], text)
    }
    assert.deepStrictEqual(paths({ at: "2026-03-08T02:30", dst: { gap: "skip" } }, "America/New_York"), ["at"])
  })
})
