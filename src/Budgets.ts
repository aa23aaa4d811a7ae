import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type Amount, BudgetStore, type Exceeded } from "./Budgets/BudgetStore.ts"
import { type BudgetOwner, type CappedSpan, spansOf } from "./Budgets/Spans.ts"
import type { AgentDefinition, Usage } from "./Domain/Agent.ts"
import type { AtCap, Budget, BudgetLine } from "./Domain/Budget.ts"
import type { RunId } from "./Domain/Ids.ts"
import type { Job } from "./Domain/Job.ts"
import { JobStore } from "./JobStore.ts"
import { Settings } from "./Settings.ts"

export { type Amount, BudgetStore, type Exceeded, type SpanUse } from "./Budgets/BudgetStore.ts"
export { type CappedSpan, dayOf, spansOf } from "./Budgets/Spans.ts"

/** Why a run may not spend what it is about to, and what becomes of it. */
export interface OverBudget {
  readonly text: string
  readonly at_cap: AtCap
}

/** What budgets say of one run. Does nothing where no budget holds for it. */
export interface RunBudget {
  /** Why the run may not start if it takes so much at first; null when it may. Reserves nothing. */
  readonly check: (estimate: Usage) => Effect.Effect<OverBudget | null>
  /** Reserves what the run may take next; `beyond` whatever the caps. Why it may not, or null. */
  readonly reserve: (
    estimate: Usage,
    options: { readonly spent: Usage | null; readonly beyond: boolean }
  ) => Effect.Effect<OverBudget | null>
  /** Counts what was spent. */
  readonly spend: (usage: Usage) => Effect.Effect<void>
}

const amountOf = ({ cost_usd = 0, input_tokens, output_tokens }: Usage): Amount => ({
  tokens: input_tokens + output_tokens,
  cost_usd
})

const money = (amount: number): string => `${Number(amount.toPrecision(4))} USD`

const count = (amount: number, unit: string): string => `${amount.toLocaleString("en-US")} ${unit}`

const spanNames = { day: "for today", month: "for this month", total: "in all" } as const

const exceededText = ({ reserved, span, spent, what }: Exceeded, asked: Amount): string => {
  const cap = span.caps[what] ?? 0
  const where = `the budget of ${span.ownerName} ${spanNames[span.period]}`
  if (what === "runs") return `${where} is used up: ${spent.runs} of ${count(cap, "runs")}`
  const text = what === "tokens" ? (amount: number) => count(amount, "tokens") : money
  const held = reserved[what] > 0 ? `, ${text(reserved[what])} reserved by runs under way` : ""
  return `${where} does not allow it: ${text(spent[what])} of ${text(cap)} spent${held}, and about ${text(asked[what])} would be next`
}

/** Most jobs whose budgets are listed. */
const maxListed = 1_000

const noBudget: RunBudget = {
  check: () => Effect.succeed(null),
  reserve: () => Effect.succeed(null),
  spend: () => Effect.void
}

/** Caps on tokens, cost and runs: of the service (`[scheduler.budget]`), of agents and of jobs. All that are given hold. */
export class Budgets extends Effect.Service<Budgets>()("symbiont/Budgets", {
  effect: Effect.gen(function* () {
    const store = yield* BudgetStore
    const jobs = yield* JobStore
    const { scheduler } = yield* Settings
    const { budget: ofService, timezone } = scheduler

    const serviceOwner = (budget: Budget): BudgetOwner => ({ owner: "service", ownerName: "the service", budget })
    const agentOwner = (id: string, budget: Budget): BudgetOwner => ({
      owner: `agent:${id}`,
      ownerName: `agent "${id}"`,
      budget
    })
    const jobOwner = ({ id, name }: Pick<Job, "id" | "name">, budget: Budget): BudgetOwner => ({
      owner: `job:${id}`,
      ownerName: `job "${name}"`,
      budget
    })

    const ownersOf = (job: Pick<Job, "id" | "name" | "budget">, agent: AgentDefinition | null) => [
      ...(job.budget === undefined ? [] : [jobOwner(job, job.budget)]),
      ...(agent?.budget === undefined ? [] : [agentOwner(agent.id, agent.budget)]),
      ...(ofService === undefined ? [] : [serviceOwner(ofService)])
    ]

    /** The first cap of one run that it would go beyond. */
    const beyondOneRun = (owners: ReadonlyArray<BudgetOwner>, spent: Amount, asked: Amount): OverBudget | null => {
      for (const { budget, ownerName } of owners) {
        const { cost_usd, tokens } = budget.per_run ?? {}
        const at_cap = budget.at_cap ?? "deny"
        const where = `the budget of ${ownerName} for one run does not allow it`
        if (tokens !== undefined && spent.tokens + asked.tokens > tokens) {
          const text = `${where}: ${count(spent.tokens, "tokens")} of ${count(tokens, "tokens")} spent, and about ${count(asked.tokens, "tokens")} would be next`
          return { text, at_cap }
        }
        if (cost_usd !== undefined && spent.cost_usd + asked.cost_usd > cost_usd) {
          const text = `${where}: ${money(spent.cost_usd)} of ${money(cost_usd)} spent, and about ${money(asked.cost_usd)} would be next`
          return { text, at_cap }
        }
      }
      return null
    }

    /** A cap on cost cannot be kept where nobody knows what a model costs. */
    const unpriced = (owners: ReadonlyArray<BudgetOwner>, { cost_usd, input_tokens, output_tokens }: Usage) => {
      if (cost_usd !== undefined || input_tokens + output_tokens === 0) return null
      const capped = owners.find(({ budget }) =>
        [budget.per_run, budget.per_day, budget.per_month, budget.total].some((caps) => caps?.cost_usd !== undefined)
      )
      const text = `the budget of ${capped?.ownerName} has a cap on cost, and the price of the agent's model is not known; give it under [providers.NAME.prices], or cap tokens instead`
      return capped === undefined ? null : ({ text, at_cap: "deny" } satisfies OverBudget)
    }

    const ofRun = (run_id: RunId, job: Job, agent: AgentDefinition | null): RunBudget => {
      const owners = ownersOf(job, agent)
      if (owners.length === 0) return noBudget
      const spans = Effect.map(
        Clock.currentTimeMillis,
        (now): ReadonlyArray<CappedSpan> => owners.flatMap((owner) => spansOf(owner, now, timezone))
      )
      const answer = (asked: Amount) => (exceeded: Exceeded | null) =>
        exceeded === null ? null : { text: exceededText(exceeded, asked), at_cap: exceeded.span.at_cap }
      const own = (estimate: Usage, spent: Usage | null) =>
        unpriced(owners, estimate) ??
        beyondOneRun(owners, spent === null ? { tokens: 0, cost_usd: 0 } : amountOf(spent), amountOf(estimate))

      const check = Effect.fn("Budgets.check")(function* (estimate: Usage) {
        const asked = amountOf(estimate)
        return own(estimate, null) ?? answer(asked)(yield* store.check(run_id, yield* spans, asked))
      })

      const reserve = Effect.fn("Budgets.reserve")(function* (
        estimate: Usage,
        { beyond, spent }: { readonly spent: Usage | null; readonly beyond: boolean }
      ) {
        const asked = amountOf(estimate)
        const over = beyond ? null : own(estimate, spent)
        return over ?? answer(asked)(yield* store.reserve(run_id, yield* spans, asked, { beyond }))
      })

      return { check, reserve, spend: (usage) => store.spend(run_id, amountOf(usage)) }
    }

    const linesOf = Effect.fnUntraced(function* (
      of: BudgetLine["of"],
      name: string | null,
      owner: BudgetOwner,
      now: number
    ) {
      const spans = spansOf(owner, now, timezone)
      const used = yield* store.used(spans)
      return spans.flatMap(({ at_cap, caps, period, span }, index): ReadonlyArray<BudgetLine> => {
        const use = used[index]
        if (use === undefined) return []
        const { reserved, spent } = use
        return [
          {
            of,
            name,
            period,
            span: span.replace(/^\w+:/, "").replace("total", "all time"),
            caps,
            spent,
            reserved,
            at_cap
          }
        ]
      })
    })

    /** How far the budgets are spent: the service's, all agents', and those of jobs that spent something lately. */
    const list = Effect.fn("Budgets.list")(function* (agents: ReadonlyArray<AgentDefinition>) {
      const now = yield* Clock.currentTimeMillis
      const day = spansOf(serviceOwner({ per_day: {}, per_month: {}, total: {} }), now, timezone).map(
        ({ span }) => span
      )
      const lines: Array<BudgetLine> = []
      if (ofService !== undefined) lines.push(...(yield* linesOf("service", null, serviceOwner(ofService), now)))
      for (const { budget, id } of agents) {
        if (budget !== undefined) lines.push(...(yield* linesOf("agent", id, agentOwner(id, budget), now)))
      }
      for (const id of yield* store.jobsIn(day, maxListed)) {
        const job = yield* Effect.orElseSucceed(jobs.findJob(id), () => null)
        if (job?.budget !== undefined) lines.push(...(yield* linesOf("job", job.name, jobOwner(job, job.budget), now)))
      }
      return lines as ReadonlyArray<BudgetLine>
    })

    return { list, ofRun } as const
  })
}) {}
