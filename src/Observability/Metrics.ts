import * as Context from "effect/Context"
import type { RunStatus } from "../Domain/Run.ts"
import { type Family, gauge, plainly } from "./Families.ts"
import { makeCounter, makeDistribution, makeHistogram, makeNamed } from "./Instruments.ts"

/** How many jobs get a series of their own at once; the runs of further ones count as `other`. Agents alike. */
export const maxJobLabels = 1_000

/** Codes of denials that get a series of their own: policies written in code may have any. */
const maxCodes = 100

const executionBounds = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600]
const latenessBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600]
const requestBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Everything that is counted, in memory. Counters begin at 0 with the process. */
export const makeMetrics = () => {
  const jobs = makeNamed(maxJobLabels, () => ({
    // An increase is seen from a number to the next one, so that the first failure needs a 0 before it.
    runs: new Map<RunStatus, number>([
      ["failed", 0],
      ["timed_out", 0]
    ]),
    duration: makeDistribution(executionBounds),
    isTimed: false,
    deadLettered: 0
  }))
  const agents = makeNamed(maxJobLabels, () => ({ input: 0, output: 0, cost_usd: 0 }))
  const denials = makeNamed(maxCodes, () => ({ value: 0 }))
  const looks = makeCounter({ name: "symbiont_scheduler_looks_total", help: "Looks of the dispatcher at the store." })
  const lateness = makeHistogram(
    {
      name: "symbiont_run_start_lateness_seconds",
      help: "How long after its slot, and its jitter, a scheduled run started."
    },
    latenessBounds
  )
  const saved = makeCounter({
    name: "symbiont_gate_saved_tokens_total",
    help: "Tokens that runs would have spent, had their gates not found that there was nothing to do."
  })
  const approvals = makeCounter(
    { name: "symbiont_approvals_decided_total", help: "Approvals that ended, by state: a person's decision, or none." },
    "state"
  )
  const deliveries = makeCounter(
    { name: "symbiont_delivery_total", help: "Deliveries that ended, by channel and final state." },
    "channel",
    "state"
  )
  const commits = makeCounter({ name: "symbiont_store_commits_total", help: "Transactions of the store's writer." })
  const writes = makeCounter({
    name: "symbiont_store_writes_total",
    help: "Writes of the store; several share a transaction where many come at once."
  })
  const requests = makeCounter(
    { name: "symbiont_http_requests_total", help: "HTTP requests answered, by method, route and status." },
    "method",
    "route",
    "status"
  )
  const requestTime = makeHistogram(
    {
      name: "symbiont_http_request_duration_seconds",
      help: "Time from a request to its answer's head, by method and route."
    },
    requestBounds,
    "method",
    "route"
  )
  let inFlight = 0
  let read: ReadonlyArray<Family> = []

  const ofJobs = (): ReadonlyArray<Family> => {
    const all = jobs.all()
    return [
      {
        name: "symbiont_cron_runs_total",
        help: "Runs that ended, by job and final status.",
        type: "counter",
        samples: all.flatMap(([job_name, { runs }]) =>
          [...runs].map(([status, value]) => ({
            labels: [
              ["job_name", job_name],
              ["status", status]
            ],
            value
          }))
        )
      },
      {
        name: "symbiont_cron_execution_duration_seconds",
        help: "Time from the start of a run to its end.",
        type: "histogram",
        samples: all.flatMap(([job_name, { duration, isTimed }]) =>
          isTimed ? duration.samples([["job_name", job_name]]) : []
        )
      },
      {
        name: "symbiont_cron_dead_letter_total",
        help: "How often a job was dead-lettered.",
        type: "counter",
        samples: all.map(([job_name, { deadLettered }]) => ({ labels: [["job_name", job_name]], value: deadLettered }))
      }
    ]
  }

  const ofAgents = (): ReadonlyArray<Family> => {
    const all = agents.all()
    return [
      {
        name: "symbiont_agent_tokens_total",
        help: "Tokens that agents read (input) and wrote (output).",
        type: "counter",
        samples: all.flatMap(([agent_id, spent]) =>
          (["input", "output"] as const).map((direction) => ({
            labels: [
              ["agent_id", agent_id],
              ["direction", direction]
            ],
            value: spent[direction]
          }))
        )
      },
      {
        name: "symbiont_agent_cost_usd_total",
        help: "What agents cost, in US dollars, where prices are known.",
        type: "counter",
        samples: all.map(([agent_id, { cost_usd }]) => ({ labels: [["agent_id", agent_id]], value: cost_usd }))
      }
    ]
  }

  const families = (): ReadonlyArray<Family> => [
    ...ofJobs(),
    ...ofAgents(),
    gauge("symbiont_cron_in_flight_jobs", "Runs that are executing now.", plainly(inFlight)),
    {
      name: "symbiont_policy_denials_total",
      help: "Runs that were denied, by the code of the reason.",
      type: "counter",
      samples: denials.all().map(([code, { value }]) => ({ labels: [["code", code]], value }))
    },
    ...[looks, lateness, saved, approvals, deliveries, commits, writes, requests, requestTime].map((one) =>
      one.family()
    )
  ]

  return {
    agents,
    approvals,
    commits,
    deliveries,
    denials,
    families,
    jobs,
    lateness,
    looks,
    requestTime,
    /** What was last read for an exporter, which cannot wait for it: gauges of the store and of the process. */
    read: () => read,
    requests,
    saved,
    setInFlight: (count: number) => {
      inFlight = count
    },
    setRead: (families: ReadonlyArray<Family>) => {
      read = families
    },
    writes
  } as const
}

/** What this process counts into: one for all of it, unless a test gives its own. */
export class Metrics extends Context.Reference<Metrics>()("symbiont/Metrics", { defaultValue: makeMetrics }) {}
