import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { oneOf } from "./Arguments.ts"
import { CliError } from "./Errors.ts"
import { withClient } from "./Root.ts"

/** `symbi export` */
export const exportJobs = Command.make(
  "export",
  {
    format: oneOf("format", ["symbi", "json"]).pipe(
      Options.withDescription("the text of a .symbi file (the default), or json: an array of definitions"),
      Options.withDefault("symbi" as const)
    ),
    output: Options.text("output").pipe(
      Options.withAlias("o"),
      Options.withPseudoName("file"),
      Options.withDescription("the file to write; standard output unless given"),
      Options.optional
    )
  },
  ({ format, output }) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const text = yield* withClient((client) => client.files.export({ urlParams: { format } }))
      const whole = format === "json" ? `${JSON.stringify(JSON.parse(text), null, 2)}\n` : `${text.trimEnd()}\n`
      if (Option.isNone(output)) return yield* Console.log(whole.trimEnd())
      yield* Effect.mapError(
        fs.writeFileString(output.value, whole),
        ({ message }) => new CliError({ kind: "failed", message: `cannot write ${output.value}: ${message}` })
      )
      yield* Console.error(`written to ${output.value}`)
    })
).pipe(Command.withDescription("Write all jobs out as a .symbi file; applied, it changes nothing"))
