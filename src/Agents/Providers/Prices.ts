import type { Usage } from "../../Domain/Agent.ts"
import type { ModelPrices, Provider } from "../../Settings.ts"
import { best } from "./Names.ts"
import { sentName } from "./SentName.ts"
import type { TokenCounts } from "./Wire.ts"

/** The prices of a model, by its name as it is sent; undefined where none are configured. */
export const pricesOf = ({ kind, prices }: Provider, model: string): ModelPrices | undefined =>
  best(
    Object.entries(prices).map(([pattern, one]) => [sentName(kind, pattern), one]),
    model
  )

/** What tokens cost, in US dollars. */
export const costOf = (prices: ModelPrices, { cached = 0, input = 0, output = 0 }: TokenCounts): number => {
  const { cached_input = prices.input } = prices
  // Some servers count more as read from a cache than they count as read.
  const fromCache = Math.min(cached, input)
  return ((input - fromCache) * prices.input + fromCache * cached_input + output * prices.output) / 1_000_000
}

/** What a call cost, as far as the provider told; undefined where it told nothing. */
export const usageOf = (tokens: TokenCounts, prices: ModelPrices | undefined): Usage | undefined =>
  tokens.input === undefined && tokens.output === undefined
    ? undefined
    : {
        input_tokens: tokens.input ?? 0,
        output_tokens: tokens.output ?? 0,
        ...(prices === undefined ? {} : { cost_usd: costOf(prices, tokens) })
      }
