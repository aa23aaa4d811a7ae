import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import type { TriggerSpec } from "../../src/Domain/Schedule.ts"
import { make } from "../../src/Recurrence.ts"

const start = Date.parse("2026-01-15T12:00:00Z")

type Trigger = { readonly [K in keyof TriggerSpec]?: unknown }

const read = (trigger: Trigger, name = "daily-report") =>
  make(trigger as TriggerSpec, { name, anchor: start, timezone: "UTC", draft: true })

/** The notes to the next five slots. */
const notes = (trigger: Trigger, { from = start, name = "daily-report" } = {}): ReadonlyArray<string> => {
  const recurrence = Either.getOrThrow(read(trigger, name))
  const last = recurrence.upcoming(from, 5).at(-1) ?? from
  return recurrence.notes(from, last + 1)
}

const either = (date: string, day: string) =>
  `fires on days that match either day-of-month ${date} or day-of-week ${day}, not only on those that match both`
const anew = (gap: string) => `is uneven, as it starts anew each month: in a month of 31 days the ${gap}`

describe("notes on what an expression may not mean", () => {
  const table: ReadonlyArray<readonly [string, ...ReadonlyArray<string>]> = [
    ["* * * * *"],
    ["*/15 * * * *"],
    ["7/15 * * * *"],
    ["9-17/2 * * * *"],
    ["0 3/4 * * *"],
    ["*/7,*/11 * * * *"],
    ["H(0-29)/7 * * * *", `H stands for "2-29/7 * * * *"; it is drawn from the job's name ("daily-report")`],
    [
      "*/13 * * * *",
      'minute */13 is uneven: after :52 it starts anew at :00 (8 minutes later); for a steady period use every: "13m"'
    ],
    ["*/13 9-17 * * *", "minute */13 is uneven: after :52 it starts anew at :00 (8 minutes later)"],
    ["*/13 9 * * *"],
    [
      "20/15 * * * *",
      'minute 20/15 is uneven: after :50 it starts anew at :20 (30 minutes later); for a steady period use every: "15m"'
    ],
    ["50/20 * * * *", "minute 50/20 is :50 alone: a step ends with the hour"],
    [
      "H/13 * * * *",
      `H stands for "3-59/13 * * * *"; it is drawn from the job's name ("daily-report")`,
      'minute H/13 is uneven: after :55 it starts anew at :03 (8 minutes later); for a steady period use every: "13m"'
    ],
    [
      "*/7 * * * * *",
      'second */7 is uneven: after second 56 it starts anew at second 0 (4 seconds later); for a steady period use every: "7s"'
    ],
    [
      "30 */5 * * *",
      'hour */5 is uneven: after 20:30 it starts anew at 00:30 (4 hours later); for a steady period use every: "5h"'
    ],
    ["0 */5 * * MON"],
    ["0 0 1 */3 *"],
    [
      "0 0 1 */5 *",
      "month */5 is uneven: it is January, June and November, and after November comes January, 2 months later"
    ],
    ["0 0 1 8/5 *", "month 8/5 is August alone: a step ends with the year"],
    [
      "0 0 */2 * *",
      `day-of-month */2 ${anew('31st is followed by the 1st (1 day later); for a steady period use every: "2d"')}`
    ],
    ["0 */6 5/5 * *", `day-of-month 5/5 ${anew("30th is followed by the 5th (6 days later)")}`],
    ["0 0 */2 1 *"],
    ["0 0 20/15 * *", "day-of-month 20/15 is the 20th alone: a step ends with the month"],
    [
      "0 0 * * */2",
      "day-of-week */2 is Sunday, Tuesday, Thursday and Saturday: it starts anew each week, so Saturday is followed by Sunday (1 day later)"
    ],
    ["0 0 * * 4/5", "day-of-week 4/5 is Thursday alone: a step ends with the week, on Saturday"],
    ["0 0 28 * *"],
    ["0 0 L * *"],
    ["0 0 15,31 * *"],
    ["0 0 31 * *", 'only 7 of 12 months have a 31st; "L" means the last day of any month'],
    ["0 0 30 * *", 'only 11 of 12 months have a 30th (not February); "L" means the last day of any month'],
    ["0 0 31 4,5 *", 'only 1 of its 2 months has a 31st (not April); "L" means the last day of any month'],
    ["0 0 31W * *", 'only 7 of 12 months have a 31st; "LW" means the last workday of any month'],
    ["0 0 29 * *", 'February has a 29th only in leap years (97 of 400); "L" means the last day of any month'],
    ["0 0 29 2 *", 'February has a 29th only in leap years (97 of 400); "L" means the last day of any month'],
    ["0 0 * * MON#5", 'only about 35 % of months have a fifth Monday; "1L" means the last Monday of any month'],
    ["0 0 ? 2 1#5", 'February has a fifth Monday only in 15 of 400 years; "1L" means the last Monday of any month'],
    ["0 0 31 * MON", either("31", "MON")],
    ["0 0 1,15 * MON-FRI", either("1,15", "MON-FRI")],
    ["0 0 1-7 * 1", `${either("1-7", "1")}; for the first Monday of the month write * and "1#1"`],
    [
      "0 0 1-31 * 1",
      "day-of-month 1-31 is every day, so day-of-week changes nothing: either may match; write * to let day-of-week decide"
    ],
    ["0 0 * * 1"],
    ["0 0 ? * 1"],
    [
      "0 0 */2 * 1",
      "fires only on days that match both day-of-month */2 and day-of-week 1, as one of them begins with *"
    ]
  ]
  for (const [expression, ...expected] of table) {
    it(expression, () => assert.deepStrictEqual(notes({ cron_expr: expression }), expected))
  }

  it("says that H depends on the name where there is none", () => {
    assert.match(
      notes({ cron_expr: "H H * * *" }, { name: "" })[0] ?? "",
      /no.* is given, so "\d+ \d+ \* \* \*" is only an example/
    )
    assert.deepStrictEqual(notes({ cron_expr: "0 0 * MAR THU" }), [])
  })
})

const newYork = "America/New_York"
const lordHowe = "Australia/Lord_Howe"
const berlin = "Europe/Berlin"
const gap = "2026-03-08: 02:30 does not exist in America/New_York (the clock goes from 02:00 to 03:00)"
const fold = "2026-11-01: 01:30 happens twice in America/New_York (the clock goes back from 02:00 to 01:00)"

describe("notes on the clock changes ahead", () => {
  const table: ReadonlyArray<readonly [string, string, object | undefined, ...ReadonlyArray<string>]> = [
    ["30 2 * * *", newYork, undefined, `${gap}; it runs at 03:00, 2026-03-08T07:00:00Z`],
    ["30 2 * * *", newYork, { gap: "skip" }, `${gap}; it is skipped (dst.gap: skip)`],
    ["30 1 * * *", newYork, undefined, `${fold}; it runs at the first, 2026-11-01T05:30:00Z`],
    [
      "30 1 * * *",
      newYork,
      { fold: "second" },
      `${fold}; it runs at the second, 2026-11-01T06:30:00Z (dst.fold: second)`
    ],
    [
      "30 1 * * *",
      newYork,
      { fold: "both" },
      `${fold}; it runs at both, 2026-11-01T05:30:00Z and 2026-11-01T06:30:00Z (dst.fold: both)`
    ],
    ["30 2,3 * * *", newYork, undefined, `${gap}; it runs at 03:00, 2026-03-08T07:00:00Z`],
    [
      "0,30 2,3 * * *",
      newYork,
      undefined,
      "2026-03-08: 2 slots from 02:00 to 02:30 do not exist in America/New_York (the clock goes from 02:00 to 03:00); they run once, at 03:00, 2026-03-08T07:00:00Z, as one with the slot due then"
    ],
    ["0 9 * * *", newYork, undefined],
    [
      "30 2 14 3 *",
      newYork,
      undefined,
      "2027-03-14: 02:30 does not exist in America/New_York (the clock goes from 02:00 to 03:00); it runs at 03:00, 2027-03-14T07:00:00Z"
    ],
    ["30 2 * * *", "Asia/Tokyo", undefined],
    ["30 2 * * *", "UTC", undefined],
    [
      "15 2 * * *",
      lordHowe,
      undefined,
      "2026-10-04: 02:15 does not exist in Australia/Lord_Howe (the clock goes from 02:00 to 02:30); it runs at 02:30, 2026-10-03T15:30:00Z"
    ],
    [
      "45 1 * * *",
      lordHowe,
      undefined,
      "2026-04-05: 01:45 happens twice in Australia/Lord_Howe (the clock goes back from 02:00 to 01:30); it runs at the first, 2026-04-04T14:45:00Z"
    ],
    [
      "0 * * * *",
      lordHowe,
      undefined,
      "2026-10-04: 02:00 does not exist in Australia/Lord_Howe (the clock goes from 02:00 to 02:30); it is skipped, as a job with a wildcard in hour follows elapsed time (dst.gap: run_after would run it at 02:30)"
    ],
    ["*/30 * * * *", lordHowe, undefined],
    [
      "0 */2 * * *",
      berlin,
      { gap: "skip" },
      "2026-03-29: 02:00 does not exist in Europe/Berlin (the clock goes from 02:00 to 03:00); it is skipped (dst.gap: skip)",
      "2026-10-25: 02:00 happens twice in Europe/Berlin (the clock goes back from 03:00 to 02:00); it runs at both, 2026-10-25T00:00:00Z and 2026-10-25T01:00:00Z, as a job with a wildcard in hour follows elapsed time (dst.fold: first would run it once)"
    ],
    [
      "30 23 * * *",
      "America/Nuuk",
      undefined,
      "2026-03-28: 23:30 does not exist in America/Nuuk (the clock goes from 2026-03-28 23:00 to 2026-03-29 00:00); it runs at 2026-03-29 00:00, 2026-03-29T01:00:00Z",
      "2026-10-24: 23:30 happens twice in America/Nuuk (the clock goes back from 2026-10-25 00:00 to 2026-10-24 23:00); it runs at the first, 2026-10-25T00:30:00Z"
    ]
  ]
  for (const [cron_expr, timezone, dst, ...expected] of table) {
    it(`${cron_expr} ${timezone} ${JSON.stringify(dst ?? {})}`, () =>
      assert.deepStrictEqual(notes({ cron_expr, timezone, ...(dst === undefined ? {} : { dst }) }), expected))
  }

  it("tells of a job that follows elapsed time only what lies among its slots", () => {
    const hourly = { cron_expr: "0 * * * *", timezone: berlin }
    assert.deepStrictEqual(notes(hourly), [])
    assert.deepStrictEqual(notes(hourly, { from: Date.parse("2026-03-28T23:00:00Z") }), [
      "2026-03-29: the clock of Europe/Berlin goes from 02:00 to 03:00; the job follows elapsed time, none is lost or doubled"
    ])
    assert.lengthOf(notes(hourly, { from: Date.parse("2026-10-24T23:00:00Z") }), 1)
  })

  it("tells three changes, and how many more there are", () => {
    const recurrence = Either.getOrThrow(read({ cron_expr: "30 2 * * *", timezone: berlin }))
    const long = recurrence.notes(start, start + 5 * 365 * 86_400_000)
    assert.lengthOf(long, 4)
    assert.strictEqual(long[3], "and 7 more such changes of the clock until 2031-01-14")
  })

  it("forgets the part of a repeated hour that is over", () => {
    const halfPastOne = { cron_expr: "30 1 * * *", timezone: newYork }
    const before = notes(halfPastOne, { from: Date.parse("2026-11-01T05:29:59Z") })
    assert.include(before[0], "it runs at the first, 2026-11-01T05:30:00Z")
    const after = notes(halfPastOne, { from: Date.parse("2026-11-01T05:30:00Z") })
    assert.isFalse(after.some((note) => note.startsWith("2026-11-01")))
  })

  it("of a period: where it counts from, and that local times shift", () => {
    const assumed =
      "counts from the instant at which the job is created (here taken as 2026-01-15T12:00:00Z), not from the full hour or day"
    assert.deepStrictEqual(notes({ every: "90s", timezone: berlin }), [assumed])
    assert.deepStrictEqual(notes({ every: "1d" }), [assumed])
    assert.deepStrictEqual(notes({ cron_expr: "@every 1d", timezone: berlin }), [
      assumed,
      "2026-03-29: the clock of Europe/Berlin goes from 02:00 to 03:00; a period counts elapsed time, so its local times shift"
    ])
    const ofJob = make({ every: "90s" } as TriggerSpec, { name: "x", anchor: start, timezone: "UTC" })
    assert.deepStrictEqual(Either.getOrThrow(ofJob).notes(start, start + 1), [])
  })

  it("of one instant: that its wall time does not exist or exists twice", () => {
    const at = (text: string, dst = {}) => notes({ at: text, timezone: berlin, dst })
    assert.deepStrictEqual(at("2026-03-29T02:30:00"), [
      "2026-03-29: 02:30 does not exist in Europe/Berlin (the clock goes from 02:00 to 03:00); it runs at 03:00, 2026-03-29T01:00:00Z"
    ])
    assert.match(at("2026-10-25T02:30:00", { fold: "second" })[0] ?? "", /it runs at the second, 2026-10-25T01:30:00Z/)
    assert.deepStrictEqual(at("2026-10-25T02:30:00Z"), [])
    assert.deepStrictEqual(at("2026-06-25T02:30:00"), [])
  })
})

describe("notes on a trigger that runs once", () => {
  /** The notes to its only slot, looked for after an instant. */
  const onceAfter = (after: string, trigger: Trigger): ReadonlyArray<string> => {
    const anchor = Date.parse(after)
    const made = make({ ...trigger, one_shot: true } as TriggerSpec, { name: "x", anchor, timezone: berlin })
    const recurrence = Either.getOrThrow(made)
    return recurrence.notes(anchor, (recurrence.next(anchor) ?? anchor) + 1)
  }
  const winter = "2026-01-15T12:00:00Z"
  const gap = "2026-03-29: 02:30 does not exist in Europe/Berlin (the clock goes from 02:00 to 03:00)"
  const fold = "2026-10-25: 02:30 happens twice in Europe/Berlin (the clock goes back from 03:00 to 02:00)"

  it("tell nothing of days on which it never runs", () => {
    for (const cron_expr of ["30 2 * * *", "0 */5 * * *", "0 9 31 * *", "0 9 1-7 * MON", "*/7 * * * *"]) {
      assert.deepStrictEqual(onceAfter(winter, { cron_expr }), [], cron_expr)
    }
    assert.deepStrictEqual(onceAfter(winter, { every: "1d" }), [])
    assert.deepStrictEqual(onceAfter("2026-03-29T01:30:00Z", { cron_expr: "30 * * * *" }), [])
  })

  it("tell what `H` stands for, and where a period counts from", () => {
    assert.match(onceAfter(winter, { cron_expr: "H 9 * * *" })[0] ?? "", /^H stands for "\d+ 9 \* \* \*"/)
    const draft = Either.getOrThrow(read({ every: "1d", one_shot: true, timezone: berlin }))
    assert.lengthOf(draft.notes(start, start + 86_400_001), 1)
    assert.deepStrictEqual(draft.notes(start + 86_400_000, start + 86_400_001), [])
  })

  it("tell what the clock does to that slot", () => {
    const before = "2026-03-28T12:00:00Z"
    const cron_expr = "30 2 * * *"
    assert.deepStrictEqual(onceAfter(before, { cron_expr }), [`${gap}; it runs at 03:00, 2026-03-29T01:00:00Z`])
    assert.deepStrictEqual(onceAfter(before, { cron_expr, dst: { gap: "skip" } }), [
      `${gap}; it is skipped (dst.gap: skip)`
    ])
    assert.deepStrictEqual(onceAfter(before, { cron_expr: "30,40 2 * * *" }), [
      `${gap}; it runs at 03:00, 2026-03-29T01:00:00Z`
    ])
    const autumn = "2026-10-24T12:00:00Z"
    const first = `${fold}; it runs at the first, 2026-10-25T00:30:00Z`
    assert.deepStrictEqual(onceAfter(autumn, { cron_expr }), [first])
    assert.deepStrictEqual(onceAfter(autumn, { cron_expr, dst: { fold: "both" } }), [first])
    assert.deepStrictEqual(onceAfter(autumn, { cron_expr, dst: { fold: "second" } }), [
      `${fold}; it runs at the second, 2026-10-25T01:30:00Z (dst.fold: second)`
    ])
    assert.deepStrictEqual(onceAfter("2026-10-25T00:30:00Z", { cron_expr, dst: { fold: "both" } }), [
      `${fold}; it runs at the second, 2026-10-25T01:30:00Z`
    ])
    assert.deepStrictEqual(onceAfter(before, { every: "1d" }), [
      "2026-03-29: the clock of Europe/Berlin goes from 02:00 to 03:00; a period counts elapsed time, so its local time shifts"
    ])
  })
})

describe("any expression", () => {
  const field = (low: number, high: number) => {
    const value = fc.integer({ min: low, max: high })
    return fc.oneof(
      { weight: 3, arbitrary: fc.constant("*") },
      { weight: 4, arbitrary: fc.array(value, { minLength: 1, maxLength: 3 }).map((values) => values.join(",")) },
      { weight: 2, arbitrary: fc.integer({ min: 1, max: high - low + 1 }).map((step) => `*/${step}`) },
      { weight: 1, arbitrary: fc.tuple(value, fc.integer({ min: 1, max: high })).map(([a, step]) => `${a}/${step}`) },
      { weight: 1, arbitrary: fc.tuple(value, value).map(([a, b]) => `${a}-${b}`) },
      { weight: 1, arbitrary: fc.constantFrom("H", "H/7") }
    )
  }
  const expression = fc
    .tuple(
      field(0, 59),
      fc.oneof(field(0, 23), fc.constantFrom("0", "1", "2", "1,2", "2,3")),
      fc.oneof({ weight: 4, arbitrary: fc.constant("*") }, field(1, 31), fc.constantFrom("L", "LW", "31W")),
      fc.oneof({ weight: 4, arbitrary: fc.constant("*") }, field(1, 12)),
      fc.oneof({ weight: 4, arbitrary: fc.constant("*") }, field(0, 6), fc.constantFrom("1#5", "0L"))
    )
    .map((fields) => fields.join(" "))
  const dst = fc.record(
    { gap: fc.constantFrom("run_after", "skip"), fold: fc.constantFrom("first", "second", "both") },
    { requiredKeys: [] }
  )
  const zone = fc.constantFrom(newYork, lordHowe, berlin, "America/Havana", "America/Nuuk", "Africa/Casablanca", "UTC")

  it("has notes, and each instant that they say it runs at is one of its slots", () => {
    let instants = 0
    fc.assert(
      fc.property(
        expression,
        zone,
        dst,
        fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2028, 0, 1) }),
        (cron_expr, timezone, rule, from) => {
          const read_ = read({ cron_expr, timezone, dst: rule })
          if (Either.isLeft(read_)) return
          const recurrence = read_.right
          const last = recurrence.upcoming(from, 3).at(-1) ?? from
          for (const note of recurrence.notes(from, last + 1)) {
            assert.isAbove(note.length, 10)
            for (const [text] of note.matchAll(/\d{4}-\d\d-\d\dT[\d:]+Z/g)) {
              instants++
              const instant = Date.parse(text)
              assert.isAbove(instant, from, note)
              assert.strictEqual(recurrence.next(instant - 1), instant, `${cron_expr} ${timezone}: ${note}`)
            }
          }
        }
      ),
      { numRuns: 1_000 }
    )
    assert.isAbove(instants, 100)
  })
})
