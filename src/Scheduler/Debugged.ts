import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as LogLevel from "effect/LogLevel"

/** Whether anybody gets what is logged at the level Debug: asked once, not for every entry. */
export const debugged: Effect.Effect<boolean> = Effect.map(FiberRef.get(FiberRef.currentMinimumLogLevel), (level) =>
  LogLevel.lessThanEqual(level, LogLevel.Debug)
)
