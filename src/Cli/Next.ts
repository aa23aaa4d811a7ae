import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { formatInstant, localTimes } from "../Domain/Instant.ts"
import { integerBetween, oneOf } from "./Arguments.ts"
import { CliError } from "./Errors.ts"
import { withClient } from "./Root.ts"
import { instant } from "./Show.ts"
import { plain } from "./Table.ts"

interface Instants {
  readonly description: string
  readonly timezone: string
  readonly upcoming: ReadonlyArray<number>
  readonly local: ReadonlyArray<string>
  readonly starts?: ReadonlyArray<number>
  readonly notes: ReadonlyArray<string>
}

const usage = (message: string) => new CliError({ kind: "usage", message })

/** One word with a letter in it that does not begin as an expression does: no expression is like that. */
const isJob = (text: string): boolean => /^[^\s@*?]\S*$/.test(text) && /\p{L}/u.test(text)

const ofExpression = Effect.fnUntraced(function* (expression: string, timezone: string, name: string, count: number) {
  const Recurrence = yield* Effect.promise(() => import("../Recurrence.ts"))
  const now = yield* Clock.currentTimeMillis
  const recurrence = yield* Effect.mapError(
    Recurrence.make({ cron_expr: expression, timezone }, { name, anchor: now, timezone, draft: true }),
    ({ message }) =>
      // No word of an expression has four letters, but for those after an @.
      usage(
        /^[^@]*\p{L}{4}/u.test(expression) ? `${message}; a job whose name has spaces is asked for by its id` : message
      )
  )
  const upcoming = recurrence.upcoming(now, count)
  return {
    description: recurrence.describe,
    timezone,
    upcoming,
    local: upcoming.map(localTimes(timezone)),
    notes: recurrence.notes(now, (upcoming.at(-1) ?? now) + 1)
  } satisfies Instants
})

const ofJob = (job: string, count: number) =>
  withClient((client) => client.schedule.nextRun({ path: { job_id: job }, urlParams: { count } })).pipe(
    Effect.mapError((error) =>
      error.kind === "notFound"
        ? new CliError({ ...error, message: `${error.message}; quote an expression, such as "0 9 * * *"` })
        : error
    ),
    Effect.map(
      ({ description = "", local = [], notes = [], starts = [], timezone = "UTC", upcoming = [] }): Instants => ({
        ...{ description, timezone, upcoming, local, starts, notes }
      })
    )
  )

const line = ({ local, starts, timezone, upcoming }: Instants, index: number): string => {
  const slot = upcoming[index] ?? null
  const start = starts?.[index] ?? slot
  return [
    instant(slot),
    ...(timezone === "UTC" ? [] : [local[index] ?? ""]),
    ...(start === slot ? [] : [`starts ${instant(start)}`])
  ].join("  ")
}

const print = (instants: Instants, as: "table" | "json") => {
  if (as === "json") {
    const { description, local, notes, starts, timezone, upcoming } = instants
    const iso = { upcoming: upcoming.map(formatInstant), starts: starts?.map(formatInstant) }
    const answer = { description, timezone, upcoming: iso.upcoming, local, starts: iso.starts, notes }
    return Console.log(JSON.stringify(answer, null, 2))
  }
  return Effect.gen(function* () {
    yield* Console.error(instants.description)
    for (const note of instants.notes) yield* Console.error(`note: ${plain(note)}`)
    for (let index = 0; index < instants.upcoming.length; index++) yield* Console.log(line(instants, index))
  })
}

/** `symbi cron next` */
export const next = Command.make(
  "next",
  {
    words: Args.text({ name: "expression|job" }).pipe(
      Args.withDescription('a quoted cron expression such as "0 9 * * MON-FRI", or a job\'s id or one-word name'),
      Args.atLeast(1)
    ),
    timezone: Options.text("tz").pipe(
      Options.withDescription("IANA time zone of the expression, such as Europe/Berlin; UTC without it"),
      Options.optional
    ),
    name: Options.text("name").pipe(
      Options.withDescription("job name that H in the expression is drawn from"),
      Options.optional
    ),
    count: integerBetween("count", 1, 1_000).pipe(
      Options.withDescription("how many instants, 1 to 1000 (default 5)"),
      Options.withDefault(5)
    ),
    format: oneOf("format", ["table", "json"]).pipe(
      Options.withDescription("table for people (the default), json for programs"),
      Options.withDefault("table" as const)
    )
  },
  ({ count, format, name, timezone, words }) =>
    Effect.gen(function* () {
      if (words.length > 6) return yield* usage("quote the expression: the shell replaces * by the names of files")
      const what = words.join(" ")
      if (!isJob(what)) {
        const zone = Option.getOrElse(timezone, () => "UTC")
        return yield* ofExpression(
          what,
          zone,
          Option.getOrElse(name, () => ""),
          count
        )
      }
      if (Option.isSome(timezone)) return yield* usage(`--tz is for an expression; job "${what}" has a zone of its own`)
      if (Option.isSome(name)) return yield* usage(`--name is for an expression; job "${what}" has its own`)
      return yield* ofJob(what, count)
    }).pipe(Effect.flatMap((instants) => print(instants, format)))
).pipe(Command.withDescription("Say when an expression fires next (needs no service), or a job of the service"))
