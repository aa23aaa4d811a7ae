import * as Schema from "effect/Schema"
import { DurationText, durationMillis } from "../Domain/Duration.ts"
import { withDefault } from "./Fields.ts"

const Kept = Schema.Union(DurationText, Schema.Literal("forever")).annotations({
  message: () => ({ message: `a duration such as "90d", or "forever"`, override: true })
})

/** `[scheduler.retention]`: how long runs are kept once ended, and shared sessions once idle or archived. */
export const RetentionSettings = Schema.Struct({
  runs: withDefault(Kept, () => DurationText.make("90d")),
  sessions: withDefault(Kept, () => DurationText.make("30d"))
})

/** Length of a retention in ms. */
export const retentionMillis = (kept: typeof Kept.Type): number =>
  kept === "forever" ? Infinity : durationMillis(kept)
