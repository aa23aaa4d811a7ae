import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { parseAllowedHosts } from "../Network/AllowedHosts.ts"
import { type ClientRules, makeGuardedClient } from "../Network/GuardedRequest.ts"
import { publicOnly } from "../Network/PublicAddress.ts"
import { Settings } from "../Settings.ts"

/** How channels reach the network: the open Internet by the system's resolver, unless a layer says otherwise. */
export class DeliveryNetwork extends Context.Reference<DeliveryNetwork>()("symbiont/DeliveryNetwork", {
  defaultValue: (): ClientRules => publicOnly
}) {}

/** The client that the channels share; `allow_hosts` of the settings opens what is not public. */
export const makeDeliveryClient = Effect.gen(function* () {
  const { scheduler } = yield* Settings
  const allowed = yield* Effect.orDieWith(
    parseAllowedHosts(scheduler.delivery.allow_hosts),
    (problem) => new Error(`allow_hosts: ${problem}`)
  )
  return yield* makeGuardedClient(yield* DeliveryNetwork, allowed)
})
