import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** What one check says: `failed` is wrong now, a `warning` may become so. */
export interface Verdict {
  /** Such as `disk`; several verdicts may be of one check. */
  readonly check: string
  readonly status: "ok" | "warning" | "failed"
  readonly message: string
  /** What to do; null where there is nothing to do. */
  readonly next_step: string | null
}

/** How long one check may take. */
const limit = "5 seconds"

/** All is well. */
export const ok = (check: string, message: string): Verdict => ({ check, status: "ok", message, next_step: null })

/** It works, but. */
export const warning = (check: string, message: string, next_step: string): Verdict => ({
  check,
  status: "warning",
  message,
  next_step
})

/** Something does not work. */
export const failed = (check: string, message: string, next_step: string): Verdict => ({
  check,
  status: "failed",
  message,
  next_step
})

/** The check itself did not work. */
export const broken = (check: string, cause: Cause.Cause<unknown>): Verdict => {
  const error = Cause.squash(cause)
  const why = error instanceof Error ? error.message : String(error)
  return warning(check, `could not be checked: ${why}`, "look at it by hand")
}

/** Keeps a check within its time; one that breaks says so, and takes no other with it. */
export const bounded = <E, R>(
  check: string,
  verdicts: Effect.Effect<ReadonlyArray<Verdict>, E, R>
): Effect.Effect<ReadonlyArray<Verdict>, never, R> =>
  verdicts.pipe(
    Effect.timeoutOption(limit),
    Effect.map(
      Option.getOrElse(
        (): ReadonlyArray<Verdict> => [warning(check, `no answer within ${limit}`, "try again, or look at it by hand")]
      )
    ),
    Effect.catchAllCause((cause) => Effect.succeed([broken(check, cause)]))
  )
