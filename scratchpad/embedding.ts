// A program that composes the scheduler itself: agents written in code, a policy and a router of its own, the store in
// memory, and a day that passes on Effect's TestClock. Run it after `npm run build` with
//   npx esbuild scratchpad/embedding.ts | node --input-type=module -
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Array from "effect/Array"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import {
  AgentFailure,
  AgentPin,
  AgentRuntime,
  DeliveryRouter,
  EffectAgents,
  engineLayer,
  JobDefinition,
  Jobs,
  PolicyGate,
  ServiceEnvironment,
  WakeGate
} from "symbiont-scheduler"
import { passTime, scriptedAgent, storeInMemory, testSettings } from "symbiont-scheduler/testing"

/** What would call a model or a service in earnest. */
const Agents = AgentRuntime.layer.pipe(
  Layer.provide(
    EffectAgents.layer({
      reporter: scriptedAgent({ takes: "2 minutes", answers: ({ summary }) => `news since ${summary ?? "the start"}` }),
      watchman: ({ iteration }) => Effect.succeed({ output: iteration === 1 ? "looking" : "all quiet\nsleep" }),
      deployer: () => new AgentFailure({ kind: "transient", message: "the registry does not answer" })
    })
  ),
  Layer.provide(ServiceEnvironment.layer({ variables: {}, directory: "." }))
)

/** Reporters work from six to six; others whenever they are asked to. */
const OfficeHours = Layer.succeed(
  PolicyGate,
  PolicyGate.of({
    evaluate: (job, { now }) =>
      Effect.sync(() => {
        const hour = new Date(now).getUTCHours()
        return job.agent_id !== "reporter" || (hour >= 6 && hour < 18)
          ? { _tag: "Allow" }
          : { _tag: "Deny", reason: "the office is closed" }
      })
  })
)

/** Every output, in place of printing and posting it. */
const delivered = Ref.unsafeMake<ReadonlyArray<string>>([])
const Router = Layer.succeed(
  DeliveryRouter,
  DeliveryRouter.of({ route: (_channel, job) => Ref.update(delivered, Array.append<string>(job.name)) })
)

const Scheduler = engineLayer.pipe(
  Layer.provide(Layer.mergeAll(Agents, OfficeHours, AgentPin.none, WakeGate.none, Router, storeInMemory)),
  Layer.provide(testSettings({ scheduler: { tick_interval_seconds: 60 } })),
  Layer.provide(NodeContext.layer)
)

const definitions = Schema.decodeUnknownSync(Schema.Array(JobDefinition))([
  { name: "hourly-report", agent_id: "reporter", cron_expr: "30 * * * *" },
  { name: "watch", agent_id: "watchman", every: "15m", heartbeat: { enabled: true } },
  { name: "deployment", agent_id: "deployer", at: "2026-03-01T14:30:00Z", retry: { attempts: 3, backoff: "10m" } }
])

const day = Effect.gen(function* () {
  const jobs = yield* Jobs
  yield* Effect.forEach(definitions, (definition) => jobs.create(definition, "embedding"))
  yield* passTime("24 hours", "5 minutes")

  for (const { name } of definitions) {
    const { items } = yield* jobs.history(name, { limit: 1_000 })
    const counts = Object.entries(Array.groupBy(items, ({ status }) => status)).map(
      ([status, runs]) => `${runs.length} ${status}`
    )
    const { status } = yield* jobs.get(name)
    const outputs = (yield* Ref.get(delivered)).filter((job) => job === name).length
    yield* Console.log(`${name}: ${counts.sort().join(", ")}; ${outputs} delivered; ${status}`)
  }
})

// The clock is set before the scheduler is there: it would look every minute from 1970 on.
await TestClock.setTime(Date.parse("2026-03-01T00:00:00Z")).pipe(
  Effect.zipRight(Effect.provide(day, Scheduler)),
  Effect.provide(TestContext.TestContext),
  Effect.runPromise
)
