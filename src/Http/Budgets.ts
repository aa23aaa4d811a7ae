import * as Effect from "effect/Effect"
import { AgentRuntime } from "../Agents.ts"
import { Budgets } from "../Budgets.ts"
import { handlersOf } from "./Routes.ts"

/** The routes about budgets. */
export const BudgetsHttp = Effect.gen(function* () {
  const agents = yield* AgentRuntime
  const budgets = yield* Budgets
  return handlersOf("budgets", { list: () => Effect.flatMap(agents.list, budgets.list) })
})
