import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Places where a crash must lose nothing: before and after each commit of a run's life. */
export type FailpointName =
  | "look.before"
  | "look.written"
  | "look.committed"
  | "finish.before"
  | "finish.written"
  | "finish.committed"
  | "delivery.sent"
  | "delivery.committed"

/** Named places in the store at which tests make the process die or fail; does nothing unless a layer says so. */
export class Failpoints extends Context.Reference<Failpoints>()("symbiont/Failpoints", {
  defaultValue: () => ({ hit: (_name: FailpointName): Effect.Effect<void> => Effect.void })
}) {}
