import * as FileSystem from "@effect/platform/FileSystem"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { parseFile, renderDiagnostic } from "../Dsl.ts"
import { CliError, unreadable } from "./Errors.ts"

/** Reads a `.symbi` file; what is wrong with it is shown, and an error in it ends the command. */
export const readSymbiFile = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(fs.readFileString(file), unreadable(file))
  const parsed = parseFile(text, file)
  for (const diagnostic of parsed.diagnostics) yield* Console.error(renderDiagnostic(diagnostic, text))
  const errors = parsed.diagnostics.filter(({ severity }) => severity === "error").length
  if (errors > 0) {
    return yield* new CliError({ kind: "usage", message: `${errors} error${errors === 1 ? "" : "s"} in ${file}` })
  }
  return parsed
})
