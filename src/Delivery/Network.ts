import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { formatIpv4, ipv4Within, isMapped, parseAddress } from "../Network/Address.ts"
import { parseAllowedHosts } from "../Network/AllowedHosts.ts"
import { type ClientRules, makeGuardedClient } from "../Network/GuardedRequest.ts"
import { publicOnly } from "../Network/PublicAddress.ts"
import { Settings } from "../Settings.ts"

/** How channels reach the network: the open Internet by the system's resolver, unless a layer says otherwise. */
export class DeliveryNetwork extends Context.Reference<DeliveryNetwork>()("symbiont/DeliveryNetwork", {
  defaultValue: (): ClientRules => publicOnly
}) {}

/** The entry of `allow_hosts` that opens what a URL names: its host and port, an IPv4 address always in dots. */
export const allowEntryOf = ({ host, hostname, port }: URL): string => {
  const address = parseAddress(hostname.replace(/^\[(.*)\]$/, "$1"))
  const inner = address !== undefined && isMapped(address) ? ipv4Within(address) : undefined
  return inner === undefined ? host : `${formatIpv4(inner.value)}${port === "" ? "" : `:${port}`}`
}

/** The client that the channels share; `allow_hosts` of the settings opens what is not public. */
export const makeDeliveryClient = Effect.gen(function* () {
  const { scheduler } = yield* Settings
  const allowed = yield* Effect.orDieWith(
    parseAllowedHosts(scheduler.delivery.allow_hosts),
    (problem) => new Error(`allow_hosts: ${problem}`)
  )
  return yield* makeGuardedClient(yield* DeliveryNetwork, allowed)
})
