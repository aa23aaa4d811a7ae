import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { issuesOf, issueText, strict } from "../Api.ts"
import { JobDefinition } from "../Domain/Job.ts"
import { CliError } from "./Errors.ts"
import { withClient } from "./Root.ts"
import { instant } from "./Show.ts"

const usage = (message: string) => new CliError({ kind: "usage", message })

const fromJson = (text: string) =>
  Effect.try({
    try: (): unknown => JSON.parse(text),
    catch: (error) => usage(`--json is not valid JSON: ${error instanceof Error ? error.message : String(error)}`)
  }).pipe(
    Effect.flatMap((value) =>
      Effect.mapError(Schema.decodeUnknown(strict(JobDefinition))(value), (error) =>
        usage(`--json is no valid job: ${issueText(issuesOf(error))}`)
      )
    ),
    Effect.map((definition) => ({ definition, agents: [] as ReadonlyArray<string> }))
  )

const fromFile = Effect.fnUntraced(function* (file: string, name: Option.Option<string>) {
  const { readSymbiFile } = yield* Effect.promise(() => import("./SymbiFile.ts"))
  const { schedules, agents } = yield* readSymbiFile(file)
  const names = schedules.map(({ definition }) => definition.name)
  const listed = names.length === 0 ? "it holds no schedules" : `it holds: ${names.join(", ")}`
  const chosen = Option.match(name, {
    onNone: () => (schedules.length === 1 ? schedules[0] : undefined),
    onSome: (wanted) => schedules.find(({ definition }) => definition.name === wanted)
  })
  if (chosen !== undefined)
    return { definition: chosen.definition, agents: agents.map(({ definition }) => definition.id) }
  return yield* Option.match(name, {
    onNone: () => usage(`say which schedule of ${file} with --schedule NAME; ${listed}`),
    onSome: (wanted) => new CliError({ kind: "notFound", message: `no schedule "${wanted}" in ${file}; ${listed}` })
  })
})

/** `symbi cron add` */
export const add = Command.make(
  "add",
  {
    file: Options.text("file").pipe(Options.withDescription("a .symbi file that holds the schedule"), Options.optional),
    schedule: Options.text("schedule").pipe(
      Options.withDescription("which schedule of the file; needed when it holds several"),
      Options.optional
    ),
    json: Options.text("json").pipe(
      Options.withDescription("the job as JSON, as the HTTP API takes it"),
      Options.optional
    )
  },
  ({ file, schedule, json }) =>
    Effect.gen(function* () {
      if (Option.isSome(file) === Option.isSome(json)) {
        return yield* usage("say what to add: either --file FILE [--schedule NAME], or --json '{...}'")
      }
      if (Option.isSome(json) && Option.isSome(schedule)) return yield* usage("--schedule goes with --file only")
      const { definition, agents } = yield* Option.isSome(json)
        ? fromJson(json.value)
        : fromFile(
            Option.getOrElse(file, () => ""),
            schedule
          )
      const [job, known] = yield* withClient((client) =>
        Effect.zip(client.schedule.create({ payload: definition }), client.agents.list())
      )
      for (const warning of job.warnings) yield* Console.error(`warning: ${warning}`)
      if (agents.includes(job.agent_id) && !known.some(({ id }) => id === job.agent_id)) {
        yield* Console.error(
          `hint: agent "${job.agent_id}" is defined in that file; put it into the service's agents folder`
        )
      }
      yield* Console.log(`added "${job.name}" (${job.id}); next run ${instant(job.next_run)}`)
    })
).pipe(Command.withDescription("Create a job from a file or from JSON"))
