import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AgentPin } from "../src/AgentPin.ts"
import { AgentRuntime, EffectAgents } from "../src/Agents.ts"
import { engineLayer } from "../src/Engine.ts"
import { PolicyGate } from "../src/PolicyGate.ts"
import { LookAhead } from "../src/Scheduler.ts"
import { ServiceEnvironment } from "../src/ServiceEnvironment.ts"
import { recordingRouter, type TestSettings, testSettings } from "../src/testing.ts"
import { WakeGate } from "../src/WakeGate.ts"

/** The engine on the caller's store, with an agent `noop` that answers at once; `called` gets the slot it is called for. */
export const engineOnStore = (settings: TestSettings, called: (scheduled_for: number | undefined) => void = () => {}) =>
  engineLayer.pipe(
    Layer.provide(
      Layer.mergeAll(
        AgentRuntime.layer.pipe(
          Layer.provide(
            EffectAgents.layer({
              noop: ({ run }) =>
                Effect.sync(() => {
                  called(run?.scheduled_for)
                  return { output: "" }
                })
            })
          ),
          Layer.provide(ServiceEnvironment.layer({ variables: {}, directory: "." }))
        ),
        PolicyGate.layer,
        WakeGate.none,
        AgentPin.none,
        recordingRouter
      )
    ),
    Layer.provide(LookAhead.layer),
    Layer.provide(testSettings(settings)),
    Layer.provide(NodeContext.layer)
  )
