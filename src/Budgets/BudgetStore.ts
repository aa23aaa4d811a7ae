import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Spent } from "../Domain/Budget.ts"
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

/** How a reservation is made. */
export interface ReserveOptions {
  /** Whatever the caps say. */
  readonly beyond: boolean
  /** What others spent before: no reason to forbid it where nothing of the span is spent, as nothing else could tell. */
  readonly isGuess: boolean
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
     * Makes what a run may spend next its reservation, in place of the one before: of spans that have passed since,
     * too. Gives the cap that forbids it, and reserves nothing then. The first time of an owner counts as one of its
     * runs. A run is known by its id, or by another that is nobody else's.
     */
    readonly reserve: (
      run: string,
      spans: ReadonlyArray<CappedSpan>,
      amount: Amount,
      options: ReserveOptions
    ) => Effect.Effect<Exceeded | null>
    /** The cap that a further run would go beyond; null when it may start. Reserves nothing. */
    readonly check: (
      run: string,
      spans: ReadonlyArray<CappedSpan>,
      amount: Amount,
      options: Pick<ReserveOptions, "isGuess">
    ) => Effect.Effect<Exceeded | null>
    /** Counts what was spent, in every span in which the run has a reservation; the reservation is used up by it. */
    readonly spend: (run: string, amount: Amount) => Effect.Effect<void>
    /** Ends what was reserved under an id that is no run's: as spent where nobody knows what became of it. */
    readonly release: (run: string, asSpent: boolean) => Effect.Effect<void>
    readonly used: (spans: ReadonlyArray<Pick<CappedSpan, "owner" | "span">>) => Effect.Effect<ReadonlyArray<SpanUse>>
    /** Jobs that spent something in one of these spans, by id. */
    readonly jobsIn: (spans: ReadonlyArray<string>, limit: number) => Effect.Effect<ReadonlyArray<string>>
  }
>() {}
