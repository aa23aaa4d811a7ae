import { isIP } from "node:net"

/** An IP address as a number. */
export interface Address {
  readonly family: 4 | 6
  readonly value: bigint
}

const shortBits = 32n

const fromGroups = (groups: ReadonlyArray<string>, bits: bigint, base: string): bigint =>
  groups.reduce((value, group) => (value << bits) | BigInt(`${base}${group}`), 0n)

// The URL parser spells every IPv6 address in one way, and without a dotted end.
const valueOf6 = (text: string): bigint => {
  const [head = "", tail] = new URL(`http://[${text}]`).hostname.slice(1, -1).split("::")
  const groupsOf = (part: string) => part.split(":").filter((group) => group !== "")
  const before = groupsOf(head)
  const after = tail === undefined ? [] : groupsOf(tail)
  const zeros = new Array<string>(8 - before.length - after.length).fill("0")
  return fromGroups([...before, ...zeros, ...after], 16n, "0x")
}

/** Reads an IP address, dotted or with colons, without brackets; none with a zone. */
export const parseAddress = (text: string): Address | undefined => {
  switch (isIP(text)) {
    case 4:
      return { family: 4, value: fromGroups(text.split("."), 8n, "") }
    case 6:
      return text.includes("%") ? undefined : { family: 6, value: valueOf6(text) }
    default:
      return undefined
  }
}

/** How many bits an address of a family has. */
export const bitsOf = (family: 4 | 6): number => (family === 4 ? 32 : 128)

/** Dotted text of an IPv4 address. */
export const formatIpv4 = (value: bigint): string =>
  [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join(".")

const low = (1n << shortBits) - 1n

/** Whether an IPv6 address is only another spelling of an IPv4 one (`::ffff:10.0.0.1`). */
export const isMapped = ({ family, value }: Address): boolean => family === 6 && value >> shortBits === 0xffffn

const begins = (value: bigint, prefix: bigint, bits: bigint): boolean => value >> (128n - bits) === prefix

/** The IPv4 address that an IPv6 one stands for or leads to: mapped, compatible, translated (NAT64), 6to4 or Teredo. */
export const ipv4Within = ({ family, value }: Address): Address | undefined => {
  const inside = (inner: bigint): Address => ({ family: 4, value: inner & low })
  if (family === 4) return undefined
  const upper = value >> shortBits
  // `::` and `::1` lie among the compatible ones, and are addresses of their own.
  if (upper === 0n) return value > 1n ? inside(value) : undefined
  if (upper === 0xffffn || upper === 0xffff_0000n) return inside(value)
  if (begins(value, 0x64_ff9bn << 64n, 96n) || begins(value, 0x64_ff9b_0001n, 48n)) return inside(value)
  if (begins(value, 0x2002n, 16n)) return inside(value >> 80n)
  if (begins(value, 0x2001_0000n, 32n)) return inside(value ^ low)
  return undefined
}
