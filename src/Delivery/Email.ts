import * as Effect from "effect/Effect"
import { DeliveryFailure } from "../Domain/Delivery.ts"
import type { ChannelHandler } from "./CustomChannels.ts"

/** Placeholder. */
export const makeEmail: Effect.Effect<ChannelHandler> = Effect.succeed(() =>
  Effect.fail(new DeliveryFailure({ channel: "email", message: "not yet", permanent: true }))
)
