import type { PlatformError } from "@effect/platform/Error"
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
  ["130", "ended by Ctrl-C; 0 for up, --watch and logs --follow, which end so"]
]

/** The command ends: one text for people, one exit code for programs. */
export class CliError extends Data.TaggedError("CliError")<{
  readonly kind: keyof typeof exitCodes
  readonly message: string
}> {}

const details: Readonly<Record<string, string>> = {
  NotFound: "no such file or folder",
  PermissionDenied: "permission denied"
}

/** What it means that a file or folder that was named cannot be read. */
export const unreadable = (path: string) => (error: CliError | PlatformError) => {
  if (error instanceof CliError) return error
  const reason = error._tag === "SystemError" ? error.reason : ""
  return new CliError({
    kind: reason === "NotFound" ? "notFound" : "failed",
    message: `cannot read ${path}: ${details[reason] ?? error.description ?? error.message}`
  })
}

/** The configuration, or what else the service needs to start, cannot be used; `missing`: it is not there. */
export const unusable = (error: { readonly message: string; readonly missing?: boolean }) =>
  new CliError({ kind: error.missing === true ? "notFound" : "failed", message: error.message })
