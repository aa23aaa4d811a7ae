import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import { integerBetween } from "./Arguments.ts"
import { unusable } from "./Errors.ts"

/** What the service is told on the command line, over its configuration file and the environment. */
export const serviceOptions = {
  port: integerBetween("port", 0, 65_535).pipe(
    Options.withDescription("port of the HTTP API (default 8080; 0 takes any free one)"),
    Options.optional
  ),
  host: Options.text("host").pipe(
    Options.withDescription("address of the HTTP API (default 127.0.0.1)"),
    Options.optional
  ),
  config: Options.text("config").pipe(
    Options.withDescription("configuration file (default symbiont.toml, if there is one)"),
    Options.optional
  ),
  data: Options.text("data").pipe(Options.withDescription("data folder (default .symbi)"), Options.optional)
}

/** `symbi up`. The service is loaded only here: the other commands start without it. */
export const up = Command.make("up", serviceOptions, (options) =>
  Effect.promise(() => import("../main.ts")).pipe(
    Effect.flatMap(({ serve }) => serve(options)),
    Effect.mapError(unusable)
  )
).pipe(Command.withDescription("Start the service"))
