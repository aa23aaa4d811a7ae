import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { Access } from "./Access.ts"
import { Apply } from "./Apply.ts"
import { Budgets } from "./Budgets.ts"
import { durationMillis } from "./Domain/Duration.ts"
import { AgentsHttp } from "./Http/Agents.ts"
import { ApprovalsHttp } from "./Http/Approvals.ts"
import { AuditHttp } from "./Http/Audit.ts"
import { BudgetsHttp } from "./Http/Budgets.ts"
import { Closing } from "./Http/Closing.ts"
import { CompatHttp } from "./Http/Compat.ts"
import { DeliveriesHttp } from "./Http/Deliveries.ts"
import { FilesHttp } from "./Http/Files.ts"
import { HealthHttp } from "./Http/Health.ts"
import { KeysHttp } from "./Http/Keys.ts"
import { makeListener, NodeServer } from "./Http/Listener.ts"
import { LogsHttp } from "./Http/Logs.ts"
import { MetaHttp } from "./Http/Meta.ts"
import { type AllHandlers, routesOf } from "./Http/Routes.ts"
import { RunsHttp } from "./Http/Runs.ts"
import { ScheduleHttp } from "./Http/Schedule.ts"
import { serve } from "./Http/Serve.ts"
import { SessionsHttp } from "./Http/Sessions.ts"
import { Invariants } from "./Invariants.ts"
import { Settings } from "./Settings.ts"

export { NodeServer } from "./Http/Listener.ts"

/** The server could not listen; the message says where and what to do. */
export class ListenError extends Data.TaggedError("ListenError")<{ readonly message: string }> {}

const handlers = Effect.all({
  schedule: ScheduleHttp,
  runs: RunsHttp,
  sessions: SessionsHttp,
  approvals: ApprovalsHttp,
  deliveries: DeliveriesHttp,
  budgets: BudgetsHttp,
  agents: AgentsHttp,
  files: FilesHttp,
  audit: AuditHttp,
  keys: KeysHttp,
  compat: CompatHttp,
  logs: LogsHttp,
  health: HealthHttp,
  meta: MetaHttp
})

/** The API on some HTTP server. */
export const HttpLive = Layer.scopedDiscard(Effect.flatMap(handlers, (all: AllHandlers) => serve(routesOf(all)))).pipe(
  Layer.provide([Apply.Default, Budgets.Default, Invariants.layer, Closing.layer, Access.Default]),
  Layer.annotateLogs("component", "http")
)

const closeGrace = "5 seconds"

const listenMessage = (host: string, port: number, code: unknown): string =>
  code === "EADDRINUSE"
    ? `port ${port} of ${host} is in use already; stop the other service, or choose another port with --port`
    : `cannot listen on ${host} port ${port} (${code}); choose another address with --host and --port`

/** The HTTP server at the configured address. Connections that do not end by themselves are cut soon after it stops. */
export const ServerLive = Layer.unwrapEffect(
  Effect.map(Settings, ({ server: { host, port, request_timeout } }) => {
    const server = makeListener(durationMillis(request_timeout))
    const closed = Effect.async<void>((resume) => {
      server.once("close", () => resume(Effect.void))
    })
    // A connection kept alive becomes idle when its answer ends, and a closing server does not look again by itself.
    const cutIdle = Effect.sync(() => server.closeIdleConnections()).pipe(
      Effect.repeat(Schedule.spaced("50 millis")),
      Effect.timeoutOption(closeGrace),
      Effect.zipRight(Effect.sync(() => server.closeAllConnections()))
    )
    return Layer.scopedDiscard(
      Effect.addFinalizer(() => Effect.forkDaemon(Effect.interruptible(Effect.raceFirst(cutIdle, closed))))
    ).pipe(
      Layer.provideMerge(
        Layer.merge(
          Layer.succeed(NodeServer, server),
          NodeHttpServer.layer(() => server, { port, host })
        )
      ),
      Layer.mapError(({ cause }) => {
        const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : cause
        return new ListenError({ message: listenMessage(host, port, code) })
      })
    )
  })
)
