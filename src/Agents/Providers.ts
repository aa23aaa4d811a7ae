import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import { Settings } from "../Settings.ts"
import type { Models } from "./Models.ts"
import { answerOf } from "./Providers/Call.ts"
import { choose } from "./Providers/Choice.ts"
import { makeHttpClient } from "./Providers/Http.ts"
import { costOf, pricesOf } from "./Providers/Prices.ts"

/** The models of the configured providers. Connections are kept between calls, and end with the scope. */
export const makeModels: Effect.Effect<Models, never, Settings | Scope.Scope> = Effect.gen(function* () {
  const settings = yield* Settings
  const http = yield* makeHttpClient
  return {
    find: (agent) =>
      Either.map(choose(agent, settings), (chosen) => {
        const { model, name, provider } = chosen
        const prices = pricesOf(provider, model)
        return {
          provider: name,
          model,
          costOf: ({ input_tokens, output_tokens }) =>
            prices === undefined ? undefined : costOf(prices, { input: input_tokens, output: output_tokens }),
          answer: answerOf(chosen, http)
        }
      })
  }
})
