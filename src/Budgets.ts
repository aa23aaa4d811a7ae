import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { type Amount, BudgetStore, type Exceeded } from "./Budgets/BudgetStore.ts"
import { type BudgetOwner, type CappedSpan, spansOf, spansOfRun } from "./Budgets/Spans.ts"
import { type AgentDefinition, AgentFailure, mayHaveSpent, type Usage } from "./Domain/Agent.ts"
import type { AtCap, Budget, BudgetLine } from "./Domain/Budget.ts"
import { Ids, type RunId } from "./Domain/Ids.ts"
import type { Job } from "./Domain/Job.ts"
import { JobStore } from "./JobStore.ts"
import { Settings } from "./Settings.ts"

export { type Amount, BudgetStore, type Exceeded, type ReserveOptions, type SpanUse } from "./Budgets/BudgetStore.ts"
export { type CappedSpan, dayOf, spansOf } from "./Budgets/Spans.ts"

/** Why a run may not spend what it is about to, and what becomes of it. */
export interface OverBudget {
  readonly text: string
  readonly at_cap: AtCap
}

/** What an agent may take next. */
export interface Estimate extends Usage {
  /** What its last call took, or a run before it. */
  readonly isGuess: boolean
}

/** What budgets say of one run. Does nothing where no budget holds for it. */
export interface RunBudget {
  /** Why the run may not start if it takes so much at first; null when it may. Reserves nothing. */
  readonly check: (estimate: Estimate) => Effect.Effect<OverBudget | null>
  /** Reserves what the run may take next; `beyond` whatever the caps. Why it may not, or null. */
  readonly reserve: (estimate: Estimate, options: { readonly beyond: boolean }) => Effect.Effect<OverBudget | null>
  /** Counts what was spent. */
  readonly spend: (usage: Usage) => Effect.Effect<void>
}

const amountOf = ({ cost_usd = 0, input_tokens, output_tokens }: Usage): Amount => ({
  tokens: input_tokens + output_tokens,
  cost_usd
})

const money = (amount: number): string => `${Number(amount.toPrecision(4))} USD`

const count = (amount: number, unit: string): string => `${amount.toLocaleString("en-US")} ${unit}`

const spanNames = { run: "for one run", day: "for today", month: "for this month", total: "in all" } as const

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

const failedForFree = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) &&
  Option.exists(Cause.failureOption(exit.cause), (error) => error instanceof AgentFailure && !mayHaveSpent(error))

/** What an agent may take of which nobody knows anything: next to nothing, but not where nothing is left. */
export const unknownEstimate: Estimate = { input_tokens: 1, output_tokens: 0, cost_usd: 0, isGuess: true }

/** What takes nothing. */
export const noEstimate: Estimate = { input_tokens: 0, output_tokens: 0, cost_usd: 0, isGuess: true }

/** Where nothing is counted. */
export const noBudget: RunBudget = {
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
    const ids = yield* Ids

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

    const ownersOf = (job: Pick<Job, "id" | "name" | "budget"> | null, agent: AgentDefinition | null) => [
      ...(job?.budget === undefined ? [] : [jobOwner(job, job.budget)]),
      ...(agent?.budget === undefined ? [] : [agentOwner(agent.id, agent.budget)]),
      ...(ofService === undefined ? [] : [serviceOwner(ofService)])
    ]

    /** A cap on cost cannot be kept where nobody knows what an agent costs. */
    const unpriced = (
      owners: ReadonlyArray<BudgetOwner>,
      agent: AgentDefinition | null,
      { cost_usd, input_tokens, output_tokens }: Usage
    ) => {
      if (cost_usd !== undefined || input_tokens + output_tokens === 0) return null
      const capped = owners.find(({ budget }) =>
        [budget.per_run, budget.per_day, budget.per_month, budget.total].some((caps) => caps?.cost_usd !== undefined)
      )
      if (capped === undefined) return null
      const why =
        agent?.kind === "model"
          ? "the price of its model is not known; give it under [providers.NAME.prices]"
          : "its agent does not say what it costs (usage.cost_usd); let it say so"
      const text = `the budget of ${capped.ownerName} has a cap on cost, and ${why}, or cap tokens instead`
      return { text, at_cap: "deny" } satisfies OverBudget
    }

    const budgetOf = (run: string, owners: ReadonlyArray<BudgetOwner>, agent: AgentDefinition | null): RunBudget => {
      if (owners.length === 0) return noBudget
      const spans = Effect.map(
        Clock.currentTimeMillis,
        (now): ReadonlyArray<CappedSpan> => [
          ...spansOfRun(run, owners),
          ...owners.flatMap((owner) => spansOf(owner, now, timezone))
        ]
      )
      const answer = (asked: Amount) => (exceeded: Exceeded | null) =>
        exceeded === null ? null : { text: exceededText(exceeded, asked), at_cap: exceeded.span.at_cap }

      const check = Effect.fn("Budgets.check")(function* (estimate: Estimate) {
        const asked = amountOf(estimate)
        return (
          unpriced(owners, agent, estimate) ?? answer(asked)(yield* store.check(run, yield* spans, asked, estimate))
        )
      })

      const reserve = Effect.fn("Budgets.reserve")(function* (
        estimate: Estimate,
        { beyond }: { readonly beyond: boolean }
      ) {
        const asked = amountOf(estimate)
        const { isGuess } = estimate
        return (
          (beyond ? null : unpriced(owners, agent, estimate)) ??
          answer(asked)(yield* store.reserve(run, yield* spans, asked, { beyond, isGuess }))
        )
      })

      return { check, reserve, spend: (usage) => store.spend(run, amountOf(usage)) }
    }

    const ofRun = (run_id: RunId, job: Job, agent: AgentDefinition | null): RunBudget =>
      budgetOf(run_id, ownersOf(job, agent), agent)

    /** The budgets of an agent that is run by hand, and of the service; what is still reserved goes with the scope. */
    const byHand = Effect.fn("Budgets.byHand")(function* (agent: AgentDefinition) {
      const owners = ownersOf(null, agent)
      if (owners.length === 0) return noBudget
      const id = `hand:${yield* ids.boot}`
      yield* Effect.addFinalizer((exit) => store.release(id, !failedForFree(exit)))
      return budgetOf(id, owners, agent)
    })

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

    return { byHand, list, ofRun } as const
  })
}) {}
