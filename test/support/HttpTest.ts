import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { KeyStore } from "../../src/Access.ts"
import { AgentRuntime } from "../../src/Agents.ts"
import { Approvals } from "../../src/Approvals.ts"
import { AuditCheckpoints, AuditLog, genesis } from "../../src/AuditLog.ts"
import { BudgetStore } from "../../src/Budgets.ts"
import { DeliveryDesk } from "../../src/Delivery.ts"
import { AgentFailure, AgentId, AgentNotFound } from "../../src/Domain/Agent.ts"
import { ApprovalNotFound } from "../../src/Domain/Approval.ts"
import { DeliveryNotFound } from "../../src/Domain/Delivery.ts"
import { Ids } from "../../src/Domain/Ids.ts"
import { JobNotFound } from "../../src/Domain/Job.ts"
import { RunNotFound } from "../../src/Domain/Run.ts"
import { HttpLive } from "../../src/Http.ts"
import { InvariantStore } from "../../src/Invariants.ts"
import { JobStore } from "../../src/JobStore.ts"
import { RunLogs } from "../../src/RunLogs.ts"
import { RunTotals } from "../../src/RunTotals.ts"
import { SchedulerStatus } from "../../src/Scheduler/Status.ts"
import { BootIdentity, WakeSignal } from "../../src/Scheduler.ts"
import { SessionDesk } from "../../src/Sessions.ts"
import { Settings, SettingsSchema } from "../../src/Settings.ts"
import { storeInMemory } from "../../src/testing.ts"
import { Explanations } from "../../src/Why.ts"
import { FakeJobs } from "./FakeJobs.ts"
import { TestServer } from "./TestServer.ts"

interface State {
  readonly quarantined?: number
  readonly alive?: boolean
  readonly stored?: boolean
  /** Logs that are followed do not end. */
  readonly endless?: boolean
}

let state: State = {}

/** How the fake scheduler is. */
export const status = {
  set: (next: State) =>
    Effect.sync(() => {
      state = next
    })
}

/** Done when the agent was asked to hang. */
export const hanging = Deferred.unsafeMake<void>(FiberId.none)

const unused = Effect.die("not used by the tests")

const echo = { kind: "effect" as const, id: AgentId.make("echo"), capabilities: [] }

const agents = Layer.succeed(AgentRuntime, {
  list: Effect.succeed([echo]),
  find: (id) =>
    id === "echo" ? Effect.succeed(echo) : Effect.fail(new AgentNotFound({ agent_id: id, known: ["echo"] })),
  estimate: () => null,
  load: () => unused,
  invoke: (_, { input }) =>
    input === "hang"
      ? Effect.zipRight(Deferred.succeed(hanging, undefined), Effect.never)
      : input === "fail"
        ? Effect.fail(new AgentFailure({ kind: "permanent", message: "it exited with code 3", exit_code: 3 }))
        : Effect.succeed({ output: input, exit_code: 0 })
})

const store = Layer.succeed(
  JobStore,
  new Proxy({} as JobStore["Type"], {
    get: (_, method) => {
      if (method === "ping") return Effect.suspend(() => (state.stored === false ? Effect.die("gone") : Effect.void))
      if (method === "deliveryCounts") {
        return Effect.suspend(() =>
          state.stored === false
            ? Effect.die("gone")
            : Effect.succeed({ pending: 3, failed: 1, dead: 2, oldest_pending: null })
        )
      }
      if (method === "counts") {
        return Effect.sync(() => ({
          active_jobs: 15,
          paused_jobs: 3,
          quarantined_jobs: state.quarantined ?? 0,
          running: 2,
          runs_succeeded: 1180,
          runs_failed: 54,
          execution_time_ms_sum: 849_900,
          execution_time_count: 1_000
        }))
      }
      return () => unused
    }
  })
)

const log = Layer.succeed(
  AuditLog,
  AuditLog.of({
    append: () => Effect.void,
    query: () => unused,
    verify: () => unused,
    head: Effect.succeed(genesis),
    recordConfiguration: () => unused
  })
)

const checkpoints = Layer.succeed(AuditCheckpoints, {
  make: unused,
  newest: Effect.succeed(undefined),
  verify: () => unused
})

const logs = Layer.succeed(
  RunLogs,
  RunLogs.make({
    append: () => unused,
    end: () => unused,
    remove: () => unused,
    read: () => Effect.succeed("one\ntwo\n"),
    follow: () =>
      Stream.concat(
        Stream.make("one\n", "two\n"),
        Stream.suspend(() => (state.endless ? Stream.never : Stream.empty))
      )
  })
)

const approvals = Layer.mock(Approvals, {
  list: () => Effect.succeed({ items: [], next: null }),
  get: (ref) => new ApprovalNotFound({ approval: ref }),
  approve: (ref) => new ApprovalNotFound({ approval: ref }),
  deny: (ref) => new ApprovalNotFound({ approval: ref })
})

const deliveries = Layer.mock(DeliveryDesk, {
  _tag: "symbiont/DeliveryDesk",
  list: ({ job }) => (job === "nowhere" ? new JobNotFound({ job }) : Effect.succeed({ items: [], next: null })),
  find: (delivery) => new DeliveryNotFound({ delivery }),
  redeliver: (delivery) => new DeliveryNotFound({ delivery }),
  redeliverAll: () => Effect.succeed(2)
})

const sessions = Layer.mock(SessionDesk, {
  _tag: "symbiont/SessionDesk",
  get: (job) => new JobNotFound({ job }),
  clear: (job) => new JobNotFound({ job })
})

const explanations = Layer.mock(Explanations, {
  run: (run) => new RunNotFound({ run }),
  job: (job) => new JobNotFound({ job })
})

const scheduler = Layer.succeed(SchedulerStatus, {
  inFlight: Effect.succeed(2),
  lastFull: Effect.succeed(0),
  loopAlive: Effect.sync(() => state.alive ?? true)
})

const kept = Layer.mergeAll(
  Layer.effect(KeyStore, KeyStore),
  Layer.effect(BudgetStore, BudgetStore),
  Layer.effect(InvariantStore, InvariantStore),
  Layer.effect(RunTotals, RunTotals)
).pipe(Layer.provide(storeInMemory), Layer.orDie)

const settings = (port: number) =>
  Layer.succeed(Settings, {
    ...Schema.decodeSync(SettingsSchema)({ scheduler: {}, server: { port }, agentpin: {} }),
    data_dir: "."
  })

/** Everything that the API needs but a server. */
export const fakes = (port = 0) =>
  Layer.mergeAll(
    FakeJobs,
    approvals,
    deliveries,
    explanations,
    sessions,
    agents,
    store,
    kept,
    log,
    checkpoints,
    logs,
    scheduler,
    settings(port),
    Ids.Default,
    BootIdentity.Default.pipe(Layer.provide(Ids.Default)),
    WakeSignal.Default
  )

/** The whole API on a free port, over fakes; a client for it. */
export const HttpTest = HttpLive.pipe(Layer.provideMerge(TestServer), Layer.provide(fakes()))
