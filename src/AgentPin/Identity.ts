import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { agentNameIn, agentUrn, type DeclaredAgent, type DiscoveryDocument, domainOfAgent } from "../Domain/AgentPin.ts"
import type { Claims } from "./Claims.ts"
import { type Checked, passed, quote, refuse } from "./Refusal.ts"

const mismatch = (detail: string) => refuse("DOMAIN_MISMATCH", detail)

// A host, an address, or what could be read as either within a URL.
const looksLikeHost = (text: string): boolean =>
  text === "" || /[.:/\\@#?%[\]]|^localhost$|^(\d+|0x[0-9a-f]*)$/i.test(text)

/** The name within the domain that a `sub`, or an `iss` that names the agent, means. */
const nameOf = (claim: "iss" | "sub", id: string, domain: string): Checked<string> => {
  const other = domainOfAgent(id)
  if (Option.isSome(other) && other.value !== domain) {
    return mismatch(`${claim} ${quote(id)} names an agent of another domain than ${domain}`)
  }
  return Either.fromOption(agentNameIn(domain, id), () => undefined).pipe(
    Either.orElse(() => refuse("AGENT_NOT_FOUND", `${claim} ${quote(id)} names no agent`))
  )
}

/**
 * The name of the agent, within the configured domain, that a credential speaks for: `iss` is the domain and `sub` the
 * agent (AgentPin), or `iss` is the agent itself and `sub` the same one or left out (the guide). Anything in `iss` that
 * looks like a host other than the domain is refused, before any document is asked for.
 */
export const claimedAgent = ({ iss, sub }: Claims, domain: string): Checked<string> => {
  if (iss === domain) {
    return sub === undefined ? refuse("CREDENTIAL_MALFORMED", "the claim sub is missing") : nameOf("sub", sub, domain)
  }
  if (looksLikeHost(iss) && Option.isNone(domainOfAgent(iss))) {
    return mismatch(`iss ${quote(iss)} is not the configured domain ${domain}`)
  }
  return Either.flatMap(nameOf("iss", iss, domain), (name) =>
    sub === undefined
      ? Either.right(name)
      : Either.flatMap(nameOf("sub", sub, domain), (other) =>
          other === name
            ? Either.right(name)
            : refuse("AGENT_MISMATCH", `iss ${quote(iss)} and sub ${quote(sub)} name two agents`)
        )
  )
}

/** The declaration of an agent in its domain's document, under its URN or its bare name. */
export const declaredAgent = ({ agents, entity }: DiscoveryDocument, name: string): Checked<DeclaredAgent> =>
  Either.fromNullable(
    agents.find(({ agent_id }) => Option.contains(agentNameIn(entity, agent_id), name)),
    () => undefined
  ).pipe(Either.orElse(() => refuse("AGENT_NOT_FOUND", `${entity} declares no agent ${quote(name)}`)))

/** Whether the credential's agent is the job's, which names it by name or by URN: exactly, never by a part. */
export const checkJobAgent = (name: string, domain: string, agent: string): Checked<void> =>
  agent === name || agent === agentUrn(domain, name)
    ? passed
    : refuse("AGENT_MISMATCH", `the credential is for agent ${quote(name)}, the job's agent is ${quote(agent)}`)
