import { isIP } from "node:net"
import * as Either from "effect/Either"

/** Hosts that a URL may name: one, or all under a suffix, at one port or at the two that HTTP has. */
export interface HostPattern {
  /** As the URL parser writes it: lower case, Punycode, IPv6 in brackets; of `*.suffix` only `.suffix`. */
  readonly host: string
  readonly port: string | undefined
}

const forms = 'a host such as "api.example.com", "*.example.com" or "localhost:8080"'

const plainHost = (host: string): string | undefined => {
  if (host === "" || !/^(\[[0-9a-f:.]+\]|[^\s/?#@:\\[\]*%]+)$/i.test(host) || !URL.canParse(`http://${host}/`)) {
    return undefined
  }
  const { hostname } = new URL(`http://${host}/`)
  return /^\[.*\]$/.test(hostname) || /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(hostname) ? hostname : undefined
}

/** Reads `name`, `*.suffix`, an address (IPv6 in brackets), each perhaps with `:PORT`. Left says what is wrong. */
export const parseHostPattern = (text: string): Either.Either<HostPattern, string> => {
  const [, written = text, port] = /^(.*[^:]):(\d{1,5})$/.exec(text) ?? []
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65_535)) {
    return Either.left(`port ${port} is not between 1 and 65535`)
  }
  const isSuffix = written.startsWith("*.")
  const host = plainHost(isSuffix ? written.slice(2) : written)
  if (host === undefined) return Either.left(`${JSON.stringify(text)} is no host; expected ${forms}`)
  if (isSuffix && (isIP(host) !== 0 || host.startsWith("["))) {
    return Either.left(`${JSON.stringify(text)}: addresses have no suffix; expected ${forms}`)
  }
  return Either.right({ host: isSuffix ? `.${host}` : host, port: port === undefined ? undefined : `${Number(port)}` })
}

const defaultPorts: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" }

/** Whether a URL names a host of the pattern. Schemes other than http and https never do. */
export const namesHost = ({ host, port }: HostPattern, url: URL): boolean => {
  const standard = defaultPorts[url.protocol]
  if (standard === undefined) return false
  const asked = url.port === "" ? standard : url.port
  if (port === undefined ? asked !== "80" && asked !== "443" : asked !== port) return false
  return host.startsWith(".") ? url.hostname.endsWith(host) && url.hostname.length > host.length : url.hostname === host
}
