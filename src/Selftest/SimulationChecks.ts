import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import { AuditLog } from "../AuditLog.ts"
import { JobStore } from "../JobStore.ts"
import type { Ledger, LedgerRun } from "./SimulationLedger.ts"
import { expectedLedger, type History, type LedgerEntry, sorted, textOf } from "./SimulationOracle.ts"
import { behaviourOf, type SimulatedJob, type SimulationPlan } from "./SimulationPlan.ts"

/** One call of an agent; instants are ms of the monotonic clock, `to` is null when its machine died. */
export interface Call {
  readonly run_id: string
  readonly job: string
  readonly slot: number
  readonly attempt: number
  readonly from: number
  to: number | null
}

/** All that a simulation knows at its end. */
export interface Evidence {
  readonly plan: SimulationPlan
  readonly jobs: ReadonlyMap<string, SimulatedJob>
  readonly states: ReadonlyMap<string, string>
  readonly history: ReadonlyArray<History>
  readonly calls: ReadonlyArray<Call>
  /** How often each run was told of, by the crashes there had been. */
  readonly delivered: ReadonlyMap<string, ReadonlyMap<number, number>>
  /** Runs that were asked for. */
  readonly asked: number
  readonly ledger: Ledger
}

const entryOf = (run: LedgerRun): LedgerEntry =>
  run.status === "missed"
    ? {
        trigger: "missed",
        from: run.missed_from ?? run.scheduled_for,
        to: run.missed_to ?? run.scheduled_for,
        count: run.missed_count ?? 1
      }
    : { trigger: run.trigger === "catch_up" ? "catch_up" : "schedule", slot: run.scheduled_for }

/** Slots of a job against the oracle: what is missing, and what is too much. */
const slotProblems = (job: SimulatedJob, runs: ReadonlyArray<LedgerRun>, history: ReadonlyArray<History>) => {
  const expected = expectedLedger(job, history).map(textOf)
  const found = sorted(runs.filter((run) => run.trigger !== "manual").map(entryOf)).map(textOf)
  if (expected.join() === found.join()) return []
  const missing = expected.filter((text) => !found.includes(text))
  const extra = found.filter((text, index) => !expected.includes(text) || found.indexOf(text) !== index)
  return [
    `${job.name}: the ledger lacks [${missing.slice(0, 5).join(", ")}], has beyond [${extra.slice(0, 5).join(", ")}]`
  ]
}

const maxInterruptions = 5

/** How a run may end whose attempts ended so; by what its agent was told to do. */
const endProblem = (evidence: Evidence, job: SimulatedJob, run: LedgerRun): string | null => {
  const attempts = evidence.ledger.attempts.get(run.id) ?? []
  const outcomes = attempts.map(({ outcome }) => outcome)
  const plannedOf = (number: number) => behaviourOf(evidence.plan, job, run.scheduled_for, number).end
  for (const { number, outcome } of attempts) {
    const planned = plannedOf(number)
    const honest =
      (outcome === "succeeded" && planned === "ok") ||
      (outcome === "failed" && (planned === "transient" || planned === "permanent")) ||
      (outcome === "timed_out" && planned === "hang") ||
      outcome === "interrupted" ||
      (outcome === "cancelled" && job.overlap === "cancel_previous")
    if (!honest) return `attempt ${number} ended ${outcome}, its agent was to ${planned}`
  }
  if (attempts.some(({ number }, index) => number !== index + 1)) return "its attempts are not numbered from 1"
  const last = outcomes.at(-1)
  const interruptions = outcomes.filter((outcome) => outcome === "interrupted").length
  const failures = outcomes.filter((outcome) => outcome === "failed" || outcome === "timed_out").length
  const allowed = job.attempts
  switch (run.status) {
    case "succeeded":
      return last === "succeeded" ? null : `succeeded after ${outcomes.join()}`
    case "failed":
    case "timed_out": {
      const given = last === run.status
      const final = failures >= allowed || plannedOf(attempts.length) === "permanent"
      return given && final ? null : `${run.status} after ${outcomes.join()} of ${allowed} attempts`
    }
    case "interrupted": {
      const final = job.on_interrupt === "fail" || interruptions >= maxInterruptions
      return last === "interrupted" && final ? null : `interrupted after ${outcomes.join()}`
    }
    case "cancelled":
      return job.overlap === "cancel_previous" ? null : "cancelled, though its job cancels none"
    case "skipped":
      if (attempts.length > 0) return "skipped after an attempt"
      return run.reason?.code === "concurrency" ? null : `skipped for ${run.reason?.code}`
    case "missed":
      return attempts.length === 0 ? null : "missed, though it ran"
    default:
      return `is ${run.status} at the end`
  }
}

/** A slot may be skipped only while as many runs of its job were live as may be. */
const skipProblem = (job: SimulatedJob, run: LedgerRun, all: ReadonlyArray<LedgerRun>): string | null => {
  if (run.status !== "skipped") return null
  const live = all.filter(
    (other) =>
      other.id !== run.id &&
      other.status !== "skipped" &&
      other.status !== "missed" &&
      other.created_at <= run.created_at &&
      (other.finished_at ?? Number.POSITIVE_INFINITY) >= run.created_at
  ).length
  return live >= job.max_concurrent ? null : `skipped while ${live} of ${job.max_concurrent} runs were live`
}

const concurrencyProblems = (calls: ReadonlyArray<Call>, job: SimulatedJob): ReadonlyArray<string> => {
  const mine = calls.filter((call) => call.job === job.name && call.to !== null && call.to > call.from)
  const crowd = mine.find(
    ({ from }) => mine.filter((other) => other.from <= from && from < (other.to ?? from)).length > job.max_concurrent
  )
  return crowd === undefined
    ? []
    : [`${job.name}: more than ${job.max_concurrent} of its runs at once, by ${crowd.run_id}`]
}

/** Jobs die of as many failures in a row as they may have, of no fewer and no more. */
const deathProblems = ({ jobs, ledger }: Evidence): ReadonlyArray<string> => {
  const failures = new Map<string, number>()
  const due = new Set<string>()
  const inactive = new Set<string>()
  const problems: Array<string> = []
  for (const { job_name, run_id, type } of ledger.events) {
    const job = job_name === null ? undefined : jobs.get(job_name)
    if (job_name === null || job === undefined || job.isOneShot) continue
    if (type !== "CronJobDeadLettered" && due.delete(job_name)) problems.push(`${job_name}: outlived its failures`)
    if (type === "CronJobExecuted" || type === "CronJobReset") failures.set(job_name, 0)
    if (type === "CronJobReset") inactive.delete(job_name)
    if (type === "CronJobDeleted") inactive.add(job_name)
    if (type === "CronJobFailed" && run_id !== null) {
      const count = (failures.get(job_name) ?? 0) + 1
      failures.set(job_name, count)
      if (count >= job.max_retries && !inactive.has(job_name)) due.add(job_name)
    }
    if (type === "CronJobDeadLettered") {
      if (!due.delete(job_name)) problems.push(`${job_name}: died of ${failures.get(job_name) ?? 0} failures`)
      inactive.add(job_name)
    }
  }
  return problems
}

const told: ReadonlySet<string> = new Set(["succeeded", "failed", "timed_out"])

/** Each delivery is made, and again only after a crash, which may come upon one that is made and not yet noted. */
export const deliveryProblems = ({
  delivered,
  jobs,
  ledger
}: {
  readonly delivered: Evidence["delivered"]
  readonly jobs: ReadonlyMap<string, Pick<SimulatedJob, "delivers">>
  readonly ledger: Pick<Ledger, "runs" | "events">
}): ReadonlyArray<string> => {
  const deadly = new Set(ledger.events.filter(({ type }) => type === "CronJobDeadLettered").map(({ run_id }) => run_id))
  return ledger.runs.flatMap((run) => {
    if (jobs.get(run.job_name)?.delivers !== true || !told.has(run.status)) return []
    const lives = [...(delivered.get(run.id)?.values() ?? [])]
    const times = lives.reduce((sum, count) => sum + count, 0)
    // The run that its job died of has a second delivery.
    const wanted = deadly.has(run.id) ? 2 : 1
    return times >= wanted && lives.every((count) => count <= wanted)
      ? []
      : [`${run.job_name}: ${run.id} was told of ${lives.join(" + ") || 0} times, not ${wanted}`]
  })
}

/** What is wrong with the ledger of a simulated service; to be run on it when all its runs have ended. */
export const problemsOf = Effect.fnUntraced(function* (evidence: Evidence) {
  const { asked, calls, history, jobs, ledger, plan } = evidence
  const counts = yield* (yield* JobStore).counts
  const verdict = yield* (yield* AuditLog).verify()
  const problems: Array<string> = []
  const wentBack =
    history.some(({ _tag }) => _tag === "SetBack") || plan.events.some((e) => e._tag === "Jump" && e.by < 0)

  if (!verdict.ok) problems.push(`the audit chain is broken: ${JSON.stringify(verdict.broken)}`)
  if (ledger.undelivered > 0) problems.push(`${ledger.undelivered} deliveries were never made`)
  const byJob = Arr.groupBy(ledger.runs, ({ job_name }) => job_name)
  for (const job of jobs.values()) {
    const runs = byJob[job.name] ?? []
    problems.push(...slotProblems(job, runs, history), ...concurrencyProblems(calls, job))
    for (const run of runs) {
      const problem = endProblem(evidence, job, run) ?? (wentBack ? null : skipProblem(job, run, runs))
      if (problem !== null) problems.push(`${job.name}: ${run.id} (${textOf(entryOf(run))}) ${problem}`)
      // What waited for its start as the clock was set back is due by the new clock, before its slot by that.
      const after = (run.start_at ?? run.scheduled_for) - run.scheduled_for
      if (run.trigger === "schedule" && ((after < 0 && !wentBack) || after > job.max_jitter * 1_000)) {
        problems.push(`${job.name}: ${run.id} was to start ${after} ms after its slot`)
      }
    }
  }
  const carriedOut = new Set<string>()
  const twice = calls.filter(({ attempt, run_id }) => {
    const key = `${run_id}/${attempt}`
    const known = carriedOut.has(key)
    carriedOut.add(key)
    return known
  })
  for (const { attempt, run_id } of twice) problems.push(`attempt ${attempt} of ${run_id} was carried out twice`)
  const manual = ledger.runs.filter(({ trigger }) => trigger === "manual").length
  if (manual !== asked) problems.push(`${asked} runs were asked for, and there are ${manual}`)
  const countOf = (...statuses: ReadonlyArray<string>) =>
    ledger.runs.filter(({ status }) => statuses.includes(status)).length
  if (counts.runs_succeeded !== countOf("succeeded")) {
    problems.push(`${counts.runs_succeeded} runs are counted as succeeded, and ${countOf("succeeded")} are`)
  }
  const failed = countOf("failed", "timed_out", "interrupted")
  if (counts.runs_failed !== failed)
    problems.push(`${counts.runs_failed} runs are counted as failed, and ${failed} are`)
  if (counts.running !== 0) problems.push(`${counts.running} runs are counted as running`)
  const executed = ledger.events.filter(({ type }) => type === "CronJobExecuted").length
  if (executed !== countOf("succeeded")) problems.push(`the audit log tells of ${executed} successes`)
  return [...problems, ...deathProblems(evidence), ...deliveryProblems(evidence)]
})
