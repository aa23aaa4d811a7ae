import { isOneShot, type Job, type StoredJob } from "../Domain/Job.ts"
import type { Reason, Run } from "../Domain/Run.ts"
import type { Settlement } from "../JobStore.ts"

const isSlot = (run: Pick<Run, "trigger">): boolean => run.trigger === "schedule" || run.trigger === "catch_up"

/** Whether a run's end is its job's: the run is a one-shot's slot, and the job has not been given a new time since. */
export const endsJob = (run: Run, job: Job): boolean =>
  isOneShot(job) && isSlot(run) && job.next_run === null && (job.status === "active" || job.status === "paused")

/** What a run's end changes of its job: nothing by a backfill, whose old slot says nothing of the schedule of today. */
export const jobAfter = (run: Run, change: Settlement["job"]): Settlement["job"] =>
  run.trigger === "backfill" ? {} : change

/** A one-shot whose slot did not run to an end of its own has failed. */
export const oneShotFailed = (run: Run, job: Job): { readonly status?: "failed" } =>
  endsJob(run, job) ? { status: "failed" } : {}

/** The end of a run that waited, for its time or for an approval. Pure, so that it can run inside a transaction. */
export const endWaiting = (
  run: Run,
  job: StoredJob | null,
  status: "cancelled" | "denied" | "skipped",
  reason: Reason,
  now: number
): Pick<Settlement, "run" | "job"> => ({
  run: { status, finished_at: now, next_attempt_at: null, reason },
  job:
    job === null
      ? {}
      : jobAfter(run, { ...(status === "denied" ? { last_run: run.scheduled_for } : {}), ...oneShotFailed(run, job) })
})
