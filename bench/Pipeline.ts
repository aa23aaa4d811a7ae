import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { RunId } from "../src/Domain/Ids.ts"
import type { StoredJob } from "../src/Domain/Job.ts"
import type { Run } from "../src/Domain/Run.ts"
import { layerSqlite } from "../src/JobStore/Sqlite.ts"
import { JobStore, type StartedRun } from "../src/JobStore.ts"
import { engineOnStore } from "./Engine.ts"
import { makeJob } from "./Jobs.ts"
import { median, type Size } from "./Measure.ts"

const inFlight = 1_000
const startBatch = 500

const startedRun = (job: StoredJob, id: string, now: number): StartedRun => {
  const attempt = { number: 1, started_at: now, finished_at: null, outcome: null, failure: null, error_message: null }
  const run: Run = {
    id: id as RunId,
    job_id: job.id,
    job_name: job.name,
    agent_id: job.agent_id,
    trigger: "schedule",
    status: "running",
    scheduled_for: now,
    start_at: null,
    next_attempt_at: null,
    started_at: now,
    finished_at: null,
    execution_time_ms: null,
    attempts: [attempt],
    input: null,
    error_message: null,
    reason: null,
    decision: null,
    session_id: null,
    usage: null,
    context_bytes: null,
    saved: null,
    stop_reason: null,
    iteration_count: null,
    requested_by: null,
    approval_id: null,
    deliveries: [],
    missed_count: null,
    missed_from: null,
    missed_to: null,
    output: null,
    evaluations: [],
    iterations: [],
    tool_calls: []
  }
  return { run, job, attempt, approval: null }
}

/**
 * A store whose looks hand out so many runs of these jobs in turn, and whose ends only settle them, all that came in one turn of the event loop
 * together: what is left is what the scheduler itself takes.
 */
const handingOut = (jobs: ReadonlyArray<StoredJob>, count: number, ended: () => void) =>
  Layer.effect(
    JobStore,
    Effect.map(JobStore, (store) => {
      let next = 0
      const open = new Map<string, StartedRun>()
      let waiting: Array<() => void> = []
      const commit = () => {
        const batch = waiting
        waiting = []
        for (const resume of batch) resume()
      }
      return JobStore.of({
        ...store,
        nextWake: ({ now, permits }) => Effect.sync(() => (permits > 0 && next < count ? now : null)),
        look: ({ now, permits }) =>
          Effect.sync(() => {
            const started: Array<StartedRun> = []
            for (const end = Math.min(count, next + Math.min(startBatch, permits)); next < end; next++) {
              const job = jobs[next % jobs.length]
              if (job !== undefined) started.push(startedRun(job, `run_${String(next).padStart(26, "0")}`, now))
            }
            for (const one of started) open.set(one.run.id, one)
            return { started, claimed: 0, cancel: [], quarantined: [], ended: [] }
          }),
        finish: ({ run_id }, _now, settle) =>
          Effect.async<Run>((resume) => {
            waiting.push(() => {
              const one = open.get(run_id)
              if (one === undefined) return resume(Effect.dieMessage(`run ${run_id} is not running`))
              open.delete(run_id)
              ended()
              resume(Effect.succeed({ ...one.run, ...settle(one.run, one.job).run }))
            })
            if (waiting.length === 1) setImmediate(commit)
          })
      })
    })
  )

/** What a run of an agent that does nothing costs apart from the store. */
export const pipeline = ({ quick, rounds }: Size) =>
  Effect.gen(function* () {
    const count = quick ? 50_000 : 200_000
    const costs: Array<number> = []
    // The first round only warms up.
    for (let round = 0; round <= rounds; round++) {
      const now = yield* Clock.currentTimeMillis
      const jobs = yield* Effect.replicateEffect(makeJob(now), inFlight)
      let ended = 0
      const store = Layer.provideMerge(
        handingOut(jobs, count, () => ended++),
        layerSqlite(":memory:")
      )
      const usage = process.cpuUsage()
      const all = Effect.repeat(
        Effect.delay(
          Effect.sync(() => ended),
          "5 millis"
        ),
        { until: (n) => n >= count }
      )
      yield* Effect.provide(
        all,
        engineOnStore({ scheduler: { max_concurrent_jobs: inFlight } }).pipe(Layer.provide(store))
      )
      const { system, user } = process.cpuUsage(usage)
      if (round > 0) costs.push((system + user) / count)
    }
    return [{ name: "a run apart from the store, CPU time", value: median(costs), unit: "us" }]
  }).pipe(Effect.withTracerEnabled(false))
