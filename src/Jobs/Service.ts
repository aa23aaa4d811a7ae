import { createHash } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { AgentRuntime } from "../Agents.ts"
import { CustomChannels } from "../Delivery.ts"
import type { Actor } from "../Domain/Audit.ts"
import type { BackfillRequest } from "../Domain/Backfill.ts"
import { Ids } from "../Domain/Ids.ts"
import {
  definitionOf,
  type Job,
  type JobDefinition,
  JobInvalid,
  type JobPatch,
  type JobStateConflict,
  JobVersionMismatch,
  type JobWithWarnings,
  runsAtOnce,
  type StoredJob
} from "../Domain/Job.ts"
import { stillHidden, withoutSecrets, withSecretsOf } from "../Domain/Redaction.ts"
import { ConcurrencyLimitReached, isTerminal, RunEnded } from "../Domain/Run.ts"
import type { TriggerSpec } from "../Domain/Schedule.ts"
import type { JobChange, JobFilter, LiveRuns, NewRun, RunFilter } from "../JobStore.ts"
import { JobStore } from "../JobStore.ts"
import { NamedPolicies } from "../PolicyGate.ts"
import type { Recurrence } from "../Recurrence.ts"
import { JobActors, voidAsDeleted, voidIfChanged, WakeSignal } from "../Scheduler.ts"
import { ServiceEnvironment } from "../ServiceEnvironment.ts"
import { Settings } from "../Settings.ts"
import { askedSlots, backfillAnswer, planBackfill } from "./Backfill.ts"
import { variableDoubts } from "./Channels.ts"
import {
  anchorUnder,
  applyPatch,
  changesOf,
  checkDefinition,
  compileTrigger,
  sameTrigger,
  warningsOf
} from "./Definition.ts"
import { withOverdue } from "./Overdue.ts"
import { type PreviewOptions, previewOfJob, previewOfTrigger } from "./Preview.ts"
import * as Transitions from "./Transitions.ts"

/** How long who asks for a run waits until it was looked at, in ms. */
const lookMillis = 2_000

// Files imply it with `at`; the other ways in must not differ, or an export would show drift.
const oneShot = (definition: JobDefinition) => (definition.at === undefined ? {} : { one_shot: true })

// From many more keys than a literal has, V8 makes a hash table, which takes ten times as long and thrice the memory: so
// the state comes first. It comes again as what a program gives for a definition can be a whole job.
const definedAs = <State extends object>(definition: JobDefinition, state: State) =>
  Object.assign({ ...state }, definition, oneShot(definition), state)

/** A new job from a definition that was checked. */
export const newJob = (
  definition: JobDefinition,
  recurrence: Recurrence,
  base: Pick<StoredJob, "id" | "source_file" | "applied" | "defined_by">,
  now: number
): StoredJob => {
  const { applied, defined_by, id, source_file } = base
  const state = {
    id,
    source_file,
    applied,
    defined_by,
    status: "active",
    paused_by: null,
    // A one-shot that is already past keeps its instant: the misfire policy decides.
    next_run: recurrence.next(now) ?? recurrence.previous(now + 1),
    last_run: null,
    failure_count: 0,
    created_at: now,
    updated_at: now,
    version: 1,
    anchor: now,
    last_summary: null,
    last_usage: null,
    gate_seen: null,
    all_clears: 0,
    quiet_until: null
  } as const
  return definedAs(definition, state)
}

/** Whether two definitions differ in no more than what is for people: whoever edits that has not defined the job. */
const sameWork = ({ description: _a, labels: _b, ...a }: JobDefinition, b: JobDefinition): boolean =>
  Object.keys(changesOf(a as JobDefinition, b).after).every((key) => key === "description" || key === "labels")

/** When a stored job is due under a definition with another trigger. */
const retimed = (
  job: StoredJob,
  before: JobDefinition,
  definition: JobDefinition,
  recurrence: Recurrence,
  now: number
): Pick<StoredJob, "status" | "next_run" | "anchor"> => {
  const { status } = job
  const next = recurrence.next(now)
  const revives = (status === "completed" || status === "failed") && next !== null
  return {
    status: revives ? "active" : status,
    // A one-shot moved into the past keeps its instant, as a new one does: the misfire policy decides.
    next_run: status === "dead_letter" ? null : status === "active" ? (next ?? recurrence.previous(now + 1)) : next,
    anchor: anchorUnder(job, before, definition, now)
  }
}

/** A stored job under a new definition. A changed trigger counts from the edit; nothing fires by it. */
export const editedJob = (
  job: StoredJob,
  definition: JobDefinition,
  recurrence: Recurrence,
  defined_by: Actor,
  now: number
): StoredJob => {
  const before = definitionOf(job)
  const same = sameWork(before, definition)
  const timed = sameTrigger(before, definition) ? job : retimed(job, before, definition, recurrence, now)
  const state = {
    id: job.id,
    status: timed.status,
    paused_by: job.paused_by,
    next_run: timed.next_run,
    last_run: job.last_run,
    failure_count: job.failure_count,
    created_at: job.created_at,
    updated_at: now,
    version: job.version + 1,
    source_file: job.source_file,
    anchor: timed.anchor,
    applied: job.applied,
    last_summary: job.last_summary,
    // What another agent spends says nothing of this one.
    last_usage: definition.agent_id === job.agent_id ? job.last_usage : null,
    gate_seen: same ? job.gate_seen : null,
    all_clears: same ? job.all_clears : 0,
    quiet_until: same ? job.quiet_until : null,
    defined_by: same ? job.defined_by : defined_by
  }
  return definedAs(definition, state)
}

const refuseHidden = (definition: JobDefinition): Either.Either<void, JobInvalid> => {
  const [first, ...rest] = stillHidden(definition)
  return first === undefined ? Either.void : Either.left(new JobInvalid({ issues: [first, ...rest] }))
}

const alreadyPast = new JobInvalid({
  issues: [
    {
      path: "at",
      message: "is already past; give a later instant, or set misfire to say what becomes of a past one"
    }
  ]
})

export const make = Effect.gen(function* () {
  const store = yield* JobStore
  const agents = yield* AgentRuntime
  const ids = yield* Ids
  const actors = yield* JobActors
  const signal = yield* WakeSignal
  const { scheduler, unset } = yield* Settings
  const { policies } = yield* NamedPolicies
  const channels = { settings: scheduler.delivery, unset, inCode: yield* CustomChannels }

  // A program that has none has no variables either, and says itself what its jobs may name.
  const environment = yield* Effect.serviceOption(ServiceEnvironment)

  const check = (definition: JobDefinition, anchor: number) =>
    checkDefinition(definition, { anchor, timezone: scheduler.timezone })

  const recurrenceOf = (job: StoredJob) =>
    Either.getOrThrowWith(
      compileTrigger(definitionOf(job), { anchor: job.anchor, timezone: scheduler.timezone }),
      (error) => error
    )

  const withWarnings = Effect.fnUntraced(function* (job: StoredJob) {
    const agent = yield* Effect.catchAll(agents.find(job.agent_id), () => Effect.succeed(null))
    const aboutVariables = Option.match(environment, { onNone: () => [], onSome: (one) => variableDoubts(job, one) })
    const warnings = [...warningsOf(job, agent, policies, channels), ...aboutVariables.map(({ message }) => message)]
    return { ...job, warnings } satisfies JobWithWarnings
  })

  const create = Effect.fnUntraced(function* (definition: JobDefinition, actor: Actor) {
    const now = yield* Clock.currentTimeMillis
    yield* refuseHidden(definition)
    const recurrence = yield* check(definition, now)
    if (definition.misfire === undefined && recurrence.next(now) === null) return yield* alreadyPast
    const job = newJob(
      definition,
      recurrence,
      { id: yield* ids.job, source_file: null, applied: null, defined_by: actor },
      now
    )
    const after = withoutSecrets(definition)
    yield* store.insertJobs([
      { job, audit: [{ type: "CronJobCreated", actor, job_id: job.id, job_name: job.name, after }] }
    ])
    yield* signal.notify
    return yield* withWarnings(job)
  })

  const update = Effect.fn("Jobs.update")(function* (
    ref: string,
    patch: JobPatch,
    options: { readonly actor: Actor; readonly ifVersion?: number | undefined }
  ) {
    const now = yield* Clock.currentTimeMillis
    const job = yield* store.modifyJob(ref, (before): Either.Either<JobChange, JobInvalid | JobVersionMismatch> => {
      if (options.ifVersion !== undefined && options.ifVersion !== before.version) {
        return Either.left(new JobVersionMismatch({ job: before.name, version: before.version }))
      }
      const old = definitionOf(before)
      const definition = applyPatch(old, withSecretsOf(patch, old))
      const unknown = refuseHidden(definition)
      if (Either.isLeft(unknown)) return Either.left(unknown.left)
      const checked = check(definition, anchorUnder(before, old, definition, now))
      if (Either.isLeft(checked)) return Either.left(checked.left)
      const moved = !sameTrigger(old, definition)
      if (moved && definition.misfire === undefined && checked.right.next(now) === null) return Either.left(alreadyPast)
      const job = editedJob(before, definition, checked.right, options.actor, now)
      const edited: JobChange = {
        job,
        awaiting: voidIfChanged(job, options.actor, now),
        audit: [
          {
            type: "CronJobUpdated",
            actor: options.actor,
            job_id: before.id,
            job_name: before.name,
            ...changesOf(old, definition)
          }
        ]
      }
      return Either.right(withOverdue(before, edited, now, scheduler.timezone))
    })
    yield* signal.notify
    return yield* withWarnings(job)
  })

  const transition = (
    change: (job: StoredJob, actor: Actor, now: number) => Either.Either<JobChange, JobStateConflict>
  ) =>
    Effect.fnUntraced(function* (ref: string, actor: Actor) {
      const now = yield* Clock.currentTimeMillis
      const job: Job = yield* store
        .modifyJob(ref, (before) =>
          Either.map(change(before, actor, now), (changed) => withOverdue(before, changed, now, scheduler.timezone))
        )
        .pipe(Effect.catchTag("JobNameTaken", Effect.die))
      yield* signal.notify
      return job
    })

  const ahead =
    (change: typeof Transitions.resume) =>
    (before: StoredJob, actor: Actor, now: number): ReturnType<typeof change> => {
      const job = Transitions.lookingAhead(before, now)
      return change(job, recurrenceOf(job), actor, now)
    }

  const remove = Effect.fn("Jobs.remove")(function* (ref: string, actor: Actor) {
    const now = yield* Clock.currentTimeMillis
    const id = yield* store.deleteJob(ref, now, (job, stored) => ({
      audit: {
        type: "CronJobDeleted",
        actor,
        job_id: job.id,
        job_name: job.name,
        before: stored === null ? null : changesOf(definitionOf(stored), {} as JobDefinition).before
      },
      awaiting: voidAsDeleted(actor, now)
    }))
    yield* signal.notify
    return id
  })

  const manualRun =
    (actor: Actor, input: string | undefined, queue: boolean, now: number) =>
    (job: StoredJob, live: LiveRuns): Either.Either<NewRun, ConcurrencyLimitReached> => {
      if (!queue && live.holding - live.backfilling + live.queued >= job.max_concurrent) {
        return Either.left(new ConcurrencyLimitReached({ job: job.name, max_concurrent: job.max_concurrent }))
      }
      return Either.right({
        trigger: "manual",
        status: "pending",
        scheduled_for: now,
        start_at: null,
        input: input ?? job.input ?? null,
        reason: null,
        requested_by: actor,
        holds_permit: live.holding < runsAtOnce(job)
      })
    }

  const runNow = Effect.fn("Jobs.runNow")(function* (
    ref: string,
    options: {
      readonly actor: Actor
      readonly input?: string | undefined
      readonly queue?: boolean | undefined
      readonly idempotencyKey?: string | undefined
    }
  ) {
    const now = yield* Clock.currentTimeMillis
    const { idempotencyKey: key, input } = options
    const hash = createHash("sha256")
      .update(JSON.stringify(input ?? null))
      .digest("hex")
    const inserted = yield* store.insertManualRun(
      ref,
      now,
      manualRun(options.actor, input, options.queue === true, now),
      key === undefined ? undefined : { key, hash }
    )
    yield* signal.looked(lookMillis)
    return yield* Effect.orDie(store.findRun(inserted.id))
  })

  const backfill = Effect.fn("Jobs.backfill")(function* (ref: string, request: BackfillRequest, actor: Actor) {
    const now = yield* Clock.currentTimeMillis
    const { job, plan, runs } = yield* store.insertBackfill(
      ref,
      now,
      (job) => askedSlots(job, recurrenceOf(job), request, now),
      (job, asked, known, prunedTo) => planBackfill(job, asked, known, { ...request, actor, prunedTo })
    )
    yield* signal.notify
    return backfillAnswer(job, plan, runs, request.dry_run === true)
  })

  const upcoming = Effect.fn("Jobs.upcoming")(function* (ref: string, count: number) {
    const job = yield* store.findJob(ref)
    const agent = yield* Effect.catchAll(agents.find(job.agent_id), () => Effect.succeed(null))
    return previewOfJob(job, recurrenceOf(job), count, { scheduler, policies, agent })
  })

  const preview = Effect.fn("Jobs.preview")(function* (trigger: TriggerSpec, options: PreviewOptions) {
    const from = options.from ?? (yield* Clock.currentTimeMillis)
    return yield* previewOfTrigger(trigger, { ...options, from }, scheduler)
  })

  const cancelled = (actor: Actor) => ({ code: "cancelled", text: `cancelled by ${actor}` })

  const cancelRun = Effect.fn("Jobs.cancelRun")(function* (id: string, actor: Actor) {
    const run = yield* store.findRun(id)
    if (isTerminal(run.status)) return yield* new RunEnded({ run: run.id, status: run.status })
    yield* actors.cancel(run.id, cancelled(actor), actor)
    return yield* store.findRun(id)
  })

  return {
    create,
    update,
    remove,
    get: (ref: string) => store.findJob(ref),
    list: (filter: JobFilter) => store.listJobs(filter),
    pause: transition(Transitions.pause),
    resume: transition(ahead(Transitions.resume)),
    reset: transition(ahead(Transitions.reset)),
    runNow,
    backfill,
    history: (ref: string, filter: RunFilter) => store.listRuns(ref, filter),
    upcoming,
    preview,
    getRun: (id: string) => store.findRun(id),
    cancelRun
  }
})
