import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Layer from "effect/Layer"
import type { AgentPin } from "./AgentPin.ts"
import type { AgentRuntime } from "./Agents.ts"
import { Approvals } from "./Approvals.ts"
import type { AuditLog } from "./AuditLog.ts"
import type { BudgetStore } from "./Budgets.ts"
import { DeliveryDesk, type DeliveryRouter, Outbox, OutboxSignal } from "./Delivery.ts"
import { Ids } from "./Domain/Ids.ts"
import type { JobStore } from "./JobStore.ts"
import { Jobs } from "./Jobs.ts"
import type { PolicyGate } from "./PolicyGate.ts"
import { Retention, type RetentionStore } from "./Retention.ts"
import { RunLogs } from "./RunLogs.ts"
import { actorsLayer, type BootIdentity, dispatcherLayer, type SchedulerStatus, type WakeSignal } from "./Scheduler.ts"
import { SessionDesk, type SessionStore, Sessions } from "./Sessions.ts"
import type { Settings } from "./Settings.ts"
import type { WakeGate } from "./WakeGate.ts"
import { Explanations } from "./Why.ts"

/** What the engine needs from its edges: where state lives, what agents are, who decides, where output goes. */
export type EngineRequirements =
  | JobStore
  | SessionStore
  | RetentionStore
  | AuditLog
  | AgentRuntime
  | PolicyGate
  | WakeGate
  | BudgetStore
  | AgentPin
  | DeliveryRouter
  | Settings
  | FileSystem.FileSystem
  | Path.Path

/** What the engine gives: the door to jobs, and its state. */
export type EngineServices =
  | Jobs
  | Approvals
  | DeliveryDesk
  | SessionDesk
  | Explanations
  | SchedulerStatus
  | RunLogs
  | WakeSignal
  | OutboxSignal
  | BootIdentity
  | Ids

/**
 * The whole scheduler without its ways in: dispatcher over job actors over the outbox. Layers close in reverse: the
 * dispatcher stops claiming, runs in flight drain, their deliveries are sent, and only then the edges close.
 */
export const engineLayer: Layer.Layer<EngineServices, never, EngineRequirements> = dispatcherLayer.pipe(
  Layer.merge(Layer.provide(Retention.layer, Retention.Default)),
  Layer.provideMerge(
    Layer.mergeAll(Jobs.layer, Approvals.layer, DeliveryDesk.Default, SessionDesk.Default, Explanations.layer)
  ),
  Layer.provideMerge(actorsLayer),
  Layer.provide(Sessions.Default),
  Layer.provideMerge(Outbox.layer),
  Layer.provideMerge(Layer.mergeAll(OutboxSignal.Default, RunLogs.Default, Ids.Default))
)
