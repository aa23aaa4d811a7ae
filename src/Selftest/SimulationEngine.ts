import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import type * as SqlClient from "@effect/sql/SqlClient"
import * as Arr from "effect/Array"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { AgentPin } from "../AgentPin.ts"
import { type AgentHandler, AgentRuntime } from "../Agents.ts"
import { DeliveryRouter } from "../Delivery.ts"
import { AgentId, AgentNotFound, type EffectAgent } from "../Domain/Agent.ts"
import { type EngineServices, engineLayer } from "../Engine.ts"
import { type FailpointName, Failpoints } from "../Failpoints.ts"
import { type Database, layerDatabase } from "../JobStore/Database.ts"
import { layerOnClient, type Stores } from "../JobStore/Sqlite.ts"
import { PolicyGate } from "../PolicyGate.ts"
import { Settings, SettingsSchema } from "../Settings.ts"
import { WakeGate } from "../WakeGate.ts"
import { forever, type Machine, makeMachine, type SimulatedTime } from "./SimulationMachine.ts"

/** What a simulated service is made of. */
export interface EngineOptions {
  readonly filename: string
  readonly time: SimulatedTime
  readonly seed: string
  readonly maxConcurrentJobs: number
  readonly agents: Readonly<Record<string, AgentHandler>>
  readonly delivered: (run_id: string) => void
  /** Whether the machine dies here. */
  readonly dies: (failpoint: FailpointName) => boolean
  /** Told what is logged as an error. */
  readonly logged: (message: string) => void
}

type Services = EngineServices | Stores

/** A service on a machine of its own. */
export interface SimulatedEngine {
  readonly machine: Machine
  readonly client: Context.Context<Database | SqlClient.SqlClient>
  /** What an effect gives; none when the machine dies over it. */
  readonly call: <A, E>(effect: Effect.Effect<A, E, Services>) => Effect.Effect<Option.Option<A>, E>
  /** Ends it as SIGTERM does. */
  readonly stop: Effect.Effect<void>
  /** Takes the power away: the database is as it was last committed. */
  readonly cut: Effect.Effect<void>
}

// The tick only bounds how late a clock jump is noticed, and the simulation says when it is.
const simulationTick = 6 * 3_600

const settingsLayer = (maxConcurrentJobs: number) =>
  Layer.effect(
    Settings,
    Effect.gen(function* () {
      const decoded = yield* Schema.decodeUnknown(SettingsSchema)({
        scheduler: {
          shutdown_timeout_seconds: 0,
          max_concurrent_jobs: maxConcurrentJobs,
          retention: { runs: "36500d", sessions: "36500d" }
        },
        server: {},
        agentpin: {},
        providers: {}
      })
      const scheduler = { ...decoded.scheduler, tick_interval_seconds: simulationTick }
      return { ...decoded, scheduler, data_dir: "/simulated" }
    }).pipe(Effect.orDie)
  )

// Nothing that a simulated job does needs a file, and a real disk would keep a time of its own.
const noFiles = FileSystem.layerNoop({ remove: () => Effect.void, makeDirectory: () => Effect.void })

// The service's own holds listeners of the process, which a machine without power would never give back.
const agentsLayer = (handlers: EngineOptions["agents"]) => {
  const definitions = Object.keys(handlers).map(
    (name): EffectAgent => ({ id: AgentId.make(name), kind: "effect", capabilities: [] })
  )
  return Layer.succeed(AgentRuntime, {
    find: (id) =>
      Arr.findFirst(definitions, (agent) => agent.id === id).pipe(
        Effect.orElseFail(() => new AgentNotFound({ agent_id: id, known: Object.keys(handlers) }))
      ),
    list: Effect.succeed(definitions),
    load: () => Effect.void,
    estimate: () => null,
    invoke: (agent, invocation) => handlers[agent.id]?.(invocation) ?? Effect.dieMessage(`no agent ${agent.id}`)
  })
}

const failpointsOf = (options: EngineOptions, machine: Machine): typeof Failpoints.Service => ({
  opened: () => Effect.void,
  hit: (name) =>
    Effect.suspend(() => {
      if (!options.dies(name)) return Effect.void
      machine.halt()
      return forever
    })
})

const engineOn = (options: EngineOptions, client: Context.Context<Database | SqlClient.SqlClient>) => {
  const router = Layer.succeed(DeliveryRouter, {
    route: (_channel, _job, run) => Effect.sync(() => options.delivered(run.id))
  })
  const errors = Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ logLevel, message }) => {
      if (LogLevel.greaterThanEqual(logLevel, LogLevel.Error)) options.logged(String(message))
    })
  )
  return engineLayer.pipe(
    Layer.provideMerge(
      Layer.mergeAll(agentsLayer(options.agents), PolicyGate.layer, WakeGate.none, AgentPin.none, router)
    ),
    Layer.provideMerge(layerOnClient(options.filename).pipe(Layer.orDie, Layer.provide(Layer.succeedContext(client)))),
    Layer.provideMerge(settingsLayer(options.maxConcurrentJobs)),
    Layer.provide(Layer.merge(noFiles, Path.layer)),
    Layer.provide(errors)
  )
}

/** Starts a service on a database; none when its machine dies before it is up. */
export const startEngine = Effect.fnUntraced(function* (options: EngineOptions) {
  const machine = makeMachine(options.time)
  const held = yield* Scope.make()
  const scope = yield* Scope.make()
  const client = yield* Layer.buildWithScope(layerDatabase(options.filename), held)
  const failpoints = failpointsOf(options, machine)
  const random = Random.make(`${options.seed}/${options.time.monotonic}`)
  const run = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.gen(function* () {
      const fiber = machine.fork(effect.pipe(Effect.withRandom(random), Effect.provideService(Failpoints, failpoints)))
      yield* machine.settle
      const exit = fiber.unsafePoll()
      if (exit !== null) return Option.some(yield* exit)
      if (machine.isHalted()) return Option.none<A>()
      return yield* Effect.dieMessage("a call of the simulated service gave no answer")
    })
  const cut = Effect.suspend(() => {
    machine.halt()
    return Scope.close(held, Exit.void)
  })
  const built = yield* run(Layer.buildWithScope(engineOn(options, client), scope))
  return {
    machine,
    client,
    cut,
    call: <A, E>(effect: Effect.Effect<A, E, Services>) =>
      Option.match(built, {
        onNone: () => Effect.succeed(Option.none<A>()),
        onSome: (services) => run(Effect.provide(effect, services))
      }),
    stop: Effect.gen(function* () {
      const fiber = machine.fork(Scope.close(scope, Exit.void))
      yield* machine.settle
      // What waits for the outbox or an agent has its grace.
      for (let second = 0; second < 60 && fiber.unsafePoll() === null && !machine.isHalted(); second++) {
        yield* machine.advance(options.time.monotonic + 1_000)
      }
      yield* cut
    })
  } satisfies SimulatedEngine
})
