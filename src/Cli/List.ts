import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Job, JobStatus } from "../Domain/Job.ts"
import { format, oneOf } from "./Arguments.ts"
import { allPages } from "./Pages.ts"
import { withClient } from "./Root.ts"
import { printRows } from "./Rows.ts"
import { instant, nextRun, trigger } from "./Show.ts"
import type { Column } from "./Table.ts"

const columns: ReadonlyArray<Column<Job>> = [
  { name: "ID", value: (job) => job.id },
  { name: "NAME", value: (job) => job.name, flexible: true },
  { name: "AGENT", value: (job) => job.agent_id, flexible: true },
  { name: "CRON", value: trigger, flexible: true },
  { name: "STATUS", value: (job) => job.status },
  { name: "NEXT RUN", value: (job) => instant(nextRun(job)) }
]

const print = printRows({
  schema: Job,
  columns,
  csv: [
    ["id", (job) => job.id],
    ["name", (job) => job.name],
    ["agent_id", (job) => job.agent_id],
    ["cron", trigger],
    ["status", (job) => job.status],
    ["next_run", (job) => instant(nextRun(job))]
  ],
  none: "no jobs"
})

/** `symbi cron list` */
export const list = Command.make(
  "list",
  {
    status: oneOf("status", JobStatus.literals).pipe(
      Options.withDescription("only jobs of this status"),
      Options.optional
    ),
    agent: Options.text("agent").pipe(Options.withDescription("only jobs of this agent"), Options.optional),
    format
  },
  (options) =>
    withClient((client) =>
      allPages((cursor) =>
        client.schedule.list({
          urlParams: {
            limit: 1_000,
            ...Option.match(options.status, { onNone: () => ({}), onSome: (status) => ({ status }) }),
            ...Option.match(options.agent, { onNone: () => ({}), onSome: (agent_id) => ({ agent_id }) }),
            ...cursor
          },
          withResponse: true
        })
      )
    ).pipe(Effect.flatMap((jobs) => print(jobs, options.format)))
).pipe(Command.withDescription("List jobs"))
