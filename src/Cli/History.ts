import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { formatInstant } from "../Domain/Instant.ts"
import { RunStatus, RunSummary } from "../Domain/Run.ts"
import { format, integerBetween, job, oneOf } from "./Arguments.ts"
import { withClient } from "./Root.ts"
import { printRows } from "./Rows.ts"
import { instant, runTime, why } from "./Show.ts"
import type { Column } from "./Table.ts"

const columns: ReadonlyArray<Column<RunSummary>> = [
  { name: "RUN", value: (run) => run.id },
  { name: "STATUS", value: (run) => run.status },
  { name: "TRIGGER", value: (run) => run.trigger },
  { name: "SCHEDULED FOR", value: (run) => instant(run.scheduled_for) },
  { name: "TOOK", value: runTime },
  { name: "WHY", value: why, flexible: true }
]

const exact = (millis: number | null) => (millis === null ? "" : formatInstant(millis))

const csv: ReadonlyArray<readonly [name: string, value: (run: RunSummary) => string]> = [
  ["id", (run) => run.id],
  ["trigger", (run) => run.trigger],
  ["status", (run) => run.status],
  ["scheduled_for", (run) => exact(run.scheduled_for)],
  ["started_at", (run) => exact(run.started_at)],
  ["finished_at", (run) => exact(run.finished_at)],
  ["execution_time_ms", (run) => (run.execution_time_ms === null ? "" : String(run.execution_time_ms))],
  ["attempts", (run) => String(run.attempts.length)],
  ["error_message", (run) => run.error_message ?? ""]
]

const print = printRows({ schema: RunSummary, columns, csv, none: "no runs" })

/** Prints runs as a table. */
export const printRuns = (runs: ReadonlyArray<RunSummary>) => print(runs, "table")

/** `symbi cron history` */
export const history = Command.make(
  "history",
  {
    job,
    limit: integerBetween("limit", 1, 1_000).pipe(
      Options.withDescription("how many runs, 1 to 1000"),
      Options.withDefault(20)
    ),
    status: oneOf("status", RunStatus.literals).pipe(
      Options.withDescription("only runs of this status"),
      Options.optional
    ),
    format
  },
  (options) =>
    withClient((client) =>
      client.schedule.history({
        path: { job_id: options.job },
        urlParams: {
          limit: options.limit,
          ...Option.match(options.status, { onNone: () => ({}), onSome: (status) => ({ status }) })
        }
      })
    ).pipe(Effect.flatMap((runs) => print(runs, options.format)))
).pipe(Command.withDescription("List a job's runs, newest first"))
