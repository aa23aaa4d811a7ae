import type { IncomingMessage } from "node:http"
import { Forbidden, InvalidRequest } from "../Api.ts"

const loopback = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/

interface Host {
  readonly host: string
  readonly hostname: string
}

/** Clients ask under few names, and reading one takes as long as all else here. */
const read = new Map<string, Host | undefined>()
const mostRead = 100

const hostOf = (url: string): Host | undefined => {
  if (read.has(url)) return read.get(url)
  const { host, hostname } = URL.canParse(url) ? new URL(url) : {}
  const found = host === undefined || hostname === undefined ? undefined : { host, hostname }
  if (read.size >= mostRead) read.clear()
  read.set(url, found)
  return found
}

/** The host that a request is for: that of its target where this is a whole URL, else the header (RFC 9112, 3.2.2). */
const askedHost = ({ headers, url = "/" }: IncomingMessage): string | undefined =>
  /^[a-z]+:\/\//i.test(url) ? (hostOf(url)?.host ?? "") : headers.host

/**
 * Why a request may not be answered, if so. Refused are pages of other sites, which could not read the answers anyway,
 * and in the open mode foreign host names too: a page whose name was made to lead here (DNS rebinding) has the right
 * origin. It has no key, though.
 */
export const objection = (request: IncomingMessage, open: boolean): Forbidden | InvalidRequest | undefined => {
  const { origin } = request.headers
  const host = askedHost(request)
  // A URL may name a user before its host, a host header may not.
  const named = host === undefined || host.includes("@") ? undefined : hostOf(`http://${host}`)
  if (host === undefined || host === "") {
    return new InvalidRequest({ code: "HOST_MISSING", message: "the request names no host; send Host", details: [] })
  }
  if (open && (named === undefined || !loopback.test(named.hostname))) {
    return new Forbidden({
      code: "FORBIDDEN_HOST",
      message: `this service answers only under a loopback name such as localhost, not as "${host.slice(0, 100)}"`,
      details: []
    })
  }
  if (origin !== undefined && (named === undefined || hostOf(origin)?.host !== named.host)) {
    return new Forbidden({
      code: "FORBIDDEN_ORIGIN",
      message: "requests from pages of other sites are refused",
      details: []
    })
  }
  return undefined
}
