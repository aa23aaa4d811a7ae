import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Effect from "effect/Effect"
import { AgentRuntime } from "../Agents.ts"
import { Api, toHttp, Unavailable } from "../Api.ts"
import { runByHand } from "../RunByHand.ts"
import { Settings } from "../Settings.ts"
import { Closing } from "./Closing.ts"

/** The routes about agents. */
export const AgentsHttp = HttpApiBuilder.group(Api, "agents", (handlers) =>
  Effect.gen(function* () {
    const agents = yield* AgentRuntime
    const { scheduler } = yield* Settings
    const closing = yield* Closing

    const stopping = Effect.zipRight(
      closing,
      new Unavailable({ code: "SHUTTING_DOWN", message: "the service is shutting down", details: [] })
    )

    return handlers
      .handle("list", () => agents.list)
      .handle("get", ({ path }) => Effect.mapError(agents.find(path.agent_id), toHttp))
      .handle("run", ({ path, payload }) =>
        agents.find(path.agent_id).pipe(
          Effect.flatMap((agent) =>
            runByHand(agent, {
              input: payload.input ?? "",
              maxRuntime: scheduler.default_max_runtime,
              log: () => Effect.void
            })
          ),
          Effect.mapError(toHttp),
          Effect.raceFirst(stopping)
        )
      )
  })
)
