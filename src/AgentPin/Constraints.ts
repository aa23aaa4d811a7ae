import { BlockList, isIP } from "node:net"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { Constraints } from "../Domain/AgentPin.ts"
import { type Checked, passed, refuse } from "./Refusal.ts"

const decode = Schema.decodeUnknownEither(Constraints)

const levels = ["public", "internal", "confidential", "restricted"]
const perHour: Readonly<Record<string, number>> = { second: 3_600, minute: 60, hour: 1 }

const hourly = (rate: string): number => {
  const [count, period = ""] = rate.split("/")
  return Number(count) * (perHour[period] ?? Number.POSITIVE_INFINITY)
}

/** Whether a pattern (`host`, `*.host`, `*`) covers every host of another. */
const coversDomain = (wide: string, narrow: string): boolean => {
  const [a, b] = [wide.toLowerCase(), narrow.toLowerCase()]
  return a === b || a === "*" || (a.startsWith("*.") && b.length > a.length - 1 && b.endsWith(a.slice(1)))
}

const within = (narrow: ReadonlyArray<string>, wide: ReadonlyArray<string>, covers: typeof coversDomain): boolean =>
  narrow.every((one) => wide.some((other) => covers(other, one)))

const rangeOf = (text: string) => {
  const [address = "", length] = text.split("/")
  const version = isIP(address)
  const bits = version === 4 ? 32 : 128
  const prefix = length === undefined ? bits : Number(length)
  const family: "ipv4" | "ipv6" = version === 4 ? "ipv4" : "ipv6"
  return version === 0 || prefix > bits ? undefined : { address, family, prefix }
}

const coversRange = (wide: string, narrow: string): boolean => {
  const [a, b] = [rangeOf(wide), rangeOf(narrow)]
  if (a === undefined || b === undefined || a.family !== b.family || b.prefix < a.prefix) return false
  const list = new BlockList()
  list.addSubnet(a.address, a.prefix, a.family)
  return list.check(b.address, b.family)
}

type Hours = NonNullable<Constraints["valid_hours"]>

const day = 1_440
const minuteOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5))
const around = (minutes: number): number => ((minutes % day) + day) % day
const lengthOf = ({ end, start }: Hours): number => around(minuteOf(end) - minuteOf(start)) || day

const coversHours = (wide: Hours, narrow: Hours): boolean =>
  wide.timezone === narrow.timezone &&
  around(minuteOf(narrow.start) - minuteOf(wide.start)) + lengthOf(narrow) <= lengthOf(wide)

const withinHours = (hours: Hours, now: number): boolean => {
  const local = new Intl.DateTimeFormat("en-GB", {
    timeZone: hours.timezone,
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23"
  }).format(now)
  return around(minuteOf(local) - minuteOf(hours.start)) < lengthOf(hours)
}

const bothOf = <A>(a: A | undefined, b: A | undefined, holds: (a: A, b: A) => boolean): boolean =>
  a === undefined || b === undefined || holds(a, b)

/** The first constraint of a credential that is wider than the declaration's; an empty list allows everything. */
const widened = (own: Constraints, declared: Constraints): keyof Constraints | undefined => {
  const narrower: { readonly [K in keyof Required<Constraints>]: boolean } = {
    allowed_domains: bothOf(
      own.allowed_domains,
      declared.allowed_domains,
      (a, b) => b.length === 0 || (a.length > 0 && within(a, b, coversDomain))
    ),
    denied_domains: bothOf(own.denied_domains, declared.denied_domains, (a, b) => within(b, a, coversDomain)),
    rate_limit: bothOf(own.rate_limit, declared.rate_limit, (a, b) => hourly(a) <= hourly(b)),
    data_classification_max: bothOf(
      own.data_classification_max,
      declared.data_classification_max,
      (a, b) => levels.indexOf(a) <= levels.indexOf(b)
    ),
    ip_allowlist: bothOf(
      own.ip_allowlist,
      declared.ip_allowlist,
      (a, b) => b.length === 0 || (a.length > 0 && within(a, b, coversRange))
    ),
    valid_hours: bothOf(own.valid_hours, declared.valid_hours, (a, b) => coversHours(b, a))
  }
  return (Object.keys(narrower) as ReadonlyArray<keyof Constraints>).find((name) => !narrower[name])
}

/**
 * Whether a credential's constraints only narrow those that its agent is declared with (a constraint it leaves out stays
 * as declared), and whether `now` (UTC ms) lies in the hours that hold for it.
 */
export const checkConstraints = (claimed: unknown, declared: Constraints = {}, now: number): Checked<void> => {
  const own = decode(claimed ?? {})
  if (Either.isLeft(own)) return refuse("CONSTRAINT_VIOLATION", "the credential's constraints cannot be read")
  const wider = widened(own.right, declared)
  if (wider !== undefined)
    return refuse("CONSTRAINT_VIOLATION", `the credential widens ${wider} beyond its declaration`)
  const hours = own.right.valid_hours ?? declared.valid_hours
  return hours === undefined || withinHours(hours, now)
    ? passed
    : refuse("CONSTRAINT_VIOLATION", `outside valid_hours ${hours.start} to ${hours.end} ${hours.timezone}`)
}
