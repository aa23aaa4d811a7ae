import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CliError } from "./Errors.ts"
import { confirmed, getJob } from "./JobChoice.ts"
import { withClient } from "./Root.ts"
import { plain } from "./Table.ts"

/** `symbi cron remove` */
export const remove = Command.make(
  "remove",
  {
    name: Options.text("name").pipe(Options.withDescription("the job's name, instead of its id"), Options.optional),
    force: Options.boolean("force").pipe(Options.withDescription("do not ask")),
    jobs: Args.text({ name: "job" }).pipe(Args.withDescription("ids or names of jobs"), Args.repeated)
  },
  ({ force, jobs, name }) =>
    Effect.gen(function* () {
      const words = [...new Set(jobs)]
      if (Option.isSome(name) === words.length > 0) {
        return yield* new CliError({ kind: "usage", message: "say which job: either its id, or --name NAME" })
      }
      // All are looked up before any is removed: a name that is wrong is a reason to look again at the others.
      const found = yield* Effect.forEach([...words, ...Option.toArray(name)], getJob, { concurrency: 4 })
      if (!force) {
        const names = found.map((job) => `"${plain(job.name)}"`).join(", ")
        const question = `Remove ${found.length === 1 ? "job" : "jobs"} ${names}?`
        const unasked = `not removing ${names} unasked: there is no terminal to ask at; repeat with --force`
        if (!(yield* confirmed(question, unasked))) return yield* Console.error("nothing was removed")
      }
      for (const job of new Map(found.map((job) => [job.id, job])).values()) {
        yield* withClient((client) => client.schedule.remove({ path: { job_id: job.id } }))
        yield* Console.log(`removed "${plain(job.name)}" (${job.id})`)
      }
    })
).pipe(Command.withDescription("Delete jobs; their runs stay readable"))
