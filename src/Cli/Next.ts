import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { integerBetween } from "./Arguments.ts"
import { CliError } from "./Errors.ts"
import { instant, localTime } from "./Show.ts"

/** `symbi cron next` */
export const next = Command.make(
  "next",
  {
    expression: Args.text({ name: "expression" }).pipe(Args.withDescription('such as "0 9 * * MON-FRI"')),
    timezone: Options.text("tz").pipe(
      Options.withDescription("IANA time zone, such as Europe/Berlin"),
      Options.withDefault("UTC")
    ),
    count: integerBetween("count", 1, 1_000).pipe(
      Options.withDescription("how many instants, 1 to 1000"),
      Options.withDefault(5)
    )
  },
  ({ expression, timezone, count }) =>
    Effect.gen(function* () {
      const Recurrence = yield* Effect.promise(() => import("../Recurrence.ts"))
      const now = yield* Clock.currentTimeMillis
      const recurrence = yield* Recurrence.make(
        { cron_expr: expression, timezone },
        { name: "", anchor: now, timezone }
      )
      yield* Console.error(recurrence.describe)
      for (const millis of recurrence.upcoming(now, count)) {
        yield* Console.log(timezone === "UTC" ? instant(millis) : `${instant(millis)}  ${localTime(millis, timezone)}`)
      }
    }).pipe(Effect.mapError(({ message }) => new CliError({ kind: "usage", message })))
).pipe(Command.withDescription("Say when a cron expression fires next; needs no service"))
