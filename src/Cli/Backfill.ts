import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Backfill } from "../Domain/Backfill.ts"
import { shellWord } from "../ShellWord.ts"
import { format, job } from "./Arguments.ts"
import { printCsv } from "./Csv.ts"
import { withClient } from "./Root.ts"
import { instant, iso, localTime } from "./Show.ts"

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`

const summary = ({ already, dry_run, from, job_name, pruned, runs, slots, to }: Backfill): string => {
  const made = dry_run ? `${runs.length} would run` : `${counted(runs.length, "run")} queued`
  const known = already - pruned
  const left = known === 0 ? "" : `, ${known} left out (run already, or about to)`
  const old = pruned === 0 ? "" : `, ${pruned} left out as their history is deleted (--all runs them too)`
  return `${counted(slots, "slot")} of ${job_name} from ${instant(from)} to ${instant(to)}: ${made}${left}${old}`
}

const inZones = (millis: number, timezone: string): string =>
  timezone === "UTC" ? instant(millis) : `${instant(millis)}  ${localTime(millis, timezone)}`

const printText = (done: Backfill) =>
  done.dry_run
    ? Effect.zipRight(
        Effect.forEach(done.runs, (run) => Console.log(inZones(run.scheduled_for, done.timezone)), { discard: true }),
        Console.error(`${summary(done)}; nothing was stored`)
      )
    : Effect.zipRight(
        Console.log(summary(done)),
        done.runs.length === 0
          ? Effect.void
          : Console.error(`they run oldest first; follow them with: symbi cron history ${shellWord(done.job_name)}`)
      )

const print = (done: Backfill, as: "table" | "json" | "csv") => {
  switch (as) {
    case "json":
      return Effect.flatMap(Effect.orDie(Schema.encode(Backfill)(done)), (answer) =>
        Console.log(JSON.stringify(answer, null, 2))
      )
    case "csv":
      return printCsv(
        ["id", "scheduled_for", "status"],
        done.runs.map((run) => [run.id ?? "", iso(run.scheduled_for), run.status])
      )
    case "table":
      return printText(done)
  }
}

/** `symbi cron backfill` */
export const backfill = Command.make(
  "backfill",
  {
    job,
    from: Options.text("from").pipe(
      Options.withDescription("first instant, ISO 8601; in the job's timezone unless it has an offset")
    ),
    to: Options.text("to").pipe(
      Options.withDescription("the instant before which to end; now unless given"),
      Options.optional
    ),
    dryRun: Options.boolean("dry-run").pipe(Options.withDescription("only say which slots would run")),
    all: Options.boolean("all").pipe(
      Options.withDescription("also run slots whose run succeeded, or is deleted from the history")
    ),
    format
  },
  (options) =>
    withClient((client) =>
      client.schedule.backfill({
        path: { job_id: options.job },
        payload: {
          from: options.from,
          ...Option.match(options.to, { onNone: () => ({}), onSome: (to) => ({ to }) }),
          dry_run: options.dryRun,
          all: options.all
        }
      })
    ).pipe(Effect.flatMap((done) => print(done, options.format)))
).pipe(Command.withDescription("Run a job's past slots, at most 1000, each as a run of its own"))
