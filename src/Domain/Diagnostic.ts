import * as Schema from "effect/Schema"

/** Something wrong (`error`) or doubtful (`warning`) in a file. Line and column count from 1, in UTF-16 units. */
export const Diagnostic = Schema.Struct({
  severity: Schema.Literal("error", "warning"),
  file: Schema.String,
  line: Schema.Int,
  column: Schema.Int,
  length: Schema.Int,
  message: Schema.String,
  hint: Schema.optionalWith(Schema.String, { exact: true })
}).annotations({ identifier: "Diagnostic" })
export type Diagnostic = typeof Diagnostic.Type
