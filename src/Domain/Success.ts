import * as Schema from "effect/Schema"

const ExitCode = Schema.Int.pipe(Schema.between(0, 255))

/** What makes a run a success besides its agent's word; all that is given must hold. */
export const SuccessWhen = Schema.Struct({
  /** The exit codes of a command that are successes, in place of 0 alone. */
  exit_code: Schema.optionalWith(Schema.Union(Schema.NonEmptyArray(ExitCode), ExitCode), { exact: true }),
  /** An RE2 expression that matches somewhere in the output. */
  output_matches: Schema.optionalWith(Schema.NonEmptyString, { exact: true }),
  /**
   * A JSONPath (RFC 9535) into the output read as JSON, `$.done`, that selects something and nothing `false` or `null`;
   * or a comparison as in its filters, `$.errors == 0`.
   */
  json_path: Schema.optionalWith(Schema.NonEmptyString, { exact: true })
}).annotations({ identifier: "SuccessWhen" })
export type SuccessWhen = typeof SuccessWhen.Type
