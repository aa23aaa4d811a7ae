import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as HashSet from "effect/HashSet"
import * as List from "effect/List"
import * as LogLevel from "effect/LogLevel"

/** Whether anybody gets what is logged at the level Debug: asked once, not for every entry. */
export const debugged: Effect.Effect<boolean> = Effect.map(FiberRef.get(FiberRef.currentMinimumLogLevel), (level) =>
  LogLevel.lessThanEqual(level, LogLevel.Debug)
)

/**
 * Writes an entry of the level Debug from plain code, which a fiber for each would cost more than the entry. Undefined
 * where nobody gets those. Loggers and annotations are those of who asks for it.
 */
export const debugging: Effect.Effect<((...message: ReadonlyArray<unknown>) => void) | undefined> = Effect.gen(
  function* () {
    if (!(yield* debugged)) return undefined
    const clock = yield* Effect.clock
    const context = yield* Effect.getFiberRefs
    const loggers = FiberRefs.getOrDefault(context, FiberRef.currentLoggers)
    const annotations = FiberRefs.getOrDefault(context, FiberRef.currentLogAnnotations)
    return (...message) => {
      const date = new Date(clock.unsafeCurrentTimeMillis())
      for (const logger of HashSet.values(loggers)) {
        logger.log({
          annotations,
          cause: Cause.empty,
          context,
          date,
          fiberId: FiberId.none,
          logLevel: LogLevel.Debug,
          message,
          spans: List.empty()
        })
      }
    }
  }
)
