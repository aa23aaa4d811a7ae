import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { AuditEvent, AuditType, DayOrInstant } from "../Domain/Audit.ts"
import { formatInstant } from "../Domain/Instant.ts"
import { format, given, integerBetween, oneOf } from "./Arguments.ts"
import { withClient } from "./Root.ts"
import { printRows } from "./Rows.ts"
import type { Column } from "./Table.ts"
import { time, timesFor } from "./Times.ts"

const json = (value: unknown): string => (value === null ? "" : JSON.stringify(value))

const columns: ReadonlyArray<Column<AuditEvent>> = [
  { name: "TIME", value: (event, at) => at(event.time) },
  { name: "TYPE", value: (event) => event.type },
  { name: "ACTOR", value: (event) => event.actor },
  { name: "JOB", value: (event) => event.job_name ?? "", flexible: true },
  { name: "RUN", value: (event) => event.run_id ?? "", spare: true },
  { name: "WHAT", value: (event) => event.reason ?? json(event.after), flexible: true }
]

const csv: ReadonlyArray<readonly [name: string, value: (event: AuditEvent) => string]> = [
  ["id", (event) => event.id],
  ["time", (event) => formatInstant(event.time)],
  ["type", (event) => event.type],
  ["actor", (event) => event.actor],
  ["job_id", (event) => event.job_id ?? ""],
  ["job_name", (event) => event.job_name ?? ""],
  ["run_id", (event) => event.run_id ?? ""],
  ["reason", (event) => event.reason ?? ""],
  ["before", (event) => json(event.before)],
  ["after", (event) => json(event.after)]
]

const print = printRows({ schema: AuditEvent, columns, csv, none: "no entries" })

const readMoment = Schema.decodeOption(DayOrInstant)

const moment = (name: string, description: string) =>
  Options.text(name).pipe(
    Options.withPseudoName("when"),
    Options.filterMap(
      readMoment,
      `--${name} must be a day such as 2026-02-01 (its start in UTC), or an instant such as 2026-02-01T09:00:00Z`
    ),
    Options.withDescription(`${description}: a day (its start in UTC), or an instant with its offset`),
    Options.optional
  )

const text = (name: string, description: string) =>
  Options.text(name).pipe(Options.withDescription(description), Options.optional)

/** `symbi audit query` */
export const query = Command.make(
  "query",
  {
    type: oneOf("type", AuditType.literals).pipe(
      Options.withDescription("only entries of this type"),
      Options.optional
    ),
    since: moment("since", "from then on"),
    until: moment("until", "before then"),
    job: text("job", "only entries about this job: its id, or the name it had then"),
    run: text("run", "only entries about this run"),
    actor: text("actor", "only what this actor did: scheduler, api, cli, apply, or a key"),
    limit: integerBetween("limit", 1, 1_000).pipe(
      Options.withDescription("how many entries, 1 to 1000 (default 50)"),
      Options.withDefault(50)
    ),
    time,
    format
  },
  ({ format, limit, time, ...filter }) =>
    Effect.gen(function* () {
      const events = yield* withClient((client) => client.audit.query({ urlParams: { limit, ...given(filter) } }))
      yield* print(events, format, yield* timesFor(time))
    })
).pipe(Command.withDescription("List what was done and by whom, newest first"))
