import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { conflictText, type Job } from "../Domain/Job.ts"
import { CliError, exitCodes } from "./Errors.ts"
import { type Chosen, choice, confirmed, filteredJobs, forEachInOrder, getJob } from "./JobChoice.ts"
import { withClient } from "./Root.ts"
import { instant } from "./Show.ts"
import { plain } from "./Table.ts"
import { forStderr } from "./Terminal.ts"

interface Change {
  readonly name: "pause" | "resume" | "reset"
  readonly done: string
  /** Only jobs of this status can be changed so. */
  readonly from: Job["status"]
  /** Jobs of this status are so already. */
  readonly already?: Job["status"]
  readonly tell: (job: Job) => string
}

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`

const quoted = ({ name }: Job): string => `"${plain(name)}"`

/** The names of some jobs, not more than a line takes. */
const namesOf = (jobs: ReadonlyArray<Job>): string => {
  const shown = jobs.slice(0, 5).map(quoted)
  return `${shown.join(", ")}${jobs.length > shown.length ? ` and ${jobs.length - shown.length} more` : ""}`
}

const statusesOf = (jobs: ReadonlyArray<Job>): string =>
  [...new Set(jobs.map(({ status }) => status))]
    .map((status) => `${jobs.filter((job) => job.status === status).length} ${status}`)
    .join(", ")

/** An error of one job lets the others go on; without a service, or without the right to, all would fail alike. */
const ofOneJob = <A, R>(effect: Effect.Effect<A, CliError, R>) =>
  Effect.flatMap(Effect.either(effect), (result) =>
    Either.isLeft(result) && (result.left.kind === "unreachable" || result.left.kind === "auth")
      ? result.left
      : Effect.succeed(result)
  )

/** The jobs that are named, those that a filter adds, and the names of none. */
const jobsMeant = Effect.fnUntraced(function* (chosen: Chosen, { done, from }: Change) {
  const filtered = yield* filteredJobs(chosen)
  const found = yield* Effect.forEach([...new Set(chosen.jobs)], (word) => ofOneJob(getJob(word)))
  const named = new Map(found.flatMap((one) => (Either.isRight(one) ? [[one.right.id, one.right] as const] : [])))
  const added = filtered.filter(({ id, status }) => status === from && !named.has(id))
  const others = filtered.filter(({ id, status }) => status !== from && !named.has(id))
  if (others.length > 0) {
    yield* Console.error(`left out: ${statusesOf(others)} (only ${from} jobs can be ${done})`)
  }
  return {
    jobs: [...named.values(), ...added],
    added: added.length,
    missing: found.flatMap((one) => (Either.isLeft(one) ? [one.left] : []))
  }
})

/** Ends with the worst of some errors; of several jobs, each was told before. */
const outcome = (errors: ReadonlyArray<CliError>, of: number, done: string) => {
  const [worst] = errors.toSorted((a, b) => exitCodes[b.kind] - exitCodes[a.kind])
  if (worst === undefined) return Effect.void
  return of === 1 ? worst : new CliError({ kind: worst.kind, message: `${errors.length} of ${of} jobs ${done}` })
}

const changeOf = (change: Change) =>
  Effect.fnUntraced(function* (chosen: Chosen & { readonly dryRun: boolean; readonly yes: boolean }) {
    const { added, jobs, missing } = yield* jobsMeant(chosen, change)
    const all = jobs.length + missing.length
    if (all === 0) return yield* Console.error(`no jobs to ${change.name}`)

    const errors: Array<CliError> = []
    const failed = (error: CliError) => {
      errors.push(error)
      return all === 1 ? Effect.void : Console.error(`error: ${forStderr(error.message)}`)
    }
    yield* Effect.forEach(missing, failed, { discard: true })

    const isSo = (job: Job) => job.status === change.already
    const unchanged = (job: Job) => `${quoted(job)} is ${job.status} already`
    if (chosen.dryRun) {
      for (const job of jobs) {
        if (isSo(job)) yield* Console.log(unchanged(job))
        else if (job.status === change.from) yield* Console.log(`would ${change.name} ${quoted(job)}`)
        else yield* failed(new CliError({ kind: "conflict", message: conflictText(change.name, job) }))
      }
      return yield* outcome(errors, all, `would not be ${change.done}`)
    }
    if (added > 0 && jobs.length > 1 && !chosen.yes) {
      const what = `${change.name} ${counted(jobs.length, "job")} (${namesOf(jobs)})`
      const unasked = `not unasked: this would ${what}; see all with --dry-run, and repeat with --yes`
      const question = `${what.charAt(0).toUpperCase()}${what.slice(1)}?`
      if (!(yield* confirmed(question, unasked))) return yield* Console.error("nothing was changed")
    }
    yield* forEachInOrder(
      jobs,
      (job) =>
        isSo(job)
          ? Effect.succeed(Either.right(unchanged(job)))
          : ofOneJob(
              Effect.map(
                withClient((client) => client.schedule[change.name]({ path: { job_id: job.id } })),
                change.tell
              )
            ),
      Either.match({ onLeft: failed, onRight: (text) => Console.log(text) })
    )
    yield* outcome(errors, all, `not ${change.done}`)
  })

const nextRunOf = ({ next_run }: Job): string => `next run ${instant(next_run)}`

/** `symbi cron pause` */
export const pause = Command.make(
  "pause",
  choice,
  changeOf({
    name: "pause",
    done: "paused",
    from: "active",
    already: "paused",
    tell: (job) => `paused ${quoted(job)}`
  })
).pipe(Command.withDescription("Stop scheduling jobs; their state is kept"))

/** `symbi cron resume` */
export const resume = Command.make(
  "resume",
  choice,
  changeOf({
    name: "resume",
    done: "resumed",
    from: "paused",
    already: "active",
    tell: (job) => `resumed ${quoted(job)}; ${nextRunOf(job)}`
  })
).pipe(Command.withDescription("Schedule paused jobs again, from now on"))

/** `symbi cron reset` */
export const reset = Command.make(
  "reset",
  choice,
  changeOf({
    name: "reset",
    done: "reset",
    from: "dead_letter",
    tell: (job) => `reset ${quoted(job)}; ${nextRunOf(job)}`
  })
).pipe(Command.withDescription("Make dead-lettered jobs active again"))
