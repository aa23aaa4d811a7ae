import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { DeliveryChannel, DeliveryFailure } from "./Domain/Delivery.ts"
import type { Job } from "./Domain/Job.ts"
import type { Run } from "./Domain/Run.ts"

/** Sends one output to one channel. Called at least once per delivery; replaceable as a layer. */
export class DeliveryRouter extends Context.Tag("symbiont/DeliveryRouter")<
  DeliveryRouter,
  {
    readonly route: (
      channel: DeliveryChannel,
      job: Job,
      run: Run,
      output: string
    ) => Effect.Effect<void, DeliveryFailure>
  }
>() {}
