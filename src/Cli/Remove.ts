import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Prompt from "@effect/cli/Prompt"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CliError } from "./Errors.ts"
import { withClient } from "./Root.ts"
import { isInteractive } from "./Terminal.ts"

const confirmed = Effect.fnUntraced(function* (name: string) {
  if (!(yield* isInteractive)) {
    return yield* new CliError({
      kind: "usage",
      message: `not removing "${name}" unasked: there is no terminal to ask at; repeat with --force`
    })
  }
  return yield* Prompt.run(Prompt.confirm({ message: `Remove job "${name}"?`, initial: false })).pipe(
    Effect.catchTag("QuitException", () => Effect.succeed(false))
  )
})

/** `symbi cron remove` */
export const remove = Command.make(
  "remove",
  {
    name: Options.text("name").pipe(Options.withDescription("the job's name, instead of its id"), Options.optional),
    force: Options.boolean("force").pipe(Options.withDescription("do not ask")),
    job: Args.text({ name: "job" }).pipe(Args.withDescription("the job's id, or its name"), Args.optional)
  },
  ({ name, force, job }) =>
    Effect.gen(function* () {
      if (Option.isSome(name) === Option.isSome(job)) {
        return yield* new CliError({ kind: "usage", message: "say which job: either its id, or --name NAME" })
      }
      const path = {
        job_id: Option.getOrElse(
          Option.orElse(job, () => name),
          () => ""
        )
      }
      const found = yield* withClient((client) => client.schedule.get({ path }))
      if (!force && !(yield* confirmed(found.name))) return yield* Console.error("nothing was removed")
      yield* withClient((client) => client.schedule.remove({ path: { job_id: found.id } }))
      yield* Console.log(`removed "${found.name}" (${found.id})`)
    })
).pipe(Command.withDescription("Delete a job; its runs stay readable"))
