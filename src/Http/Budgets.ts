import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AgentRuntime } from "../Agents.ts"
import { Api } from "../Api.ts"
import { Budgets } from "../Budgets.ts"

/** The routes about budgets. */
export const BudgetsHttp = HttpApiBuilder.group(Api, "budgets", (handlers) =>
  Effect.gen(function* () {
    const agents = yield* AgentRuntime
    const budgets = yield* Budgets
    return handlers.handle("list", () => Effect.flatMap(agents.list, budgets.list))
  })
).pipe(Layer.provide(Budgets.Default))
