import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AgentRuntime } from "../Agents.ts"
import { Api, toHttp, Unavailable } from "../Api.ts"
import { AuditLog } from "../AuditLog.ts"
import { Budgets } from "../Budgets.ts"
import type { AgentId } from "../Domain/Agent.ts"
import { agentShown } from "../Domain/Redaction.ts"
import { runByHand } from "../RunByHand.ts"
import { Settings } from "../Settings.ts"
import { actor } from "./Actor.ts"
import { Closing } from "./Closing.ts"

/** The routes about agents. */
export const AgentsHttp = HttpApiBuilder.group(Api, "agents", (handlers) =>
  Effect.gen(function* () {
    const agents = yield* AgentRuntime
    const { scheduler } = yield* Settings
    const closing = yield* Closing
    const budgets = yield* Budgets
    const log = yield* AuditLog

    // There is no run that would tell of it; what cannot be recorded is not done.
    const recorded = Effect.fnUntraced(function* (agent_id: AgentId) {
      const now = yield* Clock.currentTimeMillis
      yield* log.append([{ type: "AgentInvoked", actor: yield* actor, after: { agent_id } }], now)
    })

    const stopping = Effect.zipRight(
      closing,
      new Unavailable({ code: "SHUTTING_DOWN", message: "the service is shutting down", details: [] })
    )

    return handlers
      .handle("list", () => Effect.map(agents.list, (all) => all.map(agentShown)))
      .handle("get", ({ path }) => agents.find(path.agent_id).pipe(Effect.map(agentShown), Effect.mapError(toHttp)))
      .handle("run", ({ path, payload }) =>
        agents.find(path.agent_id).pipe(
          Effect.tap((agent) => recorded(agent.id)),
          Effect.flatMap((agent) =>
            Effect.scoped(
              Effect.flatMap(budgets.byHand(agent), (budget) =>
                runByHand(agent, {
                  input: payload.input ?? "",
                  maxRuntime: scheduler.default_max_runtime,
                  log: () => Effect.void,
                  budget
                })
              )
            )
          ),
          Effect.mapError(toHttp),
          Effect.raceFirst(stopping)
        )
      )
  })
).pipe(Layer.provide(Budgets.Default))
