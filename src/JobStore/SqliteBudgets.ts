import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Amount, BudgetStore, CappedSpan, Exceeded, ReserveOptions, SpanUse } from "../Budgets.ts"
import { among } from "./Among.ts"
import { Database } from "./Database.ts"
import { Writer } from "./Writer.ts"

const Row = Schema.Struct({
  owner: Schema.String,
  span: Schema.String,
  tokens: Schema.Number,
  cost_usd: Schema.Number
})
const decodeReserved = Schema.decodeUnknown(Schema.Array(Row))
const decodeUse = Schema.decodeUnknown(
  Schema.Tuple(
    Schema.Struct({
      tokens: Schema.Number,
      cost_usd: Schema.Number,
      runs: Schema.Int,
      reserved_tokens: Schema.Number,
      reserved_cost: Schema.Number,
      is_known: Schema.Int
    })
  )
)
const decodeOwners = Schema.decodeUnknown(Schema.Array(Schema.Struct({ owner: Schema.String })))

/** How many days and months of spending are kept. */
const keptDays = 62
const keptMonths = 24

/** Slack for sums of binary fractions, in US dollars. */
const epsilon = 1e-9

const jobPrefix = "job:"

/** What budgets were spent, and what live runs have reserved. */
export class SqliteBudgets extends Effect.Service<SqliteBudgets>()("symbiont/JobStore/SqliteBudgets", {
  effect: Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const { inTurn } = yield* Database

    // Most services have no budgets: the end of a run need not look for what it has reserved of them.
    let anyReserved = true
    const lookForReserved = Effect.map(sql`SELECT 1 FROM budget_reserved LIMIT 1`, (rows) => {
      anyReserved = rows.length > 0
    })

    // A run that goes on over midnight is one of the day before, whose runs it counts for.
    const samePeriod = (span: string) => {
      const [period = "", at] = span.split(":")
      return at === undefined ? sql`r.span = ${span}` : sql`r.span > ${`${period}:`} AND r.span < ${`${period};`}`
    }

    const useOf = Effect.fnUntraced(function* (run_id: string, { owner, span }: Pick<CappedSpan, "owner" | "span">) {
      const [row] = yield* Effect.flatMap(
        sql`SELECT coalesce(max(tokens), 0) AS tokens, coalesce(max(cost_usd), 0) AS cost_usd,
            coalesce(max(runs), 0) AS runs,
            (SELECT coalesce(sum(tokens), 0) FROM budget_reserved AS r
              WHERE r.owner = ${owner} AND r.span = ${span} AND r.run_id <> ${run_id}) AS reserved_tokens,
            (SELECT coalesce(sum(cost_usd), 0) FROM budget_reserved AS r
              WHERE r.owner = ${owner} AND r.span = ${span} AND r.run_id <> ${run_id}) AS reserved_cost,
            EXISTS (SELECT 1 FROM budget_reserved AS r
              WHERE r.run_id = ${run_id} AND r.owner = ${owner} AND ${samePeriod(span)}) AS is_known
          FROM budget_spent WHERE owner = ${owner} AND span = ${span}`,
        (rows) => Effect.orDie(decodeUse(rows))
      )
      const { is_known, reserved_cost, reserved_tokens, ...spent } = row
      return { spent, reserved: { tokens: reserved_tokens, cost_usd: reserved_cost }, isKnown: is_known === 1 }
    })

    /** The first cap that this would go beyond, and the spans that do not count the run yet. */
    const look = Effect.fnUntraced(function* (
      run_id: string,
      spans: ReadonlyArray<CappedSpan>,
      amount: Amount,
      isGuess: boolean
    ) {
      let exceeded: Exceeded | null = null
      const uncounted: Array<CappedSpan> = []
      for (const span of spans) {
        const { isKnown, reserved, spent } = yield* useOf(run_id, span)
        if (!isKnown) uncounted.push(span)
        const { caps } = span
        const beyond = (what: "tokens" | "cost_usd") => {
          const taken = spent[what] + reserved[what]
          return (caps[what] ?? Number.POSITIVE_INFINITY) + epsilon < taken + amount[what] && !(isGuess && taken === 0)
        }
        const what =
          caps.runs !== undefined && !isKnown && spent.runs + 1 > caps.runs
            ? "runs"
            : beyond("tokens")
              ? "tokens"
              : beyond("cost_usd")
                ? "cost_usd"
                : null
        if (what !== null) exceeded ??= { span, what, spent, reserved }
      }
      return { exceeded, uncounted }
    })

    const add = (owner: string, span: string, { cost_usd, runs, tokens }: Amount & { readonly runs: number }) =>
      sql`INSERT INTO budget_spent ${sql.insert({ owner, span, tokens, cost_usd, runs })}
        ON CONFLICT (owner, span) DO UPDATE SET tokens = tokens + excluded.tokens,
          cost_usd = cost_usd + excluded.cost_usd, runs = runs + excluded.runs`

    // Once a span begins is often enough to forget the old ones.
    const forget = ({ owner, span }: CappedSpan) => {
      const [period = ""] = span.split(":", 1)
      const kept = period === "day" ? keptDays : period === "month" ? keptMonths : null
      return kept === null
        ? Effect.void
        : sql`DELETE FROM budget_spent WHERE owner = ${owner} AND span > ${`${period}:`} AND span < (
            SELECT span FROM budget_spent WHERE owner = ${owner} AND span > ${`${period}:`} AND span <= ${span}
              ORDER BY span DESC LIMIT 1 OFFSET ${kept})`
    }

    const check = Effect.fn("BudgetStore.check")(function* (
      run_id: string,
      spans: ReadonlyArray<CappedSpan>,
      amount: Amount,
      { isGuess }: Pick<ReserveOptions, "isGuess">
    ) {
      return (yield* look(run_id, spans, amount, isGuess)).exceeded
    }, Effect.orDie)

    const reserve = Effect.fnUntraced(function* (
      run_id: string,
      spans: ReadonlyArray<CappedSpan>,
      amount: Amount,
      { beyond, isGuess }: ReserveOptions
    ) {
      const { exceeded, uncounted } = yield* look(run_id, spans, amount, isGuess)
      if (exceeded !== null && !beyond) return exceeded
      anyReserved = true
      for (const { owner, span } of spans) {
        yield* sql`DELETE FROM budget_reserved AS r WHERE r.run_id = ${run_id} AND r.owner = ${owner}
          AND ${samePeriod(span)} AND r.span <> ${span}`
        yield* sql`INSERT INTO budget_reserved ${sql.insert({ run_id, owner, span, ...amount })}
          ON CONFLICT (run_id, owner, span) DO UPDATE SET tokens = excluded.tokens, cost_usd = excluded.cost_usd`
      }
      for (const span of uncounted) {
        yield* add(span.owner, span.span, { tokens: 0, cost_usd: 0, runs: 1 })
        yield* forget(span)
      }
      return null
    })

    const reservedBy = (run_id: string) =>
      Effect.flatMap(sql`SELECT owner, span, tokens, cost_usd FROM budget_reserved WHERE run_id = ${run_id}`, (rows) =>
        Effect.orDie(decodeReserved(rows))
      )

    // What a run reserved on the day before is spent there: on the day that it was reserved for.
    const spend = Effect.fnUntraced(function* (run_id: string, amount: Amount) {
      const rows = yield* reservedBy(run_id)
      for (const { owner, span } of rows) yield* add(owner, span, { ...amount, runs: 0 })
      yield* sql`UPDATE budget_reserved SET tokens = 0, cost_usd = 0 WHERE run_id = ${run_id}`
    })

    const settleReserved = Effect.fnUntraced(function* (run_id: string, asSpent: boolean, ended: boolean) {
      const rows = yield* reservedBy(run_id)
      if (rows.length === 0) return
      if (asSpent) {
        yield* Effect.forEach(rows, ({ owner, span, ...amount }) => add(owner, span, { ...amount, runs: 0 }), {
          discard: true
        })
      }
      if (ended) yield* sql`DELETE FROM budget_spent WHERE owner = ${`run:${run_id}`}`
      yield* ended
        ? sql`DELETE FROM budget_reserved WHERE run_id = ${run_id}`
        : sql`UPDATE budget_reserved SET tokens = 0, cost_usd = 0 WHERE run_id = ${run_id}`
    })

    /**
     * Settles what a run has reserved, inside its caller's transaction: as spent where nobody can know what became of
     * it. A run that has not ended keeps its place in the counts of runs.
     */
    const settle = (run_id: string, asSpent: boolean, ended: boolean): void => {
      if (anyReserved) inTurn(settleReserved(run_id, asSpent, ended))
    }

    const used = Effect.fn("BudgetStore.used")(function* (spans: ReadonlyArray<Pick<CappedSpan, "owner" | "span">>) {
      const found: Array<SpanUse> = []
      for (const { owner, span } of spans) {
        const { reserved, spent } = yield* useOf("", { owner, span })
        found.push({ owner, span, spent, reserved })
      }
      return found as ReadonlyArray<SpanUse>
    }, Effect.orDie)

    const jobsIn = Effect.fn("BudgetStore.jobsIn")(function* (spans: ReadonlyArray<string>, limit: number) {
      const rows = yield* sql`SELECT DISTINCT owner FROM budget_spent
        WHERE owner > ${jobPrefix} AND owner < ${"job;"} AND span IN ${among(sql, spans)} ORDER BY owner LIMIT ${limit}`
      return (yield* decodeOwners(rows)).map(({ owner }) => owner.slice(jobPrefix.length))
    }, Effect.orDie)

    // Those of a service that died: nobody goes on with what was run by hand.
    const abandonByHand = Effect.gen(function* () {
      const rows = yield* sql`SELECT DISTINCT run_id FROM budget_reserved WHERE run_id > 'hand:' AND run_id < 'hand;'`
      for (const row of rows) settle(String(row["run_id"]), true, true)
      yield* lookForReserved
    })

    return { abandonByHand, check, jobsIn, reserve, settle, spend, used } as const
  })
}) {}

/** The budgets in the database. */
export const makeBudgetStore = Effect.gen(function* () {
  const writer = yield* Writer
  const budgets = yield* SqliteBudgets
  yield* writer.commit(budgets.abandonByHand)
  const store: typeof BudgetStore.Service = {
    release: (run, asSpent) => writer.commitNow(() => Either.right(budgets.settle(run, asSpent, true))),
    check: budgets.check,
    jobsIn: budgets.jobsIn,
    used: budgets.used,
    reserve: (...of) => writer.commit(budgets.reserve(...of)).pipe(Effect.withSpan("BudgetStore.reserve")),
    spend: (...of) => writer.commit(budgets.spend(...of)).pipe(Effect.withSpan("BudgetStore.spend"))
  }
  return store
})
