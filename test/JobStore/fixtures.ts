import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { BootId, JobId } from "../../src/Domain/Ids.ts"
import type { StoredJob } from "../../src/Domain/Job.ts"
import type { Run } from "../../src/Domain/Run.ts"
import { JobStore, type LookOptions, type NewRun, type Settlement, type SlotPlan } from "../../src/JobStore.ts"
import { expired } from "../../src/Scheduler/ApprovalRules.ts"
import { jobNamed } from "../Delivery/fixtures.ts"

/** The instant at which these tests take place, in UTC ms. */
export const t0 = Date.UTC(2026, 0, 15, 12)

/** Two starts of the service. */
export const me = BootId.make(`boot_${"0".repeat(25)}1`)
export const other = BootId.make(`boot_${"0".repeat(25)}2`)

/** The id of the n-th job; ids sort by n. */
export const jobId = (n: number) => JobId.make(`job_${String(n).padStart(26, "0")}`)

/** The n-th job, `job-n`, due at `t0`, changed as asked. */
export const nthJob = (n: number, change: Partial<StoredJob> = {}): StoredJob => ({
  ...jobNamed(`job-${n}`),
  id: jobId(n),
  failure_count: 0,
  next_run: t0,
  created_at: t0,
  updated_at: t0,
  anchor: t0,
  ...change
})

/** Stores jobs, each with the event of its creation. */
export const insert = (...jobs: ReadonlyArray<StoredJob>) =>
  Effect.flatMap(JobStore, (store) =>
    store.insertJobs(
      jobs.map((job) => ({
        job,
        audit: [{ type: "CronJobCreated" as const, actor: "test", job_id: job.id, job_name: job.name }]
      }))
    )
  )

/** A run that may start at once. */
export const newRun = (change: Partial<NewRun> = {}): NewRun => ({
  trigger: "schedule",
  status: "pending",
  scheduled_for: t0,
  start_at: null,
  input: null,
  reason: null,
  holds_permit: true,
  ...change
})

/** A plan that gives each due slot its run and comes back a minute later. */
export const minutely = (job: StoredJob): SlotPlan => ({
  runs: [newRun({ scheduled_for: job.next_run ?? t0 })],
  next_run: (job.next_run ?? t0) + 60_000,
  cancel: [],
  audit: []
})

/** A look at `t0` by `me` with permits to spare, changed as asked. */
export const look = (change: Partial<LookOptions> = {}) =>
  Effect.flatMap(JobStore, (store) =>
    store.look({
      now: t0,
      owner: me,
      partitions: null,
      permits: 100,
      batch: 100,
      plan: minutely,
      expire: expired(t0),
      ...change
    })
  )

/** Asks for a run by hand. */
export const manual = (ref: string, change: Partial<NewRun> = {}) =>
  Effect.flatMap(JobStore, (store) =>
    store.insertManualRun(ref, t0, () => Either.right(newRun({ trigger: "manual", ...change })))
  )

/** Asks for backfills of these slots, but for those that are known already. */
export const backfill = (ref: string, slots: ReadonlyArray<number>, now = t0) =>
  Effect.flatMap(JobStore, (store) =>
    store.insertBackfill(
      ref,
      now,
      () => Either.right({ slots }),
      (job, asked, known) => ({
        known,
        runs: asked.slots
          .filter((slot) => !known.some((run) => run.scheduled_for === slot))
          .map((slot) => newRun({ trigger: "backfill", scheduled_for: slot, holds_permit: false })),
        audit: [{ type: "CronJobBackfilled" as const, actor: "test", job_id: job.id, job_name: job.name }]
      })
    )
  )

/** A run that succeeded in five seconds. */
export const success = (change: Partial<Settlement> = {}): Settlement => ({
  attempt: { outcome: "succeeded", failure: null, error_message: null },
  run: { status: "succeeded", finished_at: t0 + 5_000, execution_time_ms: 5_000, output: "fine" },
  job: { last_run: t0, failure_count: 0 },
  deliveries: [],
  audit: [],
  ...change
})

/** A run that ended with the death of its owner. */
export const interrupted = (): Settlement => ({
  ...success(),
  attempt: { outcome: "interrupted", failure: null, error_message: "gone" },
  run: { status: "interrupted", finished_at: t0, execution_time_ms: 1 },
  job: {}
})

/** Ends a run by its current attempt, as `me`. */
export const finish = (run: Run, settlement: Settlement = success(), now = t0 + 5_000) =>
  Effect.flatMap(JobStore, (store) =>
    store.finish({ run_id: run.id, attempt: run.attempts.at(-1)?.number ?? 0, owner: me }, now, () => settlement)
  )

/** The runs of a job, newest first. */
export const runsOf = (ref: string) =>
  Effect.flatMap(JobStore, (store) => Effect.map(store.listRuns(ref, { limit: 1_000 }), (page) => page.items))
