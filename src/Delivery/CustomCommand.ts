import * as Effect from "effect/Effect"
import type { ChannelHandler } from "./CustomChannels.ts"

/** The channels of `[scheduler.delivery.custom.NAME]`, by name. */
export const makeCustomCommands: Effect.Effect<ReadonlyMap<string, ChannelHandler>> = Effect.succeed(new Map())
