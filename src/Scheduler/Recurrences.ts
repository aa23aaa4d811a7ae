import type * as Either from "effect/Either"
import type { StoredJob } from "../Domain/Job.ts"
import { make, type Recurrence, type RecurrenceError } from "../Recurrence.ts"

/** Compiled triggers kept at hand; beyond this many the oldest is dropped. */
const capacity = 20_000

/** Compiles the triggers of jobs, and keeps them: a job's next slot is asked for at every claim. */
export const makeRecurrences = (timezone: string) => {
  const compiled = new Map<string, Either.Either<Recurrence, RecurrenceError>>()
  return (
    job: Pick<
      StoredJob,
      "id" | "version" | "name" | "anchor" | "cron_expr" | "every" | "at" | "timezone" | "dst" | "one_shot"
    >
  ) => {
    const key = `${job.id}/${job.version}/${job.anchor}`
    const known = compiled.get(key)
    if (known !== undefined) return known
    const recurrence = make(job, { name: job.name, anchor: job.anchor, timezone })
    if (compiled.size >= capacity) {
      const [oldest] = compiled.keys()
      if (oldest !== undefined) compiled.delete(oldest)
    }
    compiled.set(key, recurrence)
    return recurrence
  }
}

/** See {@link makeRecurrences}. */
export type Recurrences = ReturnType<typeof makeRecurrences>
