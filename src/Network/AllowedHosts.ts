import { domainToASCII } from "node:url"
import * as Either from "effect/Either"
import { type Address, bitsOf, formatIpv4, ipv4Within, isMapped, parseAddress } from "./Address.ts"
import { isPublicAddress } from "./PublicAddress.ts"

/** What may be connected to though it is not public. */
export interface AllowedHosts {
  /** Whether a host of that name may be at any address. */
  readonly permitsName: (name: string, port: number) => boolean
  /** Whether an address may be connected to, whatever the name. */
  readonly permitsAddress: (address: string, port: number) => boolean
}

interface NameEntry {
  readonly _tag: "Name"
  /** Lower case, without a trailing dot; of `*.suffix` only `.suffix`. */
  readonly name: string
  readonly port: number | undefined
}

interface NetworkEntry {
  readonly _tag: "Network"
  readonly network: Address
  readonly prefix: number
  readonly port: number | undefined
}

type Entry = NameEntry | NetworkEntry

/** A host name in the form in which names are compared. */
const plainName = (name: string): string => name.toLowerCase().replace(/\.$/, "")

const forms = "a host (hooks.internal), *.internal, an address, or a network (10.0.0.0/8), each perhaps with :PORT"

const prefixed = (address: Address, bits: number): bigint => address.value >> BigInt(bitsOf(address.family) - bits)

const parsePort = (text: string | undefined): Either.Either<number | undefined, string> => {
  if (text === undefined) return Either.right(undefined)
  const port = Number(text)
  return port >= 1 && port <= 65_535 ? Either.right(port) : Either.left(`port ${text} is not between 1 and 65535`)
}

const parseNetwork = (text: string, port: number | undefined): Either.Either<Entry, string> => {
  const [host = "", suffix, ...rest] = text.split("/")
  const network = parseAddress(host)
  if (network === undefined || rest.length > 0) return Either.left(`expected ${forms}`)
  if (isMapped(network))
    return Either.left(`write the IPv4 address itself: ${formatIpv4(network.value & 0xffff_ffffn)}`)
  const bits = bitsOf(network.family)
  if (suffix === undefined) return Either.right({ _tag: "Network", network, prefix: bits, port })
  const prefix = /^\d{1,3}$/.test(suffix) ? Number(suffix) : Number.NaN
  if (!(prefix <= bits)) return Either.left(`the part after / is a number of bits from 0 to ${bits}`)
  return prefixed(network, prefix) << BigInt(bits - prefix) === network.value
    ? Either.right({ _tag: "Network", network, prefix, port })
    : Either.left(`the address has bits set beyond the first ${prefix}; write the network's own address`)
}

const parseName = (text: string, port: number | undefined): Either.Either<Entry, string> => {
  const wildcard = text.startsWith("*.")
  const name = plainName(domainToASCII(wildcard ? text.slice(2) : text))
  if (parseAddress(name) !== undefined) return Either.left(`write the address itself: ${name}`)
  return /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name)
    ? Either.right({ _tag: "Name", name: wildcard ? `.${name}` : name, port })
    : Either.left(`expected ${forms}`)
}

const parseEntry = (text: string): Either.Either<Entry, string> => {
  const bracketed = /^\[([^\]]*)\](\/\d+)?(?::(\d+))?$/.exec(text)
  if (bracketed !== null) {
    const [, inside = "", suffix = "", port] = bracketed
    return Either.flatMap(parsePort(port), (number) => parseNetwork(`${inside}${suffix}`, number))
  }
  const colons = text.split(":").length - 1
  const [, host = text, port] = (colons === 1 ? /^(.*):(\d+)$/.exec(text) : null) ?? []
  const isNetwork = colons > 1 || host.includes("/") || parseAddress(host) !== undefined
  return Either.flatMap(parsePort(port), (number) => (isNetwork ? parseNetwork : parseName)(host, number))
}

const atPort = (entry: Entry, port: number): boolean => entry.port === undefined || entry.port === port

const within = (entry: NetworkEntry, address: Address): boolean =>
  entry.network.family === address.family && prefixed(entry.network, entry.prefix) === prefixed(address, entry.prefix)

const allowing = (entries: ReadonlyArray<Entry>): AllowedHosts => {
  const names = entries.filter((entry) => entry._tag === "Name")
  const networks = entries.filter((entry) => entry._tag === "Network")

  const permits = (address: Address, port: number): boolean => {
    const matching = networks.filter((entry) => atPort(entry, port) && within(entry, address))
    const inner = ipv4Within(address)
    if (matching.length === 0 || inner === undefined) return matching.length > 0
    // A network of IPv6 does not open the private IPv4 addresses that lie in it; only naming such an address does.
    return (
      matching.some((entry) => entry.prefix === 128) || isPublicAddress(formatIpv4(inner.value)) || permits(inner, port)
    )
  }

  return {
    permitsName: (name, port) => {
      const plain = plainName(name)
      return names.some(
        (entry) =>
          atPort(entry, port) && (entry.name.startsWith(".") ? plain.endsWith(entry.name) : plain === entry.name)
      )
    },
    permitsAddress: (text, port) => {
      const address = parseAddress(text)
      if (address === undefined) return false
      return permits(isMapped(address) ? (ipv4Within(address) ?? address) : address, port)
    }
  }
}

/** Nothing but public addresses. */
export const noAllowedHosts: AllowedHosts = allowing([])

/**
 * Reads the entries of `allow_hosts`: host names, `*.suffix`, addresses and networks, each optionally with `:PORT` (IPv6
 * in brackets then). Left names the entry that is wrong.
 */
export const parseAllowedHosts = (entries: ReadonlyArray<string>): Either.Either<AllowedHosts, string> =>
  Either.map(
    Either.all(
      entries.map((text) => Either.mapLeft(parseEntry(text), (problem) => `${JSON.stringify(text)}: ${problem}`))
    ),
    allowing
  )
