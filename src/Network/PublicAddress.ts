import { BlockList, isIP, type LookupFunction } from "node:net"
import { makeResolve, type Resolve } from "./Resolve.ts"

// IANA special-purpose registries: what is not globally reachable, or stands for another address.
const special4: ReadonlyArray<readonly [network: string, prefix: number]> = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4]
]
const special6: ReadonlyArray<readonly [network: string, prefix: number]> = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20]
]

const blocked = new BlockList()
for (const [network, prefix] of special4) blocked.addSubnet(network, prefix, "ipv4")
for (const [network, prefix] of special6) blocked.addSubnet(network, prefix, "ipv6")

// All other IPv6 space is loopback, link-local, unique local, multicast, mapped IPv4, NAT64 or not assigned.
const global6 = new BlockList()
global6.addSubnet("2000::", 3, "ipv6")

/** Whether an IP address is one of the open Internet: not private, loopback, link-local, metadata, shared, mapped. */
export const isPublicAddress = (address: string): boolean => {
  switch (isIP(address)) {
    case 4:
      return !blocked.check(address, "ipv4")
    case 6:
      return !address.includes("%") && global6.check(address, "ipv6") && !blocked.check(address, "ipv6")
    default:
      return false
  }
}

/** How a name is resolved, and which addresses may be connected to. */
export interface AddressRules {
  readonly resolve: Resolve
  readonly permits: (address: string) => boolean
}

/** The machine's name servers and hosts file; only public addresses. */
export const publicOnly: AddressRules = { resolve: makeResolve(), permits: isPublicAddress }

/**
 * A resolver that asks once for all who want the same name at the same time. Answers are not kept.
 */
export const sharedResolve = (resolve: AddressRules["resolve"]): AddressRules["resolve"] => {
  const underWay = new Map<string, ReturnType<typeof resolve>>()
  return (host) => {
    const shared = underWay.get(host)
    if (shared !== undefined) return shared
    const asked = resolve(host).finally(() => underWay.delete(host))
    underWay.set(host, asked)
    return asked
  }
}

/** An address may not be connected to. */
export class AddressRefused extends Error {
  override readonly name = "AddressRefused"
}

/**
 * A `lookup` for sockets that gives only permitted addresses, and none where one of a name's is not permitted: what was
 * checked is what is connected to, so a second answer of the name server changes nothing. An address in the place of
 * the host is never looked up: refuse it before.
 */
export const guardedLookup =
  ({ permits, resolve }: AddressRules): LookupFunction =>
  (host, options, callback) => {
    const refuse = (error: Error) => callback(error, "", 0)
    const give = (addresses: Awaited<ReturnType<AddressRules["resolve"]>>) => {
      const [first] = addresses
      const refused = addresses.find(({ address }) => !permits(address))
      if (first === undefined) return refuse(new Error(`${host} has no address`))
      if (refused !== undefined)
        return refuse(new AddressRefused(`${host} is at ${refused.address}, which is no public address`))
      return options.all === true ? callback(null, [...addresses]) : callback(null, first.address, first.family)
    }
    resolve(host).then(give, (error: unknown) => refuse(error instanceof Error ? error : new Error(String(error))))
  }
