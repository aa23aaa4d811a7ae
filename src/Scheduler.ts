import * as Layer from "effect/Layer"
import { Budgets } from "./Budgets.ts"
import { BootIdentity } from "./Scheduler/BootIdentity.ts"
import { ClockWatch } from "./Scheduler/ClockWatch.ts"
import { Deadlines } from "./Scheduler/Deadlines.ts"
import { Dispatcher, statusLayer } from "./Scheduler/Dispatcher.ts"
import { Execution } from "./Scheduler/Execution.ts"
import { JobActors } from "./Scheduler/JobActors.ts"
import { Pipeline } from "./Scheduler/Pipeline.ts"
import { RunGate } from "./Scheduler/RunGate.ts"
import { WakeSignal } from "./Scheduler/WakeSignal.ts"

export {
  type Decider,
  decided,
  voidAsDeleted,
  voidIfChanged
} from "./Scheduler/ApprovalRules.ts"
export { BootIdentity } from "./Scheduler/BootIdentity.ts"
export { MonotonicClock } from "./Scheduler/ClockWatch.ts"
export { Dispatcher } from "./Scheduler/Dispatcher.ts"
export { FailedRunLevel } from "./Scheduler/FailedRunLevel.ts"
export { startOf } from "./Scheduler/Jitter.ts"
export { JobActors } from "./Scheduler/JobActors.ts"
export { LookAhead } from "./Scheduler/LookAhead.ts"
export { maxRuntimeOf } from "./Scheduler/MaxRuntime.ts"
export { Partitions } from "./Scheduler/Partitions.ts"
export { asleepUntil, sleptThrough } from "./Scheduler/Quiet.ts"
export { RunObserver, type Stage } from "./Scheduler/RunObserver.ts"
export { SchedulerStatus } from "./Scheduler/Status.ts"
export { WakeSignal } from "./Scheduler/WakeSignal.ts"

/** The actors that carry runs out. They close after the dispatcher: no run starts while the last ones drain. */
export const actorsLayer = JobActors.Default.pipe(
  Layer.provide(Pipeline.Default),
  Layer.provide(Execution.Default),
  Layer.provide(Deadlines.Default),
  Layer.provide(RunGate.Default),
  Layer.provide(Budgets.Default),
  Layer.provideMerge(Layer.mergeAll(WakeSignal.Default, BootIdentity.Default))
)

/** The dispatcher over the actors, and what it says of itself. */
export const dispatcherLayer = statusLayer.pipe(
  Layer.provideMerge(Dispatcher.Default),
  Layer.provide(ClockWatch.Default)
)
