import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import { Access } from "./Access.ts"
import { AgentPin } from "./AgentPin.ts"
import { AgentRuntime, endOrphans } from "./Agents.ts"
import { Apply } from "./Apply.ts"
import { AuditCheckpoints } from "./AuditLog.ts"
import { DeliveryRouter, StandardOutput } from "./Delivery.ts"
import { Ids } from "./Domain/Ids.ts"
import { engineLayer } from "./Engine.ts"
import { HttpLive, ServerLive } from "./Http.ts"
import { lockDataFolder } from "./JobStore/DataLock.ts"
import { Gathering, layerSqlite } from "./JobStore/Sqlite.ts"
import { JobStore } from "./JobStore.ts"
import { Logs } from "./Logs.ts"
import { announcement } from "./main/Announcement.ts"
import { configurationRecorded } from "./main/Configuration.ts"
import { makeDataFolder } from "./main/DataFolder.ts"
import { appliedAtStart, reloadOnHangUp } from "./main/Files.ts"
import { loggingOf } from "./main/Logging.ts"
import { endAtSecondSignal } from "./main/SecondSignal.ts"
import { telemetryOf } from "./main/Telemetry.ts"
import { MetricsEnabled } from "./Observability.ts"
import { PolicyGate } from "./PolicyGate.ts"
import { FailedRunLevel, LookAhead, WakeSignal } from "./Scheduler.ts"
import { environmentWithout, ServiceEnvironment } from "./ServiceEnvironment.ts"
import { findConfigFile, loadSettings, Settings } from "./Settings.ts"
import { WakeGate } from "./WakeGate.ts"

/** The service could not start; the message says why and what to do. */
export class StartupError extends Data.TaggedError("StartupError")<{
  readonly message: string
  /** Whether the configuration file that was asked for is not there. */
  readonly missing?: boolean
}> {}

/** What `symbi up` was asked for. */
export interface ServeOptions {
  /** Path of `symbiont.toml`; without it the one in the working folder is used, if there is one. */
  readonly config: Option.Option<string>
  readonly port: Option.Option<number>
  readonly host: Option.Option<string>
  readonly data: Option.Option<string>
}

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|::1)$/.test(host)

const unguarded = ({ server }: typeof Settings.Service) =>
  new StartupError({
    message: `refused to listen on ${server.host}: without an API key with the scope admin the service listens on loopback only; set SYMBI_API_KEYS, or make a key with \`symbi keys create NAME --scope admin\` while it listens on loopback, or use --host 127.0.0.1`
  })

// Built before anything runs: a service that may not listen starts nothing.
const addressAllowed = Layer.effectDiscard(
  Effect.gen(function* () {
    const access = yield* Access
    const settings = yield* Settings
    const managed = yield* access.hasAdmin
    if (!isLoopback(settings.server.host) && !managed) return yield* unguarded(settings)
    if (!managed && !access.isOpen()) {
      yield* Effect.logWarning(
        "no key with the scope admin is left: nobody can manage keys; give one in SYMBI_API_KEYS"
      )
    }
  })
)

const databaseOf = (settings: typeof Settings.Service, path: Path.Path) => path.join(settings.data_dir, "symbiont.db")

/** The edges of the service: its files, its database, its agents, its policy, its channels. */
const edges = (settings: typeof Settings.Service, path: Path.Path, environment: typeof ServiceEnvironment.Service) =>
  Layer.mergeAll(AgentRuntime.layer, PolicyGate.layer, WakeGate.layer, AgentPin.layer, DeliveryRouter.layer).pipe(
    Layer.provideMerge(Layer.provide(layerSqlite(databaseOf(settings, path)), Gathering.arrived)),
    Layer.provide(StandardOutput.layer),
    Layer.provideMerge(ServiceEnvironment.layer(environment)),
    Layer.provideMerge(Layer.succeed(Settings, settings)),
    Layer.provideMerge(Layer.succeed(MetricsEnabled, settings.scheduler.enable_metrics)),
    Layer.provideMerge(Layer.succeed(FailedRunLevel, LogLevel.Info))
  )

// A service that was killed leaves its agents' processes behind; their runs are about to be attempted anew.
const orphansEnded = Layer.effectDiscard(
  Effect.gen(function* () {
    const store = yield* JobStore
    const ended = yield* endOrphans((run_id) => Effect.isSuccess(store.findRun(run_id)))
    if (ended > 0) yield* Effect.logWarning(`ended ${ended} agent processes that outlived a killed service`)
  })
)

/** The configuration that `symbi up` with these options would run on, and where each value came from. */
export const configuration = (options: ServeOptions) =>
  Effect.gen(function* () {
    const configFile = yield* findConfigFile(options.config)
    const loaded = yield* loadSettings({
      configFile,
      env: process.env,
      overrides: {
        port: Option.getOrUndefined(options.port),
        host: Option.getOrUndefined(options.host),
        data_dir: Option.getOrUndefined(options.data)
      }
    })
    return { configFile, ...loaded }
  })

/** Runs the service until it is interrupted; then it stops claiming, lets runs in flight end, and closes. */
export const serve = (options: ServeOptions): Effect.Effect<void, StartupError> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    yield* endAtSecondSignal
    const { configFile, effective, keyVariables, settings, warnings } = yield* configuration(options)
    // Where no database is there are no keys in it; none is made only to find that out.
    const keyed = settings.server.api_keys.length > 0 || (yield* fs.exists(databaseOf(settings, path)))
    if (!isLoopback(settings.server.host) && !keyed) return yield* unguarded(settings)
    // What agents are told and what they say is nobody else's.
    yield* makeDataFolder(settings.data_dir)
    yield* lockDataFolder(settings.data_dir)
    const home = path.resolve(Option.match(configFile, { onNone: () => ".", onSome: path.dirname }))

    const service = announcement.pipe(
      Layer.merge(HttpLive),
      Layer.provideMerge(ServerLive),
      Layer.merge(reloadOnHangUp(home)),
      Layer.provideMerge(Layer.provide(engineLayer, LookAhead.layer)),
      Layer.provideMerge(appliedAtStart(home)),
      Layer.provideMerge(orphansEnded),
      Layer.provideMerge(configurationRecorded(effective)),
      Layer.provideMerge(addressAllowed),
      Layer.provideMerge(Access.Default),
      Layer.provideMerge(Apply.Default),
      Layer.provideMerge(Layer.mergeAll(WakeSignal.Default, Ids.Default)),
      Layer.provideMerge(AuditCheckpoints.layer),
      Layer.provideMerge(
        edges(settings, path, environmentWithout(keyVariables, { variables: process.env, directory: home }))
      )
    )
    const logging = loggingOf(settings, keyVariables, process)
    yield* Effect.forEach(warnings, (warning) => Effect.logWarning(warning), { discard: true }).pipe(
      Effect.zipRight(Effect.provide(Layer.launch(service), telemetryOf(settings))),
      Effect.provide(Logs.layer(logging)),
      // No spans where nobody takes them: they cost a fifth of a request.
      Effect.withTracerEnabled(logging.traced)
    )
  }).pipe(
    Effect.scoped,
    Effect.provide(NodeContext.layer),
    Effect.catchAll((error) => {
      if (error instanceof StartupError) return error
      return new StartupError({ message: error.message, missing: "missing" in error && error.missing === true })
    })
  )
