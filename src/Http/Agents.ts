import type * as FileSystem from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { AgentRuntime } from "../Agents.ts"
import { toHttp, Unavailable } from "../Api.ts"
import { AuditLog } from "../AuditLog.ts"
import { Budgets } from "../Budgets.ts"
import type { AgentId } from "../Domain/Agent.ts"
import type { Actor } from "../Domain/Audit.ts"
import { agentShown } from "../Domain/Redaction.ts"
import { runByHand } from "../RunByHand.ts"
import { Settings } from "../Settings.ts"
import { Closing } from "./Closing.ts"
import { handlersOf } from "./Routes.ts"

/** The routes about agents. */
export const AgentsHttp = Effect.gen(function* () {
  const agents = yield* AgentRuntime
  const { scheduler } = yield* Settings
  const closing = yield* Closing
  const budgets = yield* Budgets
  const log = yield* AuditLog
  const needed = yield* Effect.context<AgentRuntime | FileSystem.FileSystem>()

  // There is no run that would tell of it; what cannot be recorded is not done.
  const recorded = Effect.fnUntraced(function* (agent_id: AgentId, actor: Actor) {
    const now = yield* Clock.currentTimeMillis
    yield* log.append([{ type: "AgentInvoked", actor, after: { agent_id } }], now)
  })

  const stopping = Effect.zipRight(
    closing,
    new Unavailable({ code: "SHUTTING_DOWN", message: "the service is shutting down", details: [] })
  )

  return handlersOf("agents", {
    list: () => Effect.map(agents.list, (all) => all.map(agentShown)),
    get: ({ path }) => agents.find(path.agent_id).pipe(Effect.map(agentShown), Effect.mapError(toHttp)),
    run: ({ path, payload, principal }) =>
      agents.find(path.agent_id).pipe(
        Effect.tap((agent) => recorded(agent.id, principal.actor)),
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
        Effect.raceFirst(stopping),
        Effect.provide(needed)
      )
  })
})
