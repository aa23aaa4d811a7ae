import * as FileSystem from "@effect/platform/FileSystem"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { parseFile, renderDiagnostic } from "../Dsl.ts"
import { CliError } from "./Errors.ts"

/** Reads a `.symbi` file; what is wrong with it is shown, and an error in it ends the command. */
export const readSymbiFile = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs.readFileString(file).pipe(
    Effect.mapError((error) => {
      const missing = error._tag === "SystemError" && error.reason === "NotFound"
      return new CliError({
        kind: missing ? "notFound" : "failed",
        message: `cannot read ${file}: ${missing ? "no such file" : error.message}`
      })
    })
  )
  const parsed = parseFile(text, file)
  for (const diagnostic of parsed.diagnostics) yield* Console.error(renderDiagnostic(diagnostic, text))
  const errors = parsed.diagnostics.filter(({ severity }) => severity === "error").length
  if (errors > 0) {
    return yield* new CliError({ kind: "usage", message: `${errors} error${errors === 1 ? "" : "s"} in ${file}` })
  }
  return parsed
})
