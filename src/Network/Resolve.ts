import { lookup } from "node:dns"
import { Resolver as NameServers } from "node:dns/promises"
import { readFile } from "node:fs/promises"

/** The addresses of a host name. */
export type Resolve = (host: string) => Promise<ReadonlyArray<{ readonly address: string; readonly family: number }>>

/** As the machine is set up: hosts file, name servers, search domains. It looks two names up at a time, and no more. */
const bySystem: Resolve = (host) =>
  new Promise((resolve, reject) =>
    lookup(host, { all: true }, (error, addresses) => (error === null ? resolve(addresses) : reject(error)))
  )

/** What a resolver asks. */
export interface ResolveOptions {
  /** `IP:PORT` of the name servers in place of the system's. */
  readonly servers?: ReadonlyArray<string> | undefined
  /** Ms that a name server has for an answer; each is asked twice. */
  readonly timeout?: number | undefined
  readonly hosts?: (() => Promise<string>) | undefined
  readonly system?: Resolve | undefined
}

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined)

const isListed = (name: string, hosts: string): boolean =>
  hosts.split("\n").some((line) =>
    line
      .replace(/#.*/, "")
      .trim()
      .split(/\s+/)
      .slice(1)
      .some((listed) => listed.toLowerCase() === name)
  )

/**
 * A resolver that waits for any number of names at once: one whose name server is silent holds up no other, as it would
 * in the few threads of the system's look-up. That one is asked where name servers do not know, or are not asked.
 */
export const makeResolve = ({ hosts, servers, system = bySystem, timeout = 2_000 }: ResolveOptions = {}): Resolve => {
  const nameServers = new NameServers({ timeout, tries: 2 })
  if (servers !== undefined) nameServers.setServers(servers)
  const readHosts = hosts ?? (() => readFile("/etc/hosts", "utf8"))

  return async (host) => {
    const name = host.toLowerCase().replace(/\.$/, "")
    if (!name.includes(".") || name.endsWith(".localhost") || name.endsWith(".local")) return system(host)
    const isLocal = await readHosts().then(
      (text) => isListed(name, text),
      () => true
    )
    if (isLocal) return system(host)
    const [four, six] = await Promise.allSettled([nameServers.resolve4(name), nameServers.resolve6(name)])
    const found = [
      ...(four.status === "fulfilled" ? four.value.map((address) => ({ address, family: 4 })) : []),
      ...(six.status === "fulfilled" ? six.value.map((address) => ({ address, family: 6 })) : [])
    ]
    if (found.length > 0) return found
    const silent = [four, six].some((one) => one.status === "rejected" && codeOf(one.reason) === "ETIMEOUT")
    if (silent) throw new Error(`no name server answered for ${host} in time`)
    return system(host)
  }
}
