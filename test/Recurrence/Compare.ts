import * as Either from "effect/Either"
import { make, type Recurrence } from "../../src/Recurrence.ts"
import { type Dst, type Expression, hasDate, randomDst, randomExpression } from "./Expressions.ts"
import { type Expected, slotsOf, type Window } from "./Oracle.ts"
import { makeRandom, type Random } from "./Random.ts"

const HOUR = 3_600_000

/** What was compared, and the first difference in words, made as plain as can be. */
export interface Outcome {
  /** Slots compared one by one; slots counted. */
  readonly slots: number
  readonly counted: number
  readonly inGap: boolean
  readonly inFold: boolean
  readonly refused: boolean
  readonly difference: string | undefined
}

/** So many slots of a dense expression are compared one by one, next to a random place; the others are counted. */
const mostSlots = 240

const recurrenceOf = (expression: Expression, zone: string, dst: Dst) =>
  make({ cron_expr: expression.text, timezone: zone, dst }, { name: expression.job, anchor: 0, timezone: "UTC" })

const iso = (slot: number | null | undefined): string =>
  slot === null || slot === undefined || Math.abs(slot) > 8.64e15 ? String(slot) : new Date(slot).toISOString()

/**
 * The first place where slots found one after another, from `start` on, are not the expected ones; after these, unless
 * not `all` of them are given, none may lie before (looking back: at or after) `end`.
 */
const walkAlong = (
  found: (from: number) => number | null,
  start: number,
  end: number,
  expected: ReadonlyArray<number>,
  all = true
): string | undefined => {
  let last = start
  for (const wanted of expected) {
    const slot = found(last)
    if (slot !== wanted) return `of ${iso(last)}: expected ${iso(wanted)}, found ${iso(slot)}`
    last = slot
  }
  if (!all && expected.length > 0) return undefined
  const slot = found(last)
  const beyond = slot === null || (end > start ? slot >= end : slot < end)
  return beyond ? undefined : `of ${iso(last)}: expected none up to ${iso(end)}, found ${iso(slot)}`
}

const differenceOf = (
  recurrence: Recurrence,
  { from, to, slots }: Expected,
  { transition }: Window,
  random: Random
): string | undefined => {
  const instant = () => from + Math.floor(random.part() * (to - from))
  const jump = transition.after - transition.before
  const middle = random.pick([transition.at, transition.at + jump, transition.at - jump, instant()])
  const low = Math.max(0, slots.filter((slot) => slot < middle).length - mostSlots / 2)
  const some = slots.length <= mostSlots ? slots : slots.slice(low, low + mostSlots)
  const [first, last] = [some[0] ?? from, some.at(-1) ?? from]
  // The slots next to those compared, or the window's ends.
  const before = slots.findLast((slot) => slot < first) ?? from - 1
  const after = slots.find((slot) => slot > last) ?? to

  const next = walkAlong(recurrence.next, before, after, some)
  if (next !== undefined) return `next ${next}`
  const previous = walkAlong(recurrence.previous, after, before + 1, some.toReversed())
  if (previous !== undefined) return `previous ${previous}`

  const t = instant()
  const later = walkAlong(recurrence.next, t, to, slots.filter((slot) => slot > t).slice(0, 1), false)
  if (later !== undefined) return `next ${later}`
  const earlier = walkAlong(recurrence.previous, t, from, slots.filter((slot) => slot < t).slice(-1), false)
  if (earlier !== undefined) return `previous ${earlier}`

  const [a, b] = [instant(), instant()]
  for (const [low, high] of [
    [from, to],
    [Math.min(a, b), Math.max(a, b)]
  ] as const) {
    const expected = slots.filter((slot) => slot >= low && slot < high).length
    const found = recurrence.count(low, high)
    if (found !== expected) return `count of [${iso(low)}, ${iso(high)}): expected ${expected}, found ${found}`
  }
  return undefined
}

const compareOne = (expression: Expression, window: Window, dst: Dst, seed: number): Outcome => {
  const expected = slotsOf(expression, window, dst)
  const { slots, inGap, inFold } = expected
  const made = recurrenceOf(expression, window.transition.zone, dst)
  const outcome = {
    slots: Math.min(slots.length, mostSlots),
    counted: slots.length,
    inGap,
    inFold,
    refused: Either.isLeft(made)
  }
  if (Either.isRight(made)) {
    return { ...outcome, difference: differenceOf(made.right, expected, window, makeRandom(seed)) }
  }
  const wrong = /never fires: no month has such a day$/.test(made.left.message)
    ? hasDate(expression)
    : !/never fires: its only times are skipped/.test(made.left.message) || slots.length > 0
  return { ...outcome, difference: wrong ? `refused: ${made.left.message}` : undefined }
}

/** Makes expression and override plainer one by one, as long as they still differ. */
const shrink = (expression: Expression, window: Window, dst: Dst, seed: number): readonly [Expression, Dst] => {
  const candidates: ReadonlyArray<readonly [Expression, Dst]> = [
    ...(Object.keys(dst).length === 0 ? [] : [[expression, {}] as const]),
    ...expression.plainer().map((plainer) => [plainer, dst] as const)
  ]
  const weight = (one: Expression) => one.text.replaceAll(/[*0 ]/g, "").length
  for (const [plainer, override] of candidates) {
    if (plainer !== expression && weight(plainer) >= weight(expression)) continue
    if (compareOne(plainer, window, override, seed).difference === undefined) continue
    return shrink(plainer, window, override, seed)
  }
  return [expression, dst]
}

/** One case: a random expression with a random override in one window, compared with what `Recurrence` says. */
export const compare = (window: Window, seed: number): Outcome => {
  const { at, before, after, zone } = window.transition
  const random = makeRandom(seed)
  // A wall time that the transition lost or showed twice.
  const key = at + Math.min(before, after) + Math.floor(random.part() * Math.abs(after - before))
  const expression = randomExpression(random, key, true)
  const dst = randomDst(random)
  const outcome = compareOne(expression, window, dst, seed)
  if (outcome.difference === undefined) return outcome
  const [plain, override] = shrink(expression, window, dst, seed)
  const text = (one: Expression) => JSON.stringify(one.text)
  const shift = `${before / HOUR}h -> ${after / HOUR}h`
  return {
    ...outcome,
    difference: [
      `seed ${seed}, ${zone} at ${iso(at)} (${shift})`,
      `${text(expression)} of job ${JSON.stringify(expression.job)}, dst ${JSON.stringify(dst)}: ${outcome.difference}`,
      `plainer: ${text(plain)}, dst ${JSON.stringify(override)}: ${compareOne(plain, window, override, seed).difference}`
    ].join("\n  ")
  }
}

/** Sums of outcomes. */
export interface Tally {
  cases: number
  slots: number
  counted: number
  inGap: number
  inFold: number
  refused: number
  readonly differences: Array<string>
}

export const emptyTally = (): Tally => ({
  cases: 0,
  slots: 0,
  counted: 0,
  inGap: 0,
  inFold: 0,
  refused: 0,
  differences: []
})

/** Counts one more outcome. */
export const record = (tally: Tally, outcome: Outcome): void => {
  tally.cases += 1
  tally.slots += outcome.slots
  tally.counted += outcome.counted
  tally.inGap += outcome.inGap ? 1 : 0
  tally.inFold += outcome.inFold ? 1 : 0
  tally.refused += outcome.refused ? 1 : 0
  if (outcome.difference !== undefined && tally.differences.length < 20) tally.differences.push(outcome.difference)
}
