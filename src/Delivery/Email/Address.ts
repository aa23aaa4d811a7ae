import { namesIn } from "../../ServiceEnvironment.ts"

/** One address, taken apart. */
export interface MailAddress {
  /** The name before it, perhaps empty. */
  readonly name: string
  /** `local@domain`. */
  readonly address: string
  readonly domain: string
}

// RFC 5321 4.5.3.1: 64 octets before the @, 254 in all; a name may stand before it.
const maxLength = 400
const maxAddress = 254

// No quoted local parts: nobody has one, and each quote is a way to be read differently by two servers.
const localPart = /^[^\s\p{C}()<>[\]\\,;:@".]+(?:\.[^\s\p{C}()<>[\]\\,;:@".]+)*$/u
const domainName = /^[\p{L}\p{N}_](?:[\p{L}\p{N}\p{M}_.-]*[\p{L}\p{N}\p{M}])?$/u
const domainLiteral = /^\[(?:\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9A-Fa-f:.]+)\]$/

const quote = (text: string): string => JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)

const isDomain = (domain: string): boolean =>
  domainLiteral.test(domain) || (domainName.test(domain) && !domain.includes(".."))

const apart = (text: string): { readonly name: string; readonly address: string } => {
  const trimmed = text.trim()
  const open = trimmed.indexOf("<")
  if (open < 0 || !trimmed.endsWith(">")) return { name: "", address: trimmed }
  const name = trimmed.slice(0, open).trim()
  return { name: name.replace(/^"(.*)"$/, "$1"), address: trimmed.slice(open + 1, -1) }
}

/** Takes an address apart that has no {@link resolvedAddressProblem}. */
export const parseAddress = (text: string): MailAddress => {
  const { address, name } = apart(text)
  return { name, address, domain: address.slice(address.lastIndexOf("@") + 1) }
}

/** What is wrong with `local@domain` or `Name <local@domain>`, quoting it as it is written; undefined when nothing is. */
export const resolvedAddressProblem = (text: string, written = text): string | undefined => {
  const refuse = (why: string) => `${quote(written)} is no email address: ${why}`
  if (/[\p{Cc}\u2028\u2029]/u.test(text)) return refuse("it holds a control character")
  if (/[,;]/.test(text)) return refuse("it looks like several; write an entry for each")
  if (!text.includes("@")) return refuse("it has no @")
  if (text.length > maxLength) return refuse("it is too long")
  const { address, name } = apart(text)
  const at = address.lastIndexOf("@")
  if (at < 0) return refuse("it has no @ between < and >")
  if (/[<>\\"]/.test(name) || !localPart.test(address.slice(0, at)) || !isDomain(address.slice(at + 1)))
    return refuse("write it as user@example.com or Name <user@example.com>")
  if (at > 64 || address.length > maxAddress) return refuse("it is too long")
  return undefined
}

/** What is wrong with an address as it is written; one with a `${VAR}` in it is looked at when it is used. */
export const addressProblem = (text: string): string | undefined =>
  namesIn(text).length === 0 ? resolvedAddressProblem(text) : undefined
