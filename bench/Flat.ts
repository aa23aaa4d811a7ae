import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { AuditLog } from "../src/AuditLog.ts"
import { Ids } from "../src/Domain/Ids.ts"
import type { StoredJob } from "../src/Domain/Job.ts"
import { InvariantStore } from "../src/Invariants.ts"
import { layerSqlite } from "../src/JobStore/Sqlite.ts"
import { JobStore, type Look, type Settlement, type SlotPlan } from "../src/JobStore.ts"
import { RetentionStore } from "../src/Retention.ts"
import { RunTotals } from "../src/RunTotals.ts"
import { expired } from "../src/Scheduler/ApprovalRules.ts"
import { bigSize, ensureBig, makeFilled } from "./Big.ts"
import { filledJobId } from "./Fill.ts"
import { makeJob, storeJobs } from "./Jobs.ts"
import { atMost, databaseFile, median, type Result, type Size, timed } from "./Measure.ts"

const start = 1_800_000_000_000
const period = 60_000

const plan = (job: StoredJob): SlotPlan => ({
  runs: [
    {
      trigger: "schedule",
      status: "pending",
      scheduled_for: job.next_run ?? 0,
      start_at: null,
      input: null,
      reason: null,
      holds_permit: true
    }
  ],
  next_run: (job.next_run ?? 0) + period,
  cancel: [],
  audit: []
})

const done: Settlement = {
  attempt: { outcome: "succeeded", failure: null, error_message: null },
  run: { status: "succeeded", finished_at: start, execution_time_ms: 1 },
  job: {},
  deliveries: [],
  audit: []
}

/** What people and the service ask a store, each a page of twenty or less. */
const questions = Effect.gen(function* () {
  const store = yield* JobStore
  const log = yield* AuditLog
  const invariants = yield* InvariantStore
  const retention = yield* RetentionStore
  const totals = yield* RunTotals
  const limit = 20
  const first = yield* Effect.orDie(store.findJob(filledJobId(0)))
  const { items: runs } = yield* Effect.orDie(store.listRuns(first.id, { limit: 50 }))
  const { items: deliveries } = yield* store.listDeliveries({ limit: 50 })
  const wanted = { names: [first.name], files: [], folders: [] }
  const asked: Readonly<Record<string, Effect.Effect<unknown, unknown>>> = {
    "jobs, first page": store.listJobs({ limit }),
    "jobs, later page": store.listJobs({ limit, cursor: filledJobId(500) }),
    "jobs by status": store.listJobs({ limit, status: "active" }),
    "jobs by status, none": store.listJobs({ limit, status: "paused" }),
    "jobs by agent": store.listJobs({ limit, agent_id: first.agent_id }),
    "jobs by agent and status, none": store.listJobs({ limit, agent_id: first.agent_id, status: "paused" }),
    "jobs by label": store.listJobs({ limit, label: "bench" }),
    "jobs by label, none": store.listJobs({ limit, label: "none-has-this" }),
    "history, first page": store.listRuns(first.id, { limit }),
    "history, later page": store.listRuns(first.id, { limit, cursor: runs.at(-1)?.id }),
    "history by status, none": store.listRuns(first.id, { limit, status: "failed" }),
    "runs about an instant": store.runsAround(first.id, start, 1_000),
    "audit, first page": log.query({ limit }),
    "audit, later page": log.query({ limit, cursor: "500" }),
    "audit by type": log.query({ limit, type: "CronJobExecuted" }),
    "audit by type, none": log.query({ limit, type: "CronJobFailed" }),
    "audit by job": log.query({ limit, job: first.id }),
    "audit by time": log.query({ limit, since: start - 86_400_000 * 3_650, until: start }),
    "deliveries, first page": store.listDeliveries({ limit }),
    "deliveries, later page": store.listDeliveries({ limit, cursor: deliveries.at(-1)?.id }),
    "deliveries by state": store.listDeliveries({ limit, state: "delivered" }),
    "deliveries by state, none pending": store.listDeliveries({ limit, state: "pending" }),
    "deliveries by state, none dead": store.listDeliveries({ limit, state: "dead" }),
    "deliveries by channel, none": store.listDeliveries({ limit, channel: "webhook" }),
    "deliveries of a job": store.listDeliveries({ limit, job_id: first.id }),
    "approvals, none": store.listApprovals({ limit }),
    "totals of a job": totals.ofJobs([first.id]),
    "totals of the service": totals.ofService,
    "counts (health)": store.counts,
    "delivery counts (metrics)": store.deliveryCounts,
    "gauges (metrics)": invariants.gauges,
    "scan: overdue jobs": invariants.overdueJobs(0),
    "scan: unstarted runs": invariants.unstartedRuns(start),
    "scan: stale runs": invariants.staleRuns(yield* (yield* Ids).boot, start),
    "scan: waiting deliveries": invariants.waitingDeliveries(start),
    "scan: undelivered": invariants.undelivered,
    "scan: quarantined": invariants.quarantined,
    "scan: unknown states": invariants.unknownStates,
    "scan: audit tail": invariants.auditTail,
    "upkeep: runs, none old": retention.endedBefore(0, null, 500),
    "upkeep: jobs that keep few runs": retention.keepers("", 500),
    "outbox: destinations": store.waitingDestinations(start),
    "find a job": store.findJob(filledJobId(7)),
    "find a run": Effect.ignore(store.findRun(runs[0]?.id ?? "")),
    "apply: find by name": store.changeJobs(wanted, start, () =>
      Either.right({ creates: [], changes: [], removals: [] })
    )
  }
  return asked
})

/** The wake of a dispatcher that finds ten jobs due, and all that it then starts. */
const wakes = Effect.gen(function* () {
  const store = yield* JobStore
  const owner = yield* (yield* Ids).boot
  yield* Effect.flatMap(Effect.replicateEffect(makeJob(start), 10), storeJobs)
  let n = 0
  return Effect.gen(function* () {
    const now = start + n++ * period
    let started: Look["started"] = []
    const millis = yield* timed(
      Effect.gen(function* () {
        yield* store.nextWake({ now, permits: 10, partitions: null })
        const options = { now, owner, partitions: null, permits: 10, batch: 500, plan, expire: expired(now) }
        started = (yield* store.look(options)).started
      })
    )
    if (started.length !== 10) return yield* Effect.dieMessage(`${started.length} runs started, not 10`)
    yield* Effect.forEach(started, ({ run }) => store.finish({ run_id: run.id, attempt: 1, owner }, now, () => done), {
      concurrency: "unbounded"
    })
    return millis
  })
})

const opened = Effect.fnUntraced(function* (filename: string) {
  const context = yield* Layer.build(layerSqlite(filename))
  const asked = Object.entries(yield* Effect.provide(questions, context)).map(
    ([name, question]) => [name, timed(Effect.orDie(Effect.provide(question, context)))] as const
  )
  const wake = Effect.orDie(yield* Effect.provide(wakes, context))
  const store = Context.get(context, JobStore)
  const nextWake = timed(store.nextWake({ now: start, permits: 10, partitions: null }))
  const works: ReadonlyArray<readonly [string, Effect.Effect<number>]> = [
    ["wake, ten due", wake],
    ["wake, none due", nextWake],
    ...asked
  ]
  return works.map(([name, work]) => ({ name, work, times: [] as Array<number> }))
})

/**
 * What a wake, each list and each look of the service at itself cost in a small store and in the big one. The stores
 * take turns, so both see the same load of the machine.
 */
export const flat = ({ big, quick, rounds }: Size) =>
  Effect.gen(function* () {
    yield* ensureBig(big, quick)
    const small = yield* databaseFile
    yield* makeFilled(small, { jobs: 1_000, runs: 1_000, audit: 1_000, deliveries: 1_000 })
    const stores = [yield* opened(small), yield* opened(big)]
    const warmUp = 10
    for (let n = 0; n < warmUp + rounds * 20; n++) {
      for (const works of stores) {
        for (const { times, work } of works) {
          const millis = yield* work
          if (n >= warmUp) times.push(millis)
        }
      }
    }
    const [inSmall = [], inBig = []] = stores
    const size = bigSize(quick)
    const among = `${size.jobs} jobs, ${size.runs} runs`
    const rows = inBig.map(({ name, times }, index): Result & { readonly ratio: number } => {
      const [value, before] = [median(times), median(inSmall[index]?.times ?? [])]
      // Below a tenth of a millisecond the clock and the other processes decide.
      const ratio = Math.max(value, 0.1) / Math.max(before, 0.1)
      return {
        name: `${name}, of ${among}`,
        value,
        unit: "ms",
        peer: { name: "1,000 jobs and runs", value: before },
        goal: atMost(ratio, 2, "times"),
        detail: true,
        ratio
      }
    })
    const worst = rows.toSorted((a, b) => b.ratio - a.ratio)[0]
    return [
      {
        name: `dearest of ${rows.length} questions and wakes, ${among}: ${worst?.name.split(", of ")[0]}`,
        value: worst?.value ?? 0,
        unit: "ms",
        peer: worst?.peer,
        goal: worst?.goal
      },
      ...rows
    ] satisfies ReadonlyArray<Result>
  })
