import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Spent } from "../Domain/Budget.ts"
import type { RunId } from "../Domain/Ids.ts"
import type { CappedSpan } from "./Spans.ts"

/** Tokens in and out together, and US dollars. */
export type Amount = Omit<Spent, "runs">

/** A cap that something would go beyond. */
export interface Exceeded {
  readonly span: CappedSpan
  readonly what: keyof Spent
  readonly spent: Spent
  readonly reserved: Amount
}

/** What was spent in a span, and what runs under way may still take. */
export interface SpanUse extends Pick<CappedSpan, "owner" | "span"> {
  readonly spent: Spent
  readonly reserved: Amount
}

/**
 * What budgets were spent, durably. Every method is one transaction, so runs side by side cannot both take what is left.
 * The end of an attempt settles what its run still has reserved, in the transaction of the end.
 */
export class BudgetStore extends Context.Tag("symbiont/BudgetStore")<
  BudgetStore,
  {
    /**
     * Makes what a run may spend next its reservation, in place of the one before. Gives the cap that forbids it, and
     * reserves nothing then; `beyond` does it whatever the caps. The first time in a span counts as a run of it.
     */
    readonly reserve: (
      run_id: RunId,
      spans: ReadonlyArray<CappedSpan>,
      amount: Amount,
      options: { readonly beyond: boolean }
    ) => Effect.Effect<Exceeded | null>
    /** The cap that a further run would go beyond; null when it may start. Reserves nothing. */
    readonly check: (run_id: RunId, spans: ReadonlyArray<CappedSpan>, amount: Amount) => Effect.Effect<Exceeded | null>
    /** Counts what was spent, in every span in which the run has a reservation; the reservation is used up by it. */
    readonly spend: (run_id: RunId, amount: Amount) => Effect.Effect<void>
    readonly used: (spans: ReadonlyArray<Pick<CappedSpan, "owner" | "span">>) => Effect.Effect<ReadonlyArray<SpanUse>>
    /** Jobs that spent something in one of these spans, by id. */
    readonly jobsIn: (spans: ReadonlyArray<string>, limit: number) => Effect.Effect<ReadonlyArray<string>>
  }
>() {}
