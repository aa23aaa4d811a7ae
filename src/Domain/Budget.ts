import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"

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

/** What was spent: tokens in and out together, US dollars, runs that started. */
export const Spent = Schema.Struct({ tokens: Schema.Number, cost_usd: Schema.Number, runs: Schema.Int })
export type Spent = typeof Spent.Type

/** A cap's span of time: a calendar day or month of the service's timezone, or all time. */
export const BudgetPeriod = Schema.Literal("day", "month", "total")
export type BudgetPeriod = typeof BudgetPeriod.Type

/** How far a budget is spent at present. */
export const BudgetLine = Schema.Struct({
  of: Schema.Literal("service", "agent", "job"),
  /** Name of the agent or the job; null of the service. */
  name: Schema.NullOr(Schema.String),
  period: BudgetPeriod,
  /** `2026-11-21`, `2026-11`, or `all time`. */
  span: Schema.String,
  caps: Caps,
  spent: Spent,
  /** What runs under way may still take. */
  reserved: Schema.Struct(Struct.omit(Spent.fields, "runs")),
  at_cap: AtCap
}).annotations({ identifier: "BudgetLine" })
export type BudgetLine = typeof BudgetLine.Type
