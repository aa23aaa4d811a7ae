import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { Access } from "./Access.ts"
import { Api } from "./Api.ts"
import { durationMillis } from "./Domain/Duration.ts"
import { AgentsHttp } from "./Http/Agents.ts"
import { ApprovalsHttp } from "./Http/Approvals.ts"
import { AuditHttp } from "./Http/Audit.ts"
import { AuthorizedLive } from "./Http/Authorized.ts"
import { limitBody } from "./Http/Body.ts"
import { BudgetsHttp } from "./Http/Budgets.ts"
import { Closing } from "./Http/Closing.ts"
import { CompatHttp } from "./Http/Compat.ts"
import { DeliveriesHttp } from "./Http/Deliveries.ts"
import { shapeErrors } from "./Http/Failures.ts"
import { FilesHttp } from "./Http/Files.ts"
import { guard } from "./Http/Guard.ts"
import { HealthHttp } from "./Http/Health.ts"
import { KeysHttp } from "./Http/Keys.ts"
import { makeListener } from "./Http/Listener.ts"
import { LogsHttp } from "./Http/Logs.ts"
import { measured } from "./Http/Measured.ts"
import { MetaHttp } from "./Http/Meta.ts"
import { logRequests } from "./Http/RequestLog.ts"
import { RunsHttp } from "./Http/Runs.ts"
import { ScheduleHttp } from "./Http/Schedule.ts"
import { withSecurityHeaders } from "./Http/SecurityHeaders.ts"
import { SessionsHttp } from "./Http/Sessions.ts"
import { Invariants } from "./Invariants.ts"
import { Settings } from "./Settings.ts"

/** The server could not listen; the message says where and what to do. */
export class ListenError extends Data.TaggedError("ListenError")<{ readonly message: string }> {}

const routes = Layer.mergeAll(
  ScheduleHttp,
  RunsHttp,
  SessionsHttp,
  ApprovalsHttp,
  DeliveriesHttp,
  BudgetsHttp,
  AgentsHttp,
  FilesHttp,
  AuditHttp,
  KeysHttp,
  CompatHttp,
  LogsHttp,
  HealthHttp,
  MetaHttp
).pipe(Layer.provide(AuthorizedLive))

const middleware = HttpApiBuilder.middleware(
  Api,
  Effect.map(
    Access,
    (access) =>
      <E, R>(app: HttpApp.Default<E, R>) =>
        app.pipe(limitBody, guard(access), shapeErrors, withSecurityHeaders, logRequests, measured)
  )
)

/** The API on some HTTP server. */
export const HttpLive = HttpApiBuilder.serve().pipe(
  Layer.provide(middleware),
  Layer.provide(HttpApiBuilder.api(Api)),
  Layer.provide(routes),
  Layer.provide(Invariants.layer),
  Layer.provide(Closing.layer),
  Layer.provide(Access.Default),
  // Names of jobs stand in paths: up to 200 characters, each up to 12 when encoded.
  Layer.provide(HttpRouter.setRouterConfig({ maxParamLength: 4_096 })),
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
      Layer.provideMerge(NodeHttpServer.layer(() => server, { port, host })),
      Layer.mapError(({ cause }) => {
        const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : cause
        return new ListenError({ message: listenMessage(host, port, code) })
      })
    )
  })
)
