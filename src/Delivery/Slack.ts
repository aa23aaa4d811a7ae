import * as Effect from "effect/Effect"
import { DeliveryFailure } from "../Domain/Delivery.ts"
import type { ChannelHandler } from "./CustomChannels.ts"

/** Placeholder. */
export const makeSlack: Effect.Effect<ChannelHandler> = Effect.succeed(() =>
  Effect.fail(new DeliveryFailure({ channel: "slack", message: "not yet", permanent: true }))
)
