import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { AgentPin } from "../../src/AgentPin.ts"
import { type AgentHandler, AgentRuntime, EffectAgents } from "../../src/Agents.ts"
import { AgentFailure } from "../../src/Domain/Agent.ts"
import { formatInstant } from "../../src/Domain/Instant.ts"
import { JobDefinition } from "../../src/Domain/Job.ts"
import { engineLayer } from "../../src/Engine.ts"
import { failpointNames } from "../../src/Failpoints.ts"
import { layerDataLock } from "../../src/JobStore/DataLock.ts"
import { layerSqlite } from "../../src/JobStore/Sqlite.ts"
import { JobStore } from "../../src/JobStore.ts"
import { Jobs } from "../../src/Jobs.ts"
import { PolicyGate } from "../../src/PolicyGate.ts"
import { dyingAt } from "../../src/Selftest/DyingAt.ts"
import { ServiceEnvironment } from "../../src/ServiceEnvironment.ts"
import { recordingRouter, testSettings } from "../../src/testing.ts"
import { WakeGate } from "../../src/WakeGate.ts"

/**
 * A service with jobs every second in a data folder. Given a failpoint and a number it dies there, at that hit, as by
 * `kill -9`; given none it goes on with what it finds, then pauses its jobs, lets all end, and exits.
 */
const [folder = ".", failpoint = "none", hits = "1"] = process.argv.slice(2)

const died = failpointNames.find((name) => name === failpoint)
const dying = died === undefined ? Layer.empty : dyingAt(died, Number(hits))

const answers: AgentHandler = () => Effect.succeed({ output: "ok" })
const takesTime: AgentHandler = () => Effect.as(Effect.sleep("300 millis"), { output: "ok" })
const failsFirst: AgentHandler = ({ run }) =>
  run?.attempt === 1
    ? new AgentFailure({ kind: "transient", message: "not yet" })
    : Effect.succeed({ output: `attempt ${run?.attempt}` })

const engine = engineLayer.pipe(
  Layer.provideMerge(
    Layer.mergeAll(
      AgentRuntime.layer.pipe(
        Layer.provide(EffectAgents.layer({ answers, takesTime, failsFirst })),
        Layer.provide(ServiceEnvironment.layer({ variables: {}, directory: "." }))
      ),
      PolicyGate.layer,
      WakeGate.none,
      AgentPin.none,
      recordingRouter,
      layerSqlite(`${folder}/symbiont.db`)
    )
  ),
  Layer.provideMerge(dying),
  Layer.provideMerge(testSettings()),
  Layer.provide(layerDataLock(folder)),
  Layer.provide(NodeContext.layer)
)

const names = ["quick", "slow", "flaky", "once"]

const createJobs = Effect.gen(function* () {
  const jobs = yield* Jobs
  const define = Schema.decodeUnknown(JobDefinition)
  const soon = formatInstant((yield* Clock.currentTimeMillis) + 1_500)
  const definitions = [
    { name: "quick", agent_id: "answers", every: "1s", delivery: ["custom:probe", "stdout"] },
    { name: "slow", agent_id: "takesTime", every: "1s", delivery: ["stdout"] },
    {
      name: "flaky",
      agent_id: "failsFirst",
      every: "1s",
      retry: { attempts: 3, backoff: "100ms" },
      delivery: ["stdout"]
    },
    { name: "once", agent_id: "takesTime", at: soon, delivery: ["stdout"] }
  ]
  for (const definition of definitions) yield* jobs.create(yield* define(definition), "test")
})

const settled = Effect.gen(function* () {
  const store = yield* JobStore
  for (const name of names) {
    const { items } = yield* store.listRuns(name, { limit: 1_000 })
    if (items.some((run) => run.finished_at === null)) return false
  }
  return (yield* store.deliveryCounts).pending === 0
})

const goOnAndEnd = Effect.gen(function* () {
  const jobs = yield* Jobs
  yield* Effect.sleep("1500 millis")
  for (const name of names) yield* Effect.ignore(jobs.pause(name, "test"))
  yield* Effect.repeat(Effect.delay(settled, "20 millis"), { until: (done) => done })
})

const program = Effect.gen(function* () {
  yield* Console.log("started")
  const { items } = yield* (yield* JobStore).listJobs({ limit: 1 })
  if (items.length === 0) yield* createJobs
  yield* failpoint === "none" ? goOnAndEnd : Effect.never
})

NodeRuntime.runMain(program.pipe(Effect.provide(engine), Effect.provide(Logger.remove(Logger.defaultLogger))))
