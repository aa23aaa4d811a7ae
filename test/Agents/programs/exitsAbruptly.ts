import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AgentRuntime } from "../../../src/Agents.ts"
import { ServiceEnvironment } from "../../../src/ServiceEnvironment.ts"
import { testSettings } from "../../../src/testing.ts"
import { invocation, shellAgent } from "../fixtures.ts"

// A service that starts an agent, prints the agent's pid and exits without closing anything.
const environment = { variables: { PATH: process.env["PATH"] }, directory: process.cwd() }

const say = (text: string) => Effect.sync(() => process.stdout.write(text, () => process.exit(3)))

Effect.runFork(
  Effect.flatMap(AgentRuntime, (agents) =>
    agents.invoke(
      shellAgent("echo $$ >&2; sleep 1000"),
      invocation({}, (text) => Effect.asVoid(say(text)))
    )
  ).pipe(
    Effect.scoped,
    Effect.provide(
      AgentRuntime.layer.pipe(
        Layer.provide(ServiceEnvironment.layer(environment)),
        Layer.provide(testSettings()),
        Layer.provide(NodeContext.layer)
      )
    )
  )
)
