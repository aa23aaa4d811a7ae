import * as Context from "effect/Context"
import * as Layer from "effect/Layer"

/**
 * How long before the next due instant the dispatcher claims what is due then, in ms: a timer is up to a ms late, and a
 * claim takes as long as the disk. What it claimed starts at its instant, never before.
 */
export class LookAhead extends Context.Reference<LookAhead>()("symbiont/Scheduler/LookAhead", {
  // On a test clock nothing takes any time.
  defaultValue: () => 0
}) {
  /** A commit of a good disk, and the timer. */
  static readonly layer = Layer.succeed(LookAhead, 4)
}
