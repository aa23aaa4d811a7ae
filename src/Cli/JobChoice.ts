import * as Args from "@effect/cli/Args"
import * as Options from "@effect/cli/Options"
import * as Prompt from "@effect/cli/Prompt"
import * as Terminal from "@effect/platform/Terminal"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Job } from "../Domain/Job.ts"
import { CliError } from "./Errors.ts"
import { jobFilter, jobsThat } from "./List.ts"
import { namesNothing, noName } from "./Misuse.ts"
import { withClient } from "./Root.ts"
import { isInteractive, wantsColours, withoutColours } from "./Terminal.ts"

/** Jobs worked on at once. */
const atOnce = 8

/** The jobs of a command that takes several: by name, and by what they have in common. */
export const choice = {
  label: Options.text("label").pipe(
    Options.withDescription("jobs with this label; given again, with all of the labels"),
    Options.repeated
  ),
  agent: jobFilter.agent,
  status: jobFilter.status,
  all: Options.boolean("all").pipe(Options.withDescription("all jobs")),
  dryRun: Options.boolean("dry-run").pipe(Options.withDescription("only show what would be done")),
  yes: Options.boolean("yes").pipe(
    Options.withAlias("y"),
    Options.withDescription("do not ask, whatever number of jobs is meant")
  ),
  jobs: Args.text({ name: "job" }).pipe(Args.withDescription("ids or names of jobs"), Args.repeated)
}

/** What was said of {@link choice}. */
export interface Chosen {
  readonly label: ReadonlyArray<string>
  readonly agent: Option.Option<string>
  readonly status: Option.Option<Job["status"]>
  readonly all: boolean
  readonly jobs: ReadonlyArray<string>
}

const usage = (message: string) => new CliError({ kind: "usage", message })

/** The jobs of a filter, in the order of their creation; none where no filter was given. */
export const filteredJobs = Effect.fnUntraced(function* ({ agent, all, jobs, label, status }: Chosen) {
  const narrowed = label.length > 0 || Option.isSome(agent) || Option.isSome(status)
  if (all && (narrowed || jobs.length > 0)) {
    return yield* usage("--all means every job; leave it out, or give it alone")
  }
  if (!all && !narrowed && jobs.length === 0) {
    return yield* usage("say which jobs: by name or id, with --label, --agent or --status, or --all")
  }
  if (!all && !narrowed) return []
  const found = yield* jobsThat({ agent, status, label: Option.fromNullable(label[0]) })
  return found.filter(({ labels }) => label.every((one) => labels.includes(one)))
})

/** Asks at the terminal, where Ctrl-C ends the command; where there is none, `unasked` says what to do instead. */
export const confirmed = Effect.fnUntraced(function* (question: string, unasked: string) {
  if (!(yield* isInteractive)) return yield* usage(unasked)
  const terminal = yield* Terminal.Terminal
  const plainly = { ...terminal, display: (text: string) => terminal.display(withoutColours(text)) }
  return yield* Prompt.run(Prompt.confirm({ message: question, initial: false })).pipe(
    Effect.provideService(Terminal.Terminal, (yield* wantsColours) ? terminal : plainly),
    // Ctrl-C
    Effect.catchTag("QuitException", () => Effect.interrupt)
  )
})

/** Gets a job by its id or name. */
export const getJob = (job: string) =>
  namesNothing(job) ? usage(noName(job)) : withClient((client) => client.schedule.get({ path: { job_id: job } }))

/** Does something for each, several at once; `tell` comes in the order of the items. */
export const forEachInOrder = <A, B, E, R, E2, R2>(
  items: ReadonlyArray<A>,
  act: (item: A) => Effect.Effect<B, E, R>,
  tell: (done: B) => Effect.Effect<void, E2, R2>
) =>
  Effect.gen(function* () {
    for (let start = 0; start < items.length; start += atOnce) {
      const done = yield* Effect.forEach(items.slice(start, start + atOnce), act, { concurrency: atOnce })
      yield* Effect.forEach(done, tell, { discard: true })
    }
  })
