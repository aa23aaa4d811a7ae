import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { AgentPin } from "./AgentPin.ts"
import { type AgentHandler, AgentRuntime, type EffectAgentEntry, EffectAgents, type Invocation } from "./Agents.ts"
import { DeliveryRouter } from "./Delivery.ts"
import { AgentFailure } from "./Domain/Agent.ts"
import type { DeliveryChannel } from "./Domain/Delivery.ts"
import { engineLayer } from "./Engine.ts"
import { layerSqlite, type Stores } from "./JobStore/Sqlite.ts"
import { PolicyGate } from "./PolicyGate.ts"
import { ServiceEnvironment } from "./ServiceEnvironment.ts"
import { Settings, SettingsSchema } from "./Settings.ts"
import { WakeGate } from "./WakeGate.ts"

/** One output that was routed while a test ran. */
export interface Routed {
  readonly channel: DeliveryChannel
  readonly job_name: string
  readonly run_id: string
  readonly output: string
  /** UTC ms. */
  readonly at: number
}

/** What a test sees of the edges: which outputs were routed where. */
export class Deliveries extends Context.Tag("symbiont/testing/Deliveries")<
  Deliveries,
  { readonly all: Effect.Effect<ReadonlyArray<Routed>> }
>() {}

/** A router that keeps what it is given, for {@link Deliveries}. */
export const recordingRouter: Layer.Layer<DeliveryRouter | Deliveries> = Layer.effectContext(
  Effect.gen(function* () {
    const routed = yield* Ref.make<ReadonlyArray<Routed>>([])
    const router = DeliveryRouter.of({
      route: (channel, job, run, output) =>
        Effect.flatMap(Clock.currentTimeMillis, (at) =>
          Ref.update(routed, (before) => [...before, { channel, job_name: job.name, run_id: run.id, output, at }])
        )
    })
    return Context.make(DeliveryRouter, router).pipe(Context.add(Deliveries, { all: Ref.get(routed) }))
  })
)

/** The store in memory: the same SQL, no file. */
export const storeInMemory = layerSqlite(":memory:")

/** The store in a file, for tests that stop the engine and start it again on what it left. */
export const storeInFile = (filename: string) => layerSqlite(filename).pipe(Layer.orDie)

/** What a fake agent does when it is called: answers, takes its time, fails, in that order of keys. */
export interface Script {
  readonly takes?: Duration.DurationInput | undefined
  readonly fails?: AgentFailure | undefined
  readonly answers?: string | ((invocation: Invocation) => string) | undefined
}

/** An agent that follows a script: the n-th call takes the n-th entry, and the last entry for ever after. */
export const scriptedAgent = (...script: ReadonlyArray<Script>): AgentHandler => {
  let call = 0
  return (invocation) =>
    Effect.gen(function* () {
      const step = script[Math.min(call, script.length - 1)] ?? {}
      call++
      if (step.takes !== undefined) yield* Effect.sleep(step.takes)
      if (step.fails !== undefined) return yield* step.fails
      const { answers = "ok" } = step
      return { output: typeof answers === "string" ? answers : answers(invocation) }
    })
}

/** A failure for scripts. */
export const failure = (kind: AgentFailure["kind"], message: string) => new AgentFailure({ kind, message })

/** Settings as in `symbiont.toml`: `{ scheduler: { max_concurrent_jobs: 2 } }`. */
export type TestSettings = Partial<typeof SettingsSchema.Encoded>

/**
 * Settings for tests: the defaults but for what is given, `data_dir` in a temporary folder that goes with the scope.
 * Runs in flight when the scope closes are interrupted at once, as nobody moves a test clock on for them.
 */
export const testSettings = (settings: TestSettings = {}) =>
  Layer.scoped(
    Settings,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const data_dir = yield* fs.makeTempDirectoryScoped({ prefix: "symbi-test-" })
      const { agentpin, providers, scheduler, server } = settings
      const decoded = yield* Schema.decodeUnknown(SettingsSchema)({
        scheduler: { shutdown_timeout_seconds: 0, ...scheduler },
        server: { ...server },
        agentpin: { ...agentpin },
        providers: { ...providers }
      })
      return { ...decoded, data_dir }
    }).pipe(Effect.orDie)
  )

/**
 * The whole engine in one process for tests: store in memory, agents written in code, deliveries recorded, time by the
 * caller's clock (`TestClock` under `it.effect`). `store`, `policy`, `wakeGate`, `agentPin` and `router` take the place of its own.
 */
export const testRuntime = (
  options: {
    readonly agents?: Readonly<Record<string, AgentHandler | EffectAgentEntry>> | undefined
    readonly settings?: TestSettings | undefined
    readonly store?: Layer.Layer<Stores> | undefined
    readonly policy?: Layer.Layer<PolicyGate> | undefined
    readonly wakeGate?: Layer.Layer<WakeGate> | undefined
    readonly agentPin?: Layer.Layer<AgentPin> | undefined
    readonly router?: Layer.Layer<DeliveryRouter> | undefined
  } = {}
) => {
  const environment = ServiceEnvironment.layer({ variables: {}, directory: "." })
  return engineLayer.pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        AgentRuntime.layer.pipe(Layer.provide(EffectAgents.layer(options.agents ?? {})), Layer.provide(environment)),
        options.policy ?? PolicyGate.layer,
        options.wakeGate ?? WakeGate.layer.pipe(Layer.provide(environment)),
        options.agentPin ?? AgentPin.layer.pipe(Layer.provide(environment), Layer.orDie),
        recordingRouter.pipe(Layer.merge(options.router ?? Layer.context<never>()))
      )
    ),
    Layer.provideMerge(options.store ?? storeInMemory.pipe(Layer.orDie)),
    Layer.provideMerge(testSettings(options.settings)),
    Layer.provideMerge(NodeContext.layer)
  )
}

/** Moves the test clock by steps, so that what each step starts can end before the next. */
export const passTime = (total: Duration.DurationInput, step: Duration.DurationInput = "1 minute") => {
  const stepMillis = Duration.toMillis(step)
  const steps = Math.ceil(Duration.toMillis(total) / stepMillis)
  return Effect.repeatN(TestClock.adjust(stepMillis), Math.max(0, steps - 1))
}
