import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import { RunStatus, RunSummary } from "../Domain/Run.ts"
import { format, given, integerBetween, job, oneOf } from "./Arguments.ts"
import { withClient } from "./Root.ts"
import { printRows } from "./Rows.ts"
import { cost, iso, runTime, tokens, why } from "./Show.ts"
import { type Column, tableOf } from "./Table.ts"
import { type Times, time, timesFor } from "./Times.ts"

const columns: ReadonlyArray<Column<RunSummary>> = [
  { name: "RUN", value: (run) => run.id },
  { name: "STATUS", value: (run) => run.status },
  { name: "TRIGGER", value: (run) => run.trigger, spare: true },
  { name: "SCHEDULED FOR", value: (run, at) => at(run.scheduled_for) },
  { name: "TOOK", value: runTime, spare: true },
  { name: "TOKENS", value: tokens, optional: true, spare: true },
  { name: "USD", value: cost, optional: true, spare: true },
  { name: "WHY", value: why, flexible: true }
]

const csv: ReadonlyArray<readonly [name: string, value: (run: RunSummary) => string]> = [
  ["id", (run) => run.id],
  ["trigger", (run) => run.trigger],
  ["status", (run) => run.status],
  ["scheduled_for", (run) => iso(run.scheduled_for)],
  ["started_at", (run) => iso(run.started_at)],
  ["finished_at", (run) => iso(run.finished_at)],
  ["execution_time_ms", (run) => (run.execution_time_ms === null ? "" : String(run.execution_time_ms))],
  ["attempts", (run) => String(run.attempts.length)],
  ["error_message", (run) => run.error_message ?? ""]
]

const none = "no runs"

const print = printRows({ schema: RunSummary, columns, csv, none })

/** Runs as a table that fits the terminal. */
export const tableOfRuns = (runs: ReadonlyArray<RunSummary>, times: Times) =>
  runs.length === 0 ? Effect.succeed(none) : tableOf(runs, columns, times)

/** `symbi cron history` */
export const history = Command.make(
  "history",
  {
    job,
    limit: integerBetween("limit", 1, 1_000).pipe(
      Options.withDescription("how many runs, 1 to 1000 (default 20)"),
      Options.withDefault(20)
    ),
    status: oneOf("status", RunStatus.literals).pipe(
      Options.withDescription("only runs of this status"),
      Options.optional
    ),
    time,
    format
  },
  ({ format, job, limit, status, time }) =>
    Effect.gen(function* () {
      const runs = yield* withClient((client) =>
        client.schedule.history({ path: { job_id: job }, urlParams: { limit, ...given({ status }) } })
      )
      yield* print(runs, format, yield* timesFor(time))
    })
).pipe(Command.withDescription("List a job's runs, newest first"))
