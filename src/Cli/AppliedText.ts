import type { Applied, FieldChange, PlannedJob } from "../Domain/Apply.ts"
import { writtenKey } from "../Dsl.ts"
import { instant } from "./Show.ts"

/** Longest value that a line shows. */
const widest = 60

const control = /[\p{Cc}\u2028\u2029]/gu

const shown = (value: unknown): string => {
  const text = value === null ? "-" : JSON.stringify(value).replace(control, "\uFFFD")
  return text.length <= widest ? text : `${text.slice(0, widest - 1)}…`
}

const slots = (instants: ReadonlyArray<number>): string =>
  instants.length === 0 ? "none" : instants.map((millis) => instant(millis)).join(", ")

const triggers: ReadonlySet<string> = new Set(["cron_expr", "every", "at"])

const triggerOf = ({ changes }: PlannedJob): string =>
  changes
    .filter(({ field }) => triggers.has(field))
    .map(({ after, field }) => `${writtenKey(field)} ${shown(after)}`)
    .join("  ")

const fieldLine = ({ after, before, field }: FieldChange): string =>
  `    ${writtenKey(field)}: ${shown(before)} -> ${shown(after)}`

const noteLines = ({ notes }: PlannedJob): ReadonlyArray<string> => notes.map((note) => `    note: ${note}`)

const created = (job: PlannedJob): ReadonlyArray<string> => [
  `+ ${job.name}  ${triggerOf(job)}  next ${slots(job.next_after)}`,
  ...noteLines(job)
]

const changed =
  (mark: string, what: string) =>
  (job: PlannedJob): ReadonlyArray<string> => [
    `${mark} ${job.name}${what}`,
    ...job.changes.map(fieldLine),
    job.next_before.join() === job.next_after.join()
      ? `    next: ${slots(job.next_after)} (as before)`
      : `    next: was ${slots(job.next_before)} -> ${slots(job.next_after)}`,
    ...noteLines(job)
  ]

const gone =
  (what: string) =>
  (job: PlannedJob): ReadonlyArray<string> => {
    const next = job.next_before.length === 0 ? "" : `; next was ${slots(job.next_before)}`
    return [`- ${job.name}  ${what}${next}`]
  }

/** What was done to each job that is not as before, as a diff; empty if there is none. */
export const renderApplied = ({ created: added, deleted, paused, resumed, updated }: Applied): string =>
  [
    ...added.flatMap(created),
    ...updated.flatMap(changed("~", "")),
    ...resumed.flatMap(changed("~", "  resumed")),
    ...paused.flatMap(gone("paused: its block is gone")),
    ...deleted.flatMap(gone("deleted: its block is gone; its history stays"))
  ].join("\n")

/** How many jobs were changed in which way. */
export const summaryOf = (applied: Applied): string => {
  const counts = (["created", "updated", "resumed", "paused", "deleted"] as const)
    .filter((what) => applied[what].length > 0)
    .map((what) => `${applied[what].length} ${what}`)
  const all = [...counts, `${applied.unchanged.length} unchanged`].join(", ")
  return applied.dry_run ? `dry run: ${all}; nothing was stored` : all
}
