import * as Context from "effect/Context"
import * as LogLevel from "effect/LogLevel"

/** The level at which it is logged that a run failed: the service's own is higher, programs that embed it stay quiet. */
export class FailedRunLevel extends Context.Reference<FailedRunLevel>()("symbiont/FailedRunLevel", {
  defaultValue: (): LogLevel.LogLevel => LogLevel.Debug
}) {}
