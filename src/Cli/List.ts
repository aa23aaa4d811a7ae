import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Job, JobStatus } from "../Domain/Job.ts"
import { format, given, integerBetween, oneOf } from "./Arguments.ts"
import { CliError } from "./Errors.ts"
import { allPages } from "./Pages.ts"
import { withClient } from "./Root.ts"
import { printRows } from "./Rows.ts"
import { iso, nextRun, trigger } from "./Show.ts"
import { type Column, tableOf } from "./Table.ts"
import { time, timesFor } from "./Times.ts"
import { watching } from "./Watch.ts"

const columns: ReadonlyArray<Column<Job>> = [
  { name: "ID", value: (job) => job.id },
  { name: "NAME", value: (job) => job.name, flexible: true },
  { name: "AGENT", value: (job) => job.agent_id, flexible: true },
  { name: "CRON", value: trigger, flexible: true },
  { name: "STATUS", value: (job) => job.status },
  { name: "NEXT RUN", value: (job, at) => at(nextRun(job)) }
]

const none = "no jobs"

const print = printRows({
  schema: Job,
  columns,
  csv: [
    ["id", (job) => job.id],
    ["name", (job) => job.name],
    ["agent_id", (job) => job.agent_id],
    ["cron", trigger],
    ["status", (job) => job.status],
    ["next_run", (job) => iso(nextRun(job))]
  ],
  none
})

/** Which jobs: the options that narrow a list of them down. */
export const jobFilter = {
  status: oneOf("status", JobStatus.literals).pipe(
    Options.withDescription("only jobs of this status"),
    Options.optional
  ),
  agent: Options.text("agent").pipe(Options.withDescription("only jobs of this agent"), Options.optional),
  label: Options.text("label").pipe(Options.withDescription("only jobs with this label"), Options.optional)
}

/** Jobs that a filter lets through, in the order of their creation: all, or at most `limit`. */
export const jobsThat = (
  filter: {
    readonly status: Option.Option<Job["status"]>
    readonly agent: Option.Option<string>
    readonly label: Option.Option<string>
  },
  limit: Option.Option<number> = Option.none()
) => {
  const urlParams = given({ status: filter.status, agent_id: filter.agent, label: filter.label })
  return withClient((client) =>
    Option.isSome(limit)
      ? client.schedule.list({ urlParams: { ...urlParams, limit: limit.value } })
      : allPages((cursor) =>
          client.schedule.list({ urlParams: { ...urlParams, ...cursor, limit: 1_000 }, withResponse: true })
        )
  )
}

/** `symbi cron list` */
export const list = Command.make(
  "list",
  {
    ...jobFilter,
    limit: integerBetween("limit", 1, 1_000).pipe(
      Options.withDescription("at most so many, 1 to 1000; all unless given"),
      Options.optional
    ),
    watch: Options.boolean("watch").pipe(Options.withDescription("show it again every 5 seconds, until Ctrl-C")),
    time,
    format
  },
  ({ format, limit, time, watch, ...filter }) =>
    Effect.gen(function* () {
      const look = jobsThat(filter, limit)
      if (!watch) return yield* print(yield* look, format, yield* timesFor(time))
      if (format !== "table") {
        return yield* new CliError({ kind: "usage", message: `--watch shows a table; leave --format ${format} out` })
      }
      return yield* watching(look, (jobs) =>
        jobs.length === 0
          ? Effect.succeed(none)
          : Effect.flatMap(timesFor(time), (times) => tableOf(jobs, columns, times))
      )
    })
).pipe(Command.withDescription("List jobs"))
