import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as ParseResult from "effect/ParseResult"
import { AgentFailure } from "../Domain/Agent.ts"
import type { Run } from "../Domain/Run.ts"
import { recordOf } from "./Outcome.ts"
import type { Ended } from "./Pipeline.ts"

/** Why an end can never be stored, however often that is tried; undefined for what another try may cure. */
export const whyUnstorable = (cause: Cause.Cause<unknown>): string | undefined => {
  const [wrong] = Chunk.toReadonlyArray(Cause.defects(cause)).flatMap((defect) => {
    if (ParseResult.isParseError(defect)) {
      // What stands there is not repeated: it may be anything.
      const [issue] = ParseResult.ArrayFormatter.formatErrorSync(defect)
      return [`${issue?.path.map(String).join(".") || "a value"} is not what can be stored`]
    }
    return defect instanceof RangeError ? [defect.message] : []
  })
  return wrong
}

/** The end of an attempt whose own cannot be stored: a failure for good, with what was stored of the run before. */
export const storableEnd = ({ end, record }: Ended, run: Run, why: string): Ended => {
  const output = end._tag === "Succeeded" ? end.output : end._tag === "Failed" ? end.failure.output : undefined
  const { execution_time_ms } = record
  return {
    end: {
      _tag: "Failed",
      failure: new AgentFailure({
        kind: "permanent",
        message: `its end could not be stored: ${why}`,
        ...(typeof output === "string" ? { output } : {})
      })
    },
    record: {
      ...recordOf(run),
      execution_time_ms: Number.isSafeInteger(execution_time_ms) ? execution_time_ms : null
    },
    session: undefined
  }
}
