import * as Schema from "effect/Schema"
import { Approval } from "./Approval.ts"
import { Instant } from "./Instant.ts"
import { PolicyEvaluation } from "./Policy.ts"
import { RunSummary } from "./Run.ts"

/** One thing that happened on a run's way. */
export const WhyEvent = Schema.Struct({ time: Instant, what: Schema.String }).annotations({ identifier: "WhyEvent" })
export type WhyEvent = typeof WhyEvent.Type

/** Why a slot ran, did not, waits, failed or was not delivered, as far as the ledger tells. */
export const Why = Schema.Struct({
  /** One or two sentences. */
  answer: Schema.String,
  /** The run that the answer is about; null where the ledger has none. */
  run: Schema.NullOr(RunSummary),
  /** Oldest first. */
  events: Schema.Array(WhyEvent),
  /** What the policy gate was told and decided, oldest first. */
  evaluations: Schema.Array(PolicyEvaluation),
  approval: Schema.NullOr(Approval),
  /** What to do about it, each a sentence or a command. */
  next_steps: Schema.Array(Schema.String)
}).annotations({ identifier: "Why" })
export type Why = typeof Why.Type

/** The question names an instant that cannot be read. */
export class WhyInvalid extends Schema.TaggedError<WhyInvalid>()("WhyInvalid", { message: Schema.String }) {}
