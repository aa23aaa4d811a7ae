import * as Effect from "effect/Effect"
import { DeliveryFailure } from "../Domain/Delivery.ts"
import type { ChannelHandler } from "./CustomChannels.ts"

/** Placeholder. */
export const makeWebhook: Effect.Effect<ChannelHandler> = Effect.succeed(() =>
  Effect.fail(new DeliveryFailure({ channel: "webhook", message: "not yet", permanent: true }))
)
