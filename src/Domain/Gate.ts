import * as Schema from "effect/Schema"
import { DurationText } from "./Duration.ts"

/**
 * A cheap look before the agent is woken: a command, or an HTTP GET. The agent wakes when there is `output`, or when
 * the output is another one than at its last successful run (`change`); otherwise the slot is `skipped(no_change)`.
 */
export const Gate = Schema.Struct({
  command: Schema.optionalWith(Schema.NonEmptyArray(Schema.String), { exact: true }),
  url: Schema.optionalWith(Schema.NonEmptyString, { exact: true }),
  /** `output` for commands and `change` for URLs unless given. */
  wake_on: Schema.optionalWith(Schema.Literal("output", "change"), { exact: true }),
  /** What a gate that fails means: a failed attempt (unless given), or that the agent is woken to be on the safe side. */
  on_error: Schema.optionalWith(Schema.Literal("fail", "wake"), { exact: true }),
  /** 30 s unless given. */
  timeout: Schema.optionalWith(DurationText, { exact: true })
})
  .pipe(
    Schema.filter(
      ({ command, url }) => (command === undefined) !== (url === undefined) || "needs exactly one of command and url"
    )
  )
  .annotations({ identifier: "Gate" })
export type Gate = typeof Gate.Type
