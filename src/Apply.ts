import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Ref from "effect/Ref"
import { AgentRuntime } from "./Agents.ts"
import type { AgentDefinition } from "./Domain/Agent.ts"
import { Ids } from "./Domain/Ids.ts"
import { definitionOf, type JobDefinition, type StoredJob } from "./Domain/Job.ts"
import { type Diagnostic, locateIssues, type ParsedAgent, type ParsedSchedule, parseFiles } from "./Dsl.ts"
import { type JobChange, JobStore } from "./JobStore.ts"
import {
  anchorUnder,
  changesOf,
  checkDefinition,
  editedJob,
  newJob,
  pauseJob,
  resumeJob,
  warningsOf,
  withOverdue
} from "./Jobs.ts"
import { NamedPolicies } from "./PolicyGate.ts"
import type { Recurrence } from "./Recurrence.ts"
import { WakeSignal } from "./Scheduler.ts"
import { Settings } from "./Settings.ts"

/** What applying some files did, by job name; files with an error changed nothing. */
export interface Applied {
  readonly created: ReadonlyArray<string>
  readonly updated: ReadonlyArray<string>
  readonly resumed: ReadonlyArray<string>
  readonly paused: ReadonlyArray<string>
  readonly unchanged: ReadonlyArray<string>
  readonly diagnostics: ReadonlyArray<Diagnostic>
  readonly warnings: ReadonlyArray<string>
}

interface Checked {
  readonly schedule: ParsedSchedule
  readonly recurrence: Recurrence
}

type Outcome = "created" | "updated" | "resumed" | "paused" | "unchanged"

type AgentsByFile = ReadonlyMap<string, ReadonlyArray<AgentDefinition>>

/** A file with an error keeps the agents it had; at a first reading, where it had none, those that can be read. */
const agentsOf = (
  files: ReadonlyArray<{ readonly path: string }>,
  parsed: ReadonlyArray<ParsedAgent>,
  broken: ReadonlySet<string>,
  before: AgentsByFile
): AgentsByFile =>
  new Map(
    files.map(({ path }) => {
      const known = broken.has(path) ? before.get(path) : undefined
      return [path, known ?? parsed.filter((agent) => agent.file === path).map((agent) => agent.definition)]
    })
  )

const actor = "apply"

/** Writes at work at a time; the store joins them into shared transactions. */
const concurrency = 64

const same = (a: JobDefinition | null, b: JobDefinition): boolean => JSON.stringify(a) === JSON.stringify(b)

/**
 * Brings agents and jobs in line with `.symbi` files: jobs are matched by name, a changed block updates its job, a
 * removed one pauses it. What was edited by hand survives until its block changes.
 */
export class Apply extends Effect.Service<Apply>()("symbiont/Apply", {
  effect: Effect.gen(function* () {
    const store = yield* JobStore
    const agents = yield* AgentRuntime
    const ids = yield* Ids
    const signal = yield* WakeSignal
    const { scheduler } = yield* Settings
    const { policies } = yield* NamedPolicies

    const agentsByFile = yield* Ref.make<AgentsByFile>(new Map())

    const check = (definition: JobDefinition, anchor: number) =>
      checkDefinition(definition, { anchor, timezone: scheduler.timezone })

    const create = Effect.fnUntraced(function* ({ recurrence, schedule }: Checked, now: number) {
      const { definition, file } = schedule
      const job = newJob(definition, recurrence, { id: yield* ids.job, source_file: file, applied: definition }, now)
      const { after } = changesOf({} as JobDefinition, definition)
      yield* store.insertJobs([
        { job, audit: [{ type: "CronJobCreated", actor, job_id: job.id, job_name: job.name, after }] }
      ])
      return "created" as const
    })

    const edit = (schedule: ParsedSchedule, before: StoredJob, now: number): JobChange => {
      const { definition, file } = schedule
      if (same(before.applied, definition)) return { job: { ...before, source_file: file }, audit: [] }
      const old = definitionOf(before)
      const recurrence = Either.getOrThrowWith(
        check(definition, anchorUnder(before, old, definition, now)),
        (error) => error
      )
      const job = { ...editedJob(before, definition, recurrence, now), source_file: file, applied: definition }
      if (same(old, definition)) return { job: { ...before, source_file: file, applied: definition }, audit: [] }
      return {
        job,
        audit: [
          {
            type: "CronJobUpdated",
            actor,
            job_id: job.id,
            job_name: job.name,
            ...changesOf(old, definition)
          }
        ]
      }
    }

    const bringInLine = Effect.fnUntraced(function* ({ recurrence, schedule }: Checked, now: number) {
      let outcome: Outcome = "unchanged"
      yield* store.modifyJob(schedule.definition.name, (before) => {
        const edited = withOverdue(before, edit(schedule, before, now), now, scheduler.timezone)
        outcome = edited.audit.length > 0 ? "updated" : "unchanged"
        if (before.paused_by !== "apply") {
          const untouched = edited.audit.length === 0 && same(before.applied, schedule.definition)
          return Either.right(untouched && before.source_file === schedule.file ? { job: before, audit: [] } : edited)
        }
        const resumed = resumeJob(edited.job, recurrence, actor, now)
        if (Either.isLeft(resumed)) return Either.right(edited)
        outcome = "resumed"
        return Either.right({ ...edited, job: resumed.right.job, audit: [...edited.audit, ...resumed.right.audit] })
      })
      return outcome as Outcome
    })

    const pauseRemoved = Effect.fnUntraced(function* (job: StoredJob, now: number) {
      if (job.status !== "active") return null
      yield* store
        .modifyJob(job.id, (before) =>
          Either.map(pauseJob(before, actor, now), (paused) => withOverdue(before, paused, now, scheduler.timezone))
        )
        .pipe(Effect.catchTag("JobStateConflict", () => Effect.void))
      return job.name
    })

    /** Applies the files as the whole of what files say; `files` are paths, as shown in messages, and texts. */
    const apply = Effect.fn("Apply.apply")(function* (
      files: ReadonlyArray<{ readonly path: string; readonly text: string }>
    ) {
      const now = yield* Clock.currentTimeMillis
      const parsed = parseFiles(files)
      const diagnostics: Array<Diagnostic> = [...parsed.diagnostics]
      const checked: Array<Checked> = []
      for (const schedule of parsed.schedules) {
        const recurrence = check(schedule.definition, now)
        if (Either.isRight(recurrence)) checked.push({ schedule, recurrence: recurrence.right })
        else diagnostics.push(...locateIssues(schedule, recurrence.left.issues))
      }
      const broken = new Set(diagnostics.filter((one) => one.severity === "error").map((one) => one.file))
      const good = checked.filter(({ schedule }) => !broken.has(schedule.file))
      yield* agents.load(
        yield* Ref.updateAndGet(agentsByFile, (before) => agentsOf(files, parsed.agents, broken, before)).pipe(
          Effect.map((byFile) => [...byFile.values()].flat())
        )
      )

      const outcomes: Record<Outcome, Array<string>> = {
        created: [],
        updated: [],
        resumed: [],
        paused: [],
        unchanged: []
      }
      const warnings: Array<string> = []
      yield* Effect.forEach(
        good,
        Effect.fnUntraced(function* (one: Checked) {
          const { definition } = one.schedule
          const outcome = yield* bringInLine(one, now).pipe(
            Effect.catchTag("JobNotFound", () => create(one, now)),
            Effect.catchAll((error) =>
              Effect.as(
                Effect.sync(() => warnings.push(error.message)),
                null
              )
            )
          )
          if (outcome !== null) outcomes[outcome].push(definition.name)
          const agent = yield* Effect.catchAll(agents.find(definition.agent_id), () => Effect.succeed(null))
          const past = outcome === "created" && definition.misfire === undefined && one.recurrence.next(now) === null
          warnings.push(
            ...warningsOf(definition, agent, policies).map((warning) => `job "${definition.name}": ${warning}`),
            ...(past ? [`job "${definition.name}": its time is already past; it will not run`] : [])
          )
        }),
        { concurrency, discard: true }
      )

      const named = new Set(good.map(({ schedule }) => schedule.definition.name as string))
      const removed = (yield* store.jobsFromFiles).filter(
        (job) => !named.has(job.name) && !(job.source_file !== null && broken.has(job.source_file))
      )
      for (const job of removed) {
        const paused = yield* Effect.catchAll(pauseRemoved(job, now), () => Effect.succeed(null))
        if (paused !== null) outcomes.paused.push(paused)
      }
      yield* signal.notify
      return { ...outcomes, diagnostics, warnings } satisfies Applied
    })

    return { apply } as const
  })
}) {}
