import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { AgentRuntime } from "../Agents.ts"
import { Budgets } from "../Budgets.ts"
import type { BudgetLine } from "../Domain/Budget.ts"
import { HealthCheck } from "../Domain/Health.ts"
import { dropGone, InvariantStore, Invariants } from "../Invariants.ts"
import { JobStore } from "../JobStore.ts"
import { type Family, gauge, plainly, type Sample } from "../Observability.ts"

/** Most series of budgets that are shown; the service's and the agents' come first. */
const maxBudgets = 1_000

const units = ["tokens", "cost_usd", "runs"] as const

const usedOf = ({ caps, name, of, period, reserved, spent }: BudgetLine): ReadonlyArray<Sample> =>
  units.flatMap((unit) => {
    const cap = caps[unit]
    if (cap === undefined) return []
    const used = spent[unit] + (unit === "runs" ? 0 : reserved[unit])
    return [
      {
        labels: [
          ["budget", name === null ? of : `${of}:${name}`],
          ["period", period],
          ["unit", unit]
        ],
        value: cap === 0 ? 1 : used / cap
      }
    ]
  })

/** What is read when somebody looks, as nothing else knows what became of rows over restarts. */
export const makeGauges = Effect.gen(function* () {
  const store = yield* JobStore
  const rows = yield* InvariantStore
  const agents = yield* AgentRuntime
  const budgets = yield* Budgets
  const { findings } = yield* Invariants

  const backlog = Effect.gen(function* () {
    const { dead, failed, oldest_pending, pending } = yield* store.deliveryCounts
    const now = yield* Clock.currentTimeMillis
    return [
      gauge("symbiont_delivery_pending", "Deliveries that are due or wait for their next attempt.", plainly(pending)),
      gauge(
        "symbiont_delivery_undelivered",
        "Deliveries that were refused (failed) or ran out of attempts (dead), and were not sent again.",
        [
          { labels: [["state", "failed"]], value: failed },
          { labels: [["state", "dead"]], value: dead }
        ]
      ),
      gauge(
        "symbiont_delivery_oldest_pending_seconds",
        "Age of the oldest delivery that is pending; 0 when none is.",
        plainly(oldest_pending === null ? 0 : Math.max(0, now - oldest_pending) / 1_000)
      )
    ]
  })

  const present = Effect.map(rows.gauges, ({ awaiting_approval, jobs, pending }) => [
    gauge(
      "symbiont_runs_pending",
      "Runs that wait: for their time, for room, for their turn or for a retry.",
      plainly(pending)
    ),
    gauge("symbiont_runs_awaiting_approval", "Runs that wait for a person.", plainly(awaiting_approval)),
    gauge(
      "symbiont_jobs",
      "Jobs, by status; `quarantined` are those whose rows are damaged.",
      jobs.map(({ count, status }) => ({ labels: [["status", status]], value: count }))
    )
  ])

  const spent = Effect.map(Effect.flatMap(agents.list, budgets.list), (lines) => [
    gauge(
      "symbiont_budget_used_ratio",
      "How much of a budget is spent or reserved; at 1 it is used up.",
      lines.flatMap(usedOf).slice(0, maxBudgets)
    )
  ])

  const violations = Effect.map(findings, (found) => [
    gauge(
      "symbiont_invariant_violations",
      "What the last scan found, by check, counted up to 100; see /api/v1/health/findings.",
      HealthCheck.literals.map((check) => ({
        labels: [["check", check]],
        value: found.find((one) => one.check === check)?.count ?? 0
      }))
    )
  ])

  // A part that does not answer must not keep the others back.
  const orNothing = (part: Effect.Effect<ReadonlyArray<Family>>) =>
    Effect.catchAllCause(part, (cause) =>
      Effect.as(Effect.logWarning("some metrics could not be read", cause), [] as ReadonlyArray<Family>)
    )

  const drop = dropGone.pipe(
    Effect.provideService(InvariantStore, rows),
    Effect.provideService(AgentRuntime, agents),
    Effect.as([])
  )
  return Effect.map(Effect.forEach([drop, backlog, present, spent, violations], orNothing), (parts) => parts.flat())
})
