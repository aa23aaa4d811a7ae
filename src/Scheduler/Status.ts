import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/** What the scheduler says of itself while it runs; read by the health routes. */
export class SchedulerStatus extends Context.Tag("symbiont/SchedulerStatus")<
  SchedulerStatus,
  {
    /** Runs that this process executes at this moment. */
    readonly inFlight: Effect.Effect<number>
    /** False when the dispatcher's loop has died or no longer looks. */
    readonly loopAlive: Effect.Effect<boolean>
    /** When a look last left no room for a further run (UTC ms); 0 while none did. */
    readonly lastFull: Effect.Effect<number>
  }
>() {}
