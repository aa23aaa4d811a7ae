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

/** The exit codes for people, as the help lists them. */
export const exitCodeTexts: ReadonlyArray<readonly [code: string, text: string]> = [
  ["0", "done"],
  ["1", "failed; of cron run --wait: the run did not succeed (failed, denied, skipped, cancelled, timed_out, …)"],
  ["2", "wrong usage, or not valid"],
  ["3", "there is no such job, run, file, …"],
  ["4", "the API key is missing, wrong, or may not do that"],
  ["5", "it is in the way: a name that is taken, a job in another state, a file that exists"],
  ["6", "no service answers, or not in time"],
  ["130", "ended by Ctrl-C; 0 for up and --watch, which end so"]
]

/** The command ends: one text for people, one exit code for programs. */
export class CliError extends Data.TaggedError("CliError")<{
  readonly kind: keyof typeof exitCodes
  readonly message: string
}> {}
