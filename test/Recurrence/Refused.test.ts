import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import type { TriggerSpec } from "../../src/Domain/Schedule.ts"
import { make } from "../../src/Recurrence.ts"

const context = { name: "daily-report", anchor: Date.UTC(2026, 0, 1), timezone: "Europe/Berlin" }

const messages = (cron_expr: string): ReadonlyArray<string> =>
  Either.match(make({ cron_expr }, context), {
    onLeft: (error) => error.issues.map((issue) => `${issue.path}|${issue.message}`),
    onRight: () => []
  })

describe("each field says what is wrong with it: its name, the value, what is allowed", () => {
  const fields = [
    ["second", 0, 59, 60, "0-59", (text: string) => `${text} 0 0 1 1 *`],
    ["minute", 0, 59, 60, "0-59", (text: string) => `${text} 0 * * *`],
    ["hour", 0, 23, 24, "0-23", (text: string) => `0 ${text} * * *`],
    ["day-of-month", 1, 31, 31, "1-31", (text: string) => `0 0 ${text} * *`],
    ["month", 1, 12, 12, "1-12 or JAN-DEC", (text: string) => `0 0 1 ${text} *`],
    ["day-of-week", 0, 7, 7, "0-7 or SUN-SAT", (text: string) => `0 0 * * ${text}`]
  ] as const
  for (const [name, min, max, size, allowed, expression] of fields) {
    const outside = (value: number) => `${name}: ${value} is out of range ${min}-${max}`
    const noValue = (text: string) => `${name}: "${text}" is not a value; allowed: ${allowed}`
    const step = (text: string) => `${name}: step "${text}" is out of range 1-${size}`
    const cases: ReadonlyArray<readonly [field: string, message: string]> = [
      [`${max + 1}`, outside(max + 1)],
      ["999999999", outside(999_999_999)],
      [`${max + 1}-${max}`, outside(max + 1)],
      [`${min}-${max + 1}`, outside(max + 1)],
      [`${min}-${max + 1}/2`, outside(max + 1)],
      [`${max + 1}/2`, outside(max + 1)],
      [`${min},${max + 1}`, outside(max + 1)],
      [`${min},${min}-${max + 1},${max}`, outside(max + 1)],
      [`H(${min}-${max + 1})`, outside(max + 1)],
      ["*/0", step("0")],
      [`*/${size + 1}`, step(`${size + 1}`)],
      [`${min}-${max}/${size + 1}`, step(`${size + 1}`)],
      [`${min}/0`, step("0")],
      ["H/0", step("0")],
      ["*/", step("")],
      ["*/x", step("X")],
      ["*/-1", step("-1")],
      ["*/1.5", step("1.5")],
      ["foo", noValue("FOO")],
      [`${min}-foo`, noValue("FOO")],
      [`${min},foo`, noValue("FOO")],
      ["1.5", noValue("1.5")],
      ["0x1", noValue("0X1")],
      [`${min},`, `${name}: a value is missing; allowed: ${allowed}`],
      [`,${min}`, `${name}: a value is missing; allowed: ${allowed}`],
      [`${min}/2/3`, `${name}: "${min}/2/3" has more than one step`],
      [`H(${max}-${min})`, `${name}: H(${max}-${min}) is empty; put the smaller value first`]
    ]
    for (const [field, message] of cases) {
      it(`${name} ${field}`, () => assert.deepStrictEqual(messages(expression(field)), [`cron_expr|${message}`]))
    }
  }

  it("names of another field are no values", () => {
    assert.deepStrictEqual(messages("0 0 1 MON *"), [`cron_expr|month: "MON" is not a value; allowed: 1-12 or JAN-DEC`])
    assert.deepStrictEqual(messages("0 0 * * JAN"), [
      `cron_expr|day-of-week: "JAN" is not a value; allowed: 0-7 or SUN-SAT`
    ])
    assert.deepStrictEqual(messages("MON 0 * * *"), [`cron_expr|minute: "MON" is not a value; allowed: 0-59`])
  })

  it("day rules", () => {
    assert.deepStrictEqual(messages("0 0 32W * *"), ["cron_expr|day-of-month: 32 is out of range 1-31"])
    assert.deepStrictEqual(messages("0 0 0W * *"), ["cron_expr|day-of-month: 0 is out of range 1-31"])
    assert.deepStrictEqual(messages("0 0 L/2 * *"), [`cron_expr|day-of-month: "L/2" cannot have a step`])
    assert.deepStrictEqual(messages("0 0 * * 8#1"), ["cron_expr|day-of-week: 8 is out of range 0-7"])
    assert.deepStrictEqual(messages("0 0 * * 1#6"), ["cron_expr|day-of-week: #6 is out of range 1-5"])
    assert.deepStrictEqual(messages("0 0 * * 1#0"), ["cron_expr|day-of-week: #0 is out of range 1-5"])
    assert.deepStrictEqual(messages("0 0 * * 9L"), ["cron_expr|day-of-week: 9 is out of range 0-7"])
    assert.match(messages("0 0 * * L")[0] ?? "", /^cron_expr\|day-of-week: L needs a weekday/)
    assert.match(messages("0 ? * * *")[0] ?? "", /^cron_expr\|hour: "\?" stands alone/)
  })
})

const pieces = fc.constantFrom(
  ..."0 1 5 7 12 31 59 60 99999 -1 * / - , ? # L W LW H h ( ) H( + . é x \u0000 MON-FRI jan */ 1-5 @every @daily".split(
    " "
  )
)
const member = fc.array(pieces, { minLength: 1, maxLength: 4 }).map((list) => list.join(""))
const plausible = fc.constantFrom("*", "*", "1", "*/5", "1-5", "3,4", "H", "H/3", "5-1", "L", "?", "1#2")

/** Texts that reach the reading of fields: five or six fields, of which most are nearly right. */
const fielded = fc
  .array(fc.oneof({ weight: 12, arbitrary: plausible }, member), { minLength: 5, maxLength: 6 })
  .map((fields) => fields.join(" "))

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(fc.oneof(pieces, fc.constant(" ")), { maxLength: 20 }).map((list) => list.join(""))
)

const bound = fc.oneof(fc.constantFrom(Number.NaN, Infinity, -Infinity, 8.64e15, -8.64e15), fc.double(), fc.integer())

/** A refusal names a field, or is about the whole. */
const saysWhere =
  /^(second|minute|hour|day-of-month|month|day-of-week): .*\S|never fires: |is no known shorthand|is no positive duration/s

/** Reads a trigger, uses what was read, and answers with the messages of a refusal. */
const exercise = (
  trigger: { readonly [K in keyof TriggerSpec]?: unknown },
  t: number,
  u: number
): ReadonlyArray<string> => {
  const made = make(trigger as TriggerSpec, context)
  if (Either.isLeft(made)) {
    assert.isNotEmpty(made.left.message)
    return made.left.issues.map((issue) => issue.message)
  }
  const next = made.right.next(t)
  const previous = made.right.previous(t)
  assert.isTrue(next === null || next > t)
  assert.isTrue(previous === null || previous < t)
  assert.isAtLeast(made.right.count(t, t + 1e9), 0)
  assert.isTrue(made.right.upcoming(u, 2).every((slot) => slot > u))
  assert.isNotEmpty(made.right.describe)
  return []
}

describe("any input", () => {
  it("10,000 cron expressions are read or refused by the names of their fields, and never throw", () => {
    let read = 0
    fc.assert(
      fc.property(fielded, bound, bound, (cron_expr, t, u) => {
        const refused = exercise({ cron_expr }, t, u)
        if (refused.length === 0) read += 1
        for (const message of refused) assert.match(message, saysWhere, cron_expr)
      }),
      { numRuns: 10_000, seed: 7 }
    )
    assert.isAbove(read, 1_000)
    assert.isBelow(read, 9_000)
  })

  it("any text in any trigger never throws", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.record({ cron_expr: anyText }), fc.record({ at: anyText }), fc.record({ every: anyText })),
        bound,
        bound,
        (trigger, t, u) => void exercise(trigger, t, u)
      ),
      { numRuns: 10_000, seed: 7 }
    )
  })

  it("names that every object has are no expressions", () => {
    for (const text of ["__proto__", "constructor", "toString", "valueOf", "hasOwnProperty"]) {
      assert.isNotEmpty(messages(text), text)
      assert.isNotEmpty(messages(`${text} * * * *`), text)
    }
  })

  it("long texts are refused, not worked on", () => {
    assert.match(messages(`${"1,".repeat(100_000)}1 * * * *`)[0] ?? "", /longer than/)
    assert.match(messages("* ".repeat(400))[0] ?? "", /fields/)
    assert.isEmpty(messages(`${"1,".repeat(400)}1 * * * *`))
  })
})
