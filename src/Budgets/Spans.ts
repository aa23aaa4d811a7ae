import type { AtCap, Budget, BudgetPeriod, Caps } from "../Domain/Budget.ts"

/** A cap that holds for a run: whose budget it is of, and the span of time that it is for. */
export interface CappedSpan {
  /** `service`, `agent:NAME` or `job:ID`; for what one run may spend, `run:ID`. */
  readonly owner: string
  /** As people know the owner: `the service`, `agent "reporter"`, `job "daily"`. */
  readonly ownerName: string
  readonly period: BudgetPeriod | "run"
  /** `day:2026-11-21`, `month:2026-11` or `total`; for one run whose budget it is. */
  readonly span: string
  readonly caps: Caps
  readonly at_cap: AtCap
}

/** Whose budget it is. */
export interface BudgetOwner extends Pick<CappedSpan, "owner" | "ownerName"> {
  readonly budget: Budget
}

const days = new Map<string, Intl.DateTimeFormat>()

/** The calendar day of an instant (UTC ms), as `2026-11-21`. */
export const dayOf = (now: number, timezone: string): string => {
  let format = days.get(timezone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-CA", { timeZone: timezone, dateStyle: "short" })
    days.set(timezone, format)
  }
  return format.format(now)
}

/** The spans of a budget's caps that an instant (UTC ms) lies in. */
export const spansOf = (
  { budget, ...owner }: BudgetOwner,
  now: number,
  timezone: string
): ReadonlyArray<CappedSpan & { readonly period: BudgetPeriod }> => {
  const day = dayOf(now, timezone)
  const at_cap = budget.at_cap ?? "deny"
  const spans = [
    { period: "day", span: `day:${day}`, caps: budget.per_day },
    { period: "month", span: `month:${day.slice(0, 7)}`, caps: budget.per_month },
    { period: "total", span: "total", caps: budget.total }
  ] as const
  return spans.flatMap(({ caps, ...span }) => (caps === undefined ? [] : [{ ...owner, ...span, caps, at_cap }]))
}

/** The span that is one run, whatever its time: of the budgets that cap it. */
export const spansOfRun = (run: string, owners: ReadonlyArray<BudgetOwner>): ReadonlyArray<CappedSpan> =>
  owners.flatMap(({ budget, owner, ownerName }) =>
    budget.per_run === undefined
      ? []
      : [
          {
            owner: `run:${run}`,
            ownerName,
            period: "run",
            span: owner,
            caps: budget.per_run,
            at_cap: budget.at_cap ?? "deny"
          }
        ]
  )
