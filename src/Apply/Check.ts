import * as Either from "effect/Either"
import type { Diagnostic } from "../Domain/Diagnostic.ts"
import { locateIssues, type ParsedAgent, type ParsedSchedule, parseFiles } from "../Dsl.ts"
import { checkDefinition } from "../Jobs.ts"
import type { Recurrence } from "../Recurrence.ts"

/** A schedule without errors, and when it is due if it counts from now. */
export interface CheckedSchedule {
  readonly schedule: ParsedSchedule
  readonly recurrence: Recurrence
}

/** What files hold, what of it can be scheduled, and all that is wrong or doubtful. */
export interface CheckedFiles {
  readonly schedules: ReadonlyArray<CheckedSchedule>
  readonly agents: ReadonlyArray<ParsedAgent>
  readonly diagnostics: ReadonlyArray<Diagnostic>
  /** Paths of the files with errors. */
  readonly broken: ReadonlySet<string>
}

/** Reads files as one and compiles their triggers. */
export const checkFiles = (
  files: ReadonlyArray<{ readonly path: string; readonly text: string }>,
  context: { readonly now: number; readonly timezone: string }
): CheckedFiles => {
  const parsed = parseFiles(files)
  const diagnostics: Array<Diagnostic> = [...parsed.diagnostics]
  const schedules: Array<CheckedSchedule> = []
  for (const schedule of parsed.schedules) {
    const recurrence = checkDefinition(schedule.definition, { anchor: context.now, timezone: context.timezone })
    if (Either.isRight(recurrence)) schedules.push({ schedule, recurrence: recurrence.right })
    else diagnostics.push(...locateIssues(schedule, recurrence.left.issues))
  }
  const broken = new Set(diagnostics.filter(({ severity }) => severity === "error").map(({ file }) => file))
  return { schedules, agents: parsed.agents, diagnostics, broken }
}
