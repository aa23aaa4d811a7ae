import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { AgentRuntime } from "./Agents.ts"
import type { Actor } from "./Domain/Audit.ts"
import type { Backfill, BackfillInvalid, BackfillRequest } from "./Domain/Backfill.ts"
import type { Ids, JobId } from "./Domain/Ids.ts"
import type {
  Job,
  JobDefinition,
  JobInvalid,
  JobNameTaken,
  JobNotFound,
  JobPatch,
  JobStateConflict,
  JobUnreadable,
  JobVersionMismatch,
  JobWithWarnings
} from "./Domain/Job.ts"
import type {
  ConcurrencyLimitReached,
  IdempotencyConflict,
  Run,
  RunEnded,
  RunNotFound,
  RunSummary
} from "./Domain/Run.ts"
import type { TriggerSpec } from "./Domain/Schedule.ts"
import type { JobFilter, JobStore, Page, RunFilter } from "./JobStore.ts"
import type { JobPreview, Preview, PreviewOptions } from "./Jobs/Preview.ts"
import { make } from "./Jobs/Service.ts"
import type { JobActors, WakeSignal } from "./Scheduler.ts"
import type { Settings } from "./Settings.ts"

/**
 * Everything that people and programs do with jobs; the one door for HTTP, CLI and files. `ref` is a job's id or its
 * name. Each change is durable, audited under `actor` and known to the dispatcher before it returns.
 */
export class Jobs extends Context.Tag("symbiont/Jobs")<
  Jobs,
  {
    readonly create: (
      definition: JobDefinition,
      actor: Actor
    ) => Effect.Effect<JobWithWarnings, JobInvalid | JobNameTaken>
    readonly update: (
      ref: string,
      patch: JobPatch,
      options: { readonly actor: Actor; readonly ifVersion?: number | undefined }
    ) => Effect.Effect<JobWithWarnings, JobInvalid | JobNotFound | JobNameTaken | JobVersionMismatch | JobUnreadable>
    readonly remove: (ref: string, actor: Actor) => Effect.Effect<JobId, JobNotFound>
    readonly get: (ref: string) => Effect.Effect<Job, JobNotFound | JobUnreadable>
    readonly list: (filter: JobFilter) => Effect.Effect<Page<Job>>
    readonly pause: (ref: string, actor: Actor) => Effect.Effect<Job, JobNotFound | JobStateConflict | JobUnreadable>
    readonly resume: (ref: string, actor: Actor) => Effect.Effect<Job, JobNotFound | JobStateConflict | JobUnreadable>
    readonly reset: (ref: string, actor: Actor) => Effect.Effect<Job, JobNotFound | JobStateConflict | JobUnreadable>
    /** Starts a run outside the schedule; waits until the dispatcher has looked, so it is usually running already. */
    readonly runNow: (
      ref: string,
      options: {
        readonly actor: Actor
        readonly input?: string | undefined
        /** Wait for a permit instead of failing at `max_concurrent`. */
        readonly queue?: boolean | undefined
        readonly idempotencyKey?: string | undefined
      }
    ) => Effect.Effect<Run, JobNotFound | JobUnreadable | ConcurrencyLimitReached | IdempotencyConflict>
    /** Runs past slots, each as a run of its own behind the job's others; in a dry run only says which. */
    readonly backfill: (
      ref: string,
      request: BackfillRequest,
      actor: Actor
    ) => Effect.Effect<Backfill, JobNotFound | JobUnreadable | BackfillInvalid>
    readonly history: (ref: string, filter: RunFilter) => Effect.Effect<Page<RunSummary>, JobNotFound>
    /** The job's next `count` slots and starts, in words; none when it is not active, and a note that says why. */
    readonly upcoming: (ref: string, count: number) => Effect.Effect<JobPreview, JobNotFound | JobUnreadable>
    /** What a trigger would do; nothing is stored. */
    readonly preview: (trigger: TriggerSpec, options: PreviewOptions) => Effect.Effect<Preview, JobInvalid>
    readonly getRun: (id: string) => Effect.Effect<Run, RunNotFound>
    /** Ends a run that waits, stops one that runs; returns it as it ended. */
    readonly cancelRun: (id: string, actor: Actor) => Effect.Effect<Run, RunNotFound | RunEnded>
  }
>() {
  static readonly layer: Layer.Layer<Jobs, never, JobStore | AgentRuntime | JobActors | WakeSignal | Ids | Settings> =
    Layer.effect(Jobs, Effect.map(make, Jobs.of))
}

export type { ChannelsKnown } from "./Jobs/Channels.ts"
export { anchorUnder, changesOf, checkDefinition, compileTrigger, doubtsOf, warningsOf } from "./Jobs/Definition.ts"
export { withOverdue } from "./Jobs/Overdue.ts"
export type { JobPreview, Preview, PreviewOptions } from "./Jobs/Preview.ts"
export { editedJob, newJob } from "./Jobs/Service.ts"
export { lookingAhead, pause as pauseJob, resume as resumeJob } from "./Jobs/Transitions.ts"
