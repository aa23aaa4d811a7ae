/** Symbiont Scheduler: its services, layers and schemas, for programs that compose their own scheduler. */
export { Access, KeyStore, type NewKey, SecretBytes, type StoredKey, sameSecret } from "./Access.ts"
export { AgentPin, AgentPinMemory, AgentPinUnusable } from "./AgentPin.ts"
export {
  type AgentHandler,
  type AgentResult,
  AgentRuntime,
  type EffectAgentEntry,
  EffectAgents,
  type Invocation
} from "./Agents.ts"
export { Api } from "./Api.ts"
export { Apply } from "./Apply.ts"
export { Approvals, type Decider } from "./Approvals.ts"
export { AuditCheckpoints, type AuditFilter, AuditLog } from "./AuditLog.ts"
export { BudgetStore, Budgets } from "./Budgets.ts"
export { makeClient } from "./Client.ts"
export {
  type ChannelHandler,
  CurrentDelivery,
  CustomChannels,
  DeliveryDesk,
  DeliveryNetwork,
  type DeliveryNotes,
  DeliveryRouter,
  Outbox,
  OutboxSignal,
  StandardOutput
} from "./Delivery.ts"
export * from "./Domain/Agent.ts"
export * from "./Domain/AgentPin.ts"
export * from "./Domain/Apply.ts"
export * from "./Domain/Approval.ts"
export * from "./Domain/Audit.ts"
export * from "./Domain/Backfill.ts"
export * from "./Domain/Budget.ts"
export * from "./Domain/Delivery.ts"
export * from "./Domain/Duration.ts"
export * from "./Domain/Gate.ts"
export * from "./Domain/Health.ts"
export * from "./Domain/Ids.ts"
export * from "./Domain/Instant.ts"
export * from "./Domain/Job.ts"
export * from "./Domain/Key.ts"
export * from "./Domain/Policy.ts"
export * from "./Domain/Run.ts"
export * from "./Domain/Schedule.ts"
export * from "./Domain/Session.ts"
export * from "./Domain/Success.ts"
export * from "./Domain/Tool.ts"
export * from "./Domain/WebhookPayload.ts"
export * from "./Domain/Why.ts"
export { Diagnostic, parseFile, parseFiles, printAgent, printSchedule, renderDiagnostic } from "./Dsl.ts"
export { type EngineRequirements, type EngineServices, engineLayer } from "./Engine.ts"
export { HttpLive, NodeServer, ServerLive } from "./Http.ts"
export { InvariantStore, Invariants } from "./Invariants.ts"
export { layerDataLock } from "./JobStore/DataLock.ts"
export { DatabaseTooNew, DatabaseUnusable, layerSqlite, type Stores } from "./JobStore/Sqlite.ts"
export { JobStore } from "./JobStore.ts"
export { type JobPreview, Jobs, type Preview, type PreviewOptions } from "./Jobs.ts"
export { Logs } from "./Logs.ts"
export { Metrics, MetricsEnabled, makeMetrics, renderPrometheus } from "./Observability.ts"
export { NamedPolicies, type PolicyContext, PolicyGate } from "./PolicyGate.ts"
export { make as makeRecurrence, type Recurrence } from "./Recurrence.ts"
export { Retention, RetentionStore } from "./Retention.ts"
export { RunLogs } from "./RunLogs.ts"
export { type JobTotals, RunTotals, type ServiceTotals } from "./RunTotals.ts"
export {
  BootIdentity,
  LookAhead,
  MonotonicClock,
  Partitions,
  RunObserver,
  SchedulerStatus,
  type Stage
} from "./Scheduler.ts"
export { ServiceEnvironment } from "./ServiceEnvironment.ts"
export { SessionDesk, SessionStore } from "./Sessions.ts"
export { loadSettings, Settings, SettingsSchema } from "./Settings.ts"
export { RunTraces, traceparentOf } from "./Telemetry.ts"
export { type GateFinding, WakeGate } from "./WakeGate.ts"
export { Explanations } from "./Why.ts"
