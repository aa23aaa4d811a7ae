import * as Schema from "effect/Schema"

const amount = Schema.Number.pipe(Schema.finite(), Schema.nonNegative())
const count = Schema.Int.pipe(Schema.nonNegative())

/** Caps on what is spent: tokens in and out together, US dollars. */
const Spending = {
  tokens: Schema.optionalWith(count, { exact: true }),
  cost_usd: Schema.optionalWith(amount, { exact: true })
}

/** Caps on what is spent in a span of time, and on how many runs start in it. */
export const Caps = Schema.Struct({ ...Spending, runs: Schema.optionalWith(count, { exact: true }) })
export type Caps = typeof Caps.Type

/** What becomes of a run that would go beyond a cap: denied, denied with its job paused, or a person is asked. */
export const AtCap = Schema.Literal("deny", "pause", "ask")
export type AtCap = typeof AtCap.Type

/**
 * What may be spent, by one run, by all runs of a calendar day or month (in the service's timezone), and in all. Of a
 * job's runs, of an agent's, or of all the service's, by whose budget it is.
 */
export const Budget = Schema.Struct({
  per_run: Schema.optionalWith(Schema.Struct(Spending), { exact: true }),
  per_day: Schema.optionalWith(Caps, { exact: true }),
  per_month: Schema.optionalWith(Caps, { exact: true }),
  total: Schema.optionalWith(Caps, { exact: true }),
  /** `deny` unless given. */
  at_cap: Schema.optionalWith(AtCap, { exact: true })
}).annotations({ identifier: "Budget" })
export type Budget = typeof Budget.Type
