import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { RunId } from "../Domain/Ids.ts"
import { Why } from "../Domain/Why.ts"
import { oneOf } from "./Arguments.ts"
import { withClient } from "./Root.ts"
import { instant } from "./Show.ts"
import { plain } from "./Table.ts"

const isRunId = Schema.is(RunId)

const lines = ({ answer, events, next_steps, run }: Why): string =>
  [
    ...(run === null ? [] : [`${run.job_name} ${instant(run.scheduled_for)}  ${run.status}  ${run.id}`]),
    answer,
    ...(events.length === 0 ? [] : ["", ...events.map(({ time, what }) => `  ${instant(time)}  ${what}`)]),
    ...(next_steps.length === 0 ? [] : ["", ...next_steps.map((step) => `next: ${step}`)])
  ]
    .map(plain)
    .join("\n")

/** `symbi why` */
export const why = Command.make(
  "why",
  {
    of: Args.text({ name: "job" }).pipe(Args.withDescription("the job's id or name, or a run's id")),
    at: Options.text("at").pipe(
      Options.withDescription("the instant in question, ISO 8601; in the job's timezone unless it has an offset"),
      Options.optional
    ),
    format: oneOf("format", ["table", "json"]).pipe(
      Options.withDescription("table for people (the default), json for programs"),
      Options.withDefault("table" as const)
    )
  },
  ({ at, format, of }) =>
    withClient((client) =>
      isRunId(of)
        ? client.runs.why({ path: { run_id: of } })
        : client.schedule.why({
            path: { job_id: of },
            urlParams: Option.match(at, { onNone: () => ({}), onSome: (at) => ({ at }) })
          })
    ).pipe(
      Effect.flatMap((found) =>
        format === "json"
          ? Effect.flatMap(Effect.orDie(Schema.encode(Why)(found)), (answer) =>
              Console.log(JSON.stringify(answer, null, 2))
            )
          : Console.log(lines(found))
      )
    )
).pipe(Command.withDescription("Say why a job ran or did not: at an instant, or its latest run"))
