import * as Effect from "effect/Effect"
import { definitionOf, type Job, type JobDefinition } from "./Domain/Job.ts"
import { withoutSecrets } from "./Domain/Redaction.ts"
import { printSchedule } from "./Dsl.ts"
import { Jobs } from "./Jobs.ts"
import { version } from "./Version.ts"

/** Jobs read at a time. */
const pageSize = 1_000

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** All jobs, as people may see them, by the file that they came from (those made by hand last) and by name. */
export const exportedJobs = Effect.gen(function* () {
  const jobs = yield* Jobs
  const all: Array<Job> = []
  let cursor: string | undefined
  do {
    const page = yield* jobs.list({ limit: pageSize, cursor })
    all.push(...page.items.map(withoutSecrets))
    cursor = page.next ?? undefined
  } while (cursor !== undefined)
  const rank = (job: Job): string => (job.source_file === null ? "1" : `0${job.source_file}`)
  return all.sort((a, b) => order(rank(a), rank(b)) || order(a.name, b.name))
}).pipe(Effect.withSpan("Export.jobs"))

/** Definitions as data. */
export const definitionsOf = (jobs: ReadonlyArray<Job>): ReadonlyArray<JobDefinition> => jobs.map(definitionOf)

/**
 * Jobs as the text of one `.symbi` file: applied where it came from, it changes no definition and no state. `${VAR}`
 * stays as written; agents are no part of it, nor is the state of a job.
 */
export const printJobs = (jobs: ReadonlyArray<Job>): string => {
  const lines = [
    `# Symbiont Scheduler ${version}: ${jobs.length} ${jobs.length === 1 ? "schedule" : "schedules"}, as they are now.`,
    "# Their state is no part of this (a paused job stays paused); nor are agents, which live in the agents folder.",
    ""
  ]
  let group: string | null | undefined
  for (const job of jobs) {
    if (job.source_file !== group) {
      group = job.source_file
      lines.push(group === null ? "# made by hand" : `# from ${group}`)
    }
    lines.push(printSchedule(definitionOf(job)))
  }
  return `${lines.join("\n").trimEnd()}\n`
}
