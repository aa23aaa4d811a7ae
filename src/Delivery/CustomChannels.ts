import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { DeliveryFailure } from "../Domain/Delivery.ts"
import type { Job } from "../Domain/Job.ts"
import type { Run } from "../Domain/Run.ts"

/** Sends one output to a channel written in code. May be called more than once for one output. */
export type ChannelHandler = (job: Job, run: Run, output: string) => Effect.Effect<void, DeliveryFailure>

/** The channels written in code: `custom:<name>` is looked up here by `<name>`. None unless provided. */
export class CustomChannels extends Context.Reference<CustomChannels>()("symbiont/CustomChannels", {
  defaultValue: (): ReadonlyMap<string, ChannelHandler> => new Map()
}) {
  /** Provides channels written in code: `CustomChannels.layer({ pager: (job, run, output) => ... })`. */
  static readonly layer = (channels: Readonly<Record<string, ChannelHandler>>): Layer.Layer<never> =>
    Layer.succeed(CustomChannels, new Map(Object.entries(channels)))
}
