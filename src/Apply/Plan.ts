import * as Either from "effect/Either"
import type { Applied, FieldChange, PlannedJob } from "../Domain/Apply.ts"
import type { Actor } from "../Domain/Audit.ts"
import type { JobId } from "../Domain/Ids.ts"
import { definitionKeys, definitionOf, type JobDefinition, type StoredJob } from "../Domain/Job.ts"
import { stillHidden, withoutSecrets, withSecretsOf } from "../Domain/Redaction.ts"
import type { JobChange, JobsFound, JobsPlan } from "../JobStore.ts"
import {
  anchorUnder,
  changesOf,
  compileTrigger,
  editedJob,
  lookingAhead,
  newJob,
  pauseJob,
  resumeJob,
  withOverdue
} from "../Jobs.ts"
import type { Recurrence } from "../Recurrence.ts"
import { voidAsDeleted, voidIfChanged } from "../Scheduler.ts"

/** A schedule of the files, under the `source_file` and the id that its job is to have if there is none yet. */
export interface Wanted {
  readonly definition: JobDefinition
  /** As it is due if it counts from now. */
  readonly recurrence: Recurrence
  readonly file: string
  readonly id: JobId
}

/** What is asked for, but for the jobs as they are stored. */
export interface PlanInput {
  readonly wanted: ReadonlyArray<Wanted>
  /** The `source_file`s whose jobs stay as they are, since the files could not be read. */
  readonly unread: ReadonlySet<string>
  readonly prune: boolean
  readonly actor: Actor
  /** UTC ms. */
  readonly now: number
  /** The zone of jobs that name none. */
  readonly timezone: string
}

type Outcome = "created" | "updated" | "resumed" | "paused" | "deleted"

/** Changes to store, and what is said about them. */
export interface ApplyPlan extends JobsPlan {
  readonly answer: Pick<Applied, Outcome | "unchanged" | "warnings">
}

/** Slots shown before and after. */
const shownSlots = 3

const none: ReadonlyArray<never> = []

const pastNote = "its time is already past; it will not run"

/** Names in one sentence. */
const shownNames = 5

const isOther = (a: JobDefinition, b: JobDefinition, key: keyof JobDefinition): boolean =>
  a[key] !== b[key] && JSON.stringify(a[key]) !== JSON.stringify(b[key])

const differing = (a: JobDefinition, b: JobDefinition): ReadonlyArray<keyof JobDefinition> =>
  definitionKeys.filter((key) => isOther(a, b, key))

const keysOf = (definition: JobDefinition) => Object.keys(definition) as ReadonlyArray<keyof JobDefinition>

const same = (a: JobDefinition | null, b: JobDefinition): boolean => {
  if (a === null || a === b) return a === b
  const keys = keysOf(a)
  return keys.length === keysOf(b).length && !keys.some((key) => isOther(a, b, key))
}

const orNull = (value: unknown): unknown => value ?? null

const shownChanges = (sides: ReturnType<typeof changesOf>): ReadonlyArray<FieldChange> =>
  Object.keys(sides.after).map((field) => ({
    field,
    before: orNull(sides.before[field]),
    after: orNull(sides.after[field])
  }))

/** The fields of a new job. Most say what the job before them says, and are the same objects then. */
const makeGiven = () => {
  const last = new Map<string, FieldChange>()
  return (shown: Readonly<Record<string, unknown>>): ReadonlyArray<FieldChange> => {
    const of = (field: string): FieldChange => {
      const after = orNull(shown[field])
      const before = last.get(field)
      if (before !== undefined && before.after === after) return before
      const change = { field, before: null, after }
      last.set(field, change)
      return change
    }
    return Object.keys(shown).map(of)
  }
}

const fieldChanges = (before: JobDefinition, after: JobDefinition): ReadonlyArray<FieldChange> =>
  shownChanges(changesOf(before, after))

const listed = (names: ReadonlyArray<string>): string =>
  names.length <= shownNames
    ? names.join(", ")
    : `${names.slice(0, shownNames).join(", ")} and ${names.length - shownNames} more`

const withStoredSecrets = (wanted: Wanted, stored: StoredJob): Wanted => {
  const definition = withSecretsOf(wanted.definition, stored)
  return definition === wanted.definition ? wanted : { ...wanted, definition }
}

const cameFrom = (job: StoredJob, source_file: string): StoredJob =>
  job.source_file === source_file ? job : Object.assign({ ...job }, { source_file })

/** What becomes of the jobs that were found when the files count. Pure: a dry run and the real thing ask the same. */
export const planOf = (input: PlanInput, found: JobsFound): ApplyPlan => {
  const { actor, now, prune, timezone } = input
  const creates: Array<JobsPlan["creates"][number]> = []
  const changes: Array<JobsPlan["changes"][number]> = []
  const removals: Array<JobsPlan["removals"][number]> = []
  const told: Record<Outcome, Array<PlannedJob>> = { created: [], updated: [], resumed: [], paused: [], deleted: [] }
  const unchanged: Array<StoredJob["name"]> = []
  const warnings: Array<string> = []
  const moved = new Map<string | null, Array<string>>()
  const stored = new Map<string, StoredJob>(found.jobs.map((job) => [job.name, job]))

  const given = makeGiven()
  const compiled = (definition: JobDefinition, anchor: number) => compileTrigger(definition, { anchor, timezone })
  /** Only a period, and the first match of an expression, depend on when they began. */
  const countedFrom = (anchor: number, { definition, recurrence }: Wanted): Recurrence =>
    anchor === now || (recurrence.kind !== "every" && definition.one_shot !== true)
      ? recurrence
      : Either.getOrElse(compiled(definition, anchor), () => recurrence)

  const isDue = (job: StoredJob): boolean => job.status === "active" && job.next_run !== null
  // Jobs of one expression share what it was read as.
  const upcoming = new Map<Recurrence, ReadonlyArray<number>>()
  const upcomingOf = (recurrence: Recurrence): ReadonlyArray<number> => {
    const known = upcoming.get(recurrence)
    if (known !== undefined) return known
    const slots = recurrence.upcoming(now, shownSlots)
    upcoming.set(recurrence, slots)
    return slots
  }
  const slotsOf = (job: StoredJob, recurrence: Recurrence): ReadonlyArray<number> =>
    isDue(job) ? upcomingOf(recurrence) : []
  const slotsBefore = (job: StoredJob, old = definitionOf(job)): ReadonlyArray<number> =>
    isDue(job)
      ? Either.match(compiled(old, job.anchor), {
          onLeft: () => [],
          onRight: (recurrence) => slotsOf(job, recurrence)
        })
      : []

  /** A resumed job may have another definition than its block: what was edited by hand stays. */
  const slotsAfter = (job: StoredJob, definition: JobDefinition, wanted: Wanted): ReadonlyArray<number> =>
    same(definition, wanted.definition) ? slotsOf(job, countedFrom(job.anchor, wanted)) : slotsBefore(job, definition)

  const create = ({ definition, file, id, recurrence }: Wanted) => {
    const job = newJob(definition, recurrence, { id, source_file: file, applied: definition, defined_by: actor }, now)
    const after = withoutSecrets(definition)
    creates.push({ job, audit: [{ type: "CronJobCreated", actor, job_id: id, job_name: job.name, after }] })
    const next_after = slotsOf(job, recurrence)
    const isPast = definition.misfire === undefined && next_after.length === 0
    const notes = isPast ? [pastNote] : none
    if (isPast) warnings.push(`job "${job.name}": ${pastNote}`)
    told.created.push({ name: job.name, job_id: id, changes: given(after), next_before: none, next_after, notes })
  }

  const edited = (before: StoredJob, old: JobDefinition, wanted: Wanted): JobChange => {
    const { definition, file } = wanted
    const here = cameFrom(before, file)
    if (same(before.applied, definition)) return { job: here, audit: [] }
    if (same(old, definition)) return { job: Object.assign({ ...here }, { applied: definition }), audit: [] }
    const anchor = anchorUnder(before, old, definition, now)
    const changed = editedJob(before, definition, countedFrom(anchor, wanted), actor, now)
    const job = Object.assign(changed, { source_file: file, applied: definition })
    return {
      job,
      awaiting: voidIfChanged(job, actor, now),
      audit: [
        {
          type: "CronJobUpdated",
          actor,
          job_id: before.id,
          job_name: before.name,
          ...changesOf(old, definition)
        }
      ]
    }
  }

  const resumed = (change: JobChange): JobChange | null => {
    const job = lookingAhead(change.job, now)
    const recurrence = compiled(definitionOf(job), job.anchor)
    if (Either.isLeft(recurrence)) return null
    const resumption = resumeJob(job, recurrence.right, actor, now)
    if (Either.isLeft(resumption)) return null
    return { ...change, job: resumption.right.job, audit: [...change.audit, ...resumption.right.audit] }
  }

  const bringInLine = (before: StoredJob, wanted: Wanted) => {
    const old = definitionOf(before)
    const edit = withOverdue(before, edited(before, old, wanted), now, timezone)
    const resumption = before.paused_by === "apply" ? resumed(edit) : null
    const change = resumption ?? edit
    const { job } = change
    const definition = definitionOf(job)
    const drift = before.applied === null || same(before.applied, old) ? none : differing(before.applied, old)
    if (before.source_file !== wanted.file) {
      moved.set(before.source_file, [...(moved.get(before.source_file) ?? []), before.name])
    }
    if (change.audit.length > 0 || job.source_file !== before.source_file || !same(before.applied, wanted.definition)) {
      changes.push({ ...change, before })
    }
    if (change.audit.length === 0) {
      unchanged.push(before.name)
      if (drift.length > 0) {
        const what = `edited by hand since its block was applied (${drift.join(", ")})`
        warnings.push(`job "${before.name}": ${what}; that stays until the block changes`)
      }
      return
    }
    const fields = fieldChanges(old, definition)
    const overwritten = fields.length > 0 && drift.length > 0
    const notes = [
      ...(overwritten ? [`replaces what was edited by hand: ${drift.join(", ")}`] : []),
      ...(job.status === "active"
        ? []
        : [`it stays ${job.status}${job.paused_by === null ? "" : ` (${job.paused_by})`}`])
    ]
    told[resumption === null ? "updated" : "resumed"].push({
      name: job.name,
      job_id: job.id,
      changes: fields,
      next_before: slotsBefore(before, old),
      next_after: slotsAfter(job, definition, wanted),
      notes
    })
  }

  const remove = (before: StoredJob) => {
    const planned = { name: before.name, job_id: before.id, changes: [], next_after: [], notes: [] }
    if (prune) {
      const was = changesOf(definitionOf(before), {} as JobDefinition).before
      const audit = { type: "CronJobDeleted" as const, actor, job_id: before.id, job_name: before.name, before: was }
      removals.push({ id: before.id, audit, awaiting: voidAsDeleted(actor, now) })
      told.deleted.push({ ...planned, next_before: slotsBefore(before) })
      return
    }
    const paused = pauseJob(before, actor, now, "apply")
    if (before.status !== "active" || Either.isLeft(paused)) return
    changes.push({ ...withOverdue(before, paused.right, now, timezone), before })
    told.paused.push({ ...planned, next_before: slotsBefore(before) })
  }

  for (const asked of input.wanted) {
    const { name } = asked.definition
    const before = stored.get(name)
    const damage = found.damaged.get(name)
    const wanted = before === undefined ? asked : withStoredSecrets(asked, before)
    const [unknown] = damage === undefined ? stillHidden(wanted.definition) : []
    if (unknown !== undefined) {
      warnings.push(`job "${name}" was left alone: ${unknown.path}: ${unknown.message}`)
      continue
    }
    if (damage !== undefined) warnings.push(`job "${name}" was left alone, as its stored row is damaged: ${damage}`)
    else if (before === undefined) create(wanted)
    else bringInLine(before, wanted)
  }
  const named = new Set<string>(found.jobs.length === 0 ? [] : input.wanted.map(({ definition }) => definition.name))
  for (const job of found.jobs) {
    if (!named.has(job.name) && !(job.source_file !== null && input.unread.has(job.source_file))) remove(job)
  }
  for (const [from, names] of moved) {
    const whence = from === null ? "made by hand" : `until now of ${from}`
    warnings.push(
      `${names.length === 1 ? "1 job" : `${names.length} jobs`} ${whence}, from now on of these files: ${listed(names)}`
    )
  }
  return { creates, changes, removals, answer: { ...told, unchanged, warnings } }
}
