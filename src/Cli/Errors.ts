import * as Data from "effect/Data"

/** What the exit codes of the CLI mean. */
export const exitCodes = {
  failed: 1,
  usage: 2,
  notFound: 3,
  auth: 4,
  conflict: 5,
  unreachable: 6
} as const

/** The command ends: one text for people, one exit code for programs. */
export class CliError extends Data.TaggedError("CliError")<{
  readonly kind: keyof typeof exitCodes
  readonly message: string
}> {}
