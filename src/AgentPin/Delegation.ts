import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { agentNameIn, type DiscoveryDocument, domainOfAgent, type RevocationDocument } from "../Domain/AgentPin.ts"
import { firstUncovered } from "./Capabilities.ts"
import { declaredAgent } from "./Identity.ts"
import { quote, Refusal } from "./Refusal.ts"
import { importKey, usableKey, verifyBytes } from "./Signature.ts"

/**
 * A maker whose word is taken: its discovery document, and what it revoked. `unknown` where there is no place to say
 * so (a file of makers); null where the place is empty, and the maker is not to be trusted.
 */
export interface Maker {
  readonly document: DiscoveryDocument
  readonly revocation: RevocationDocument | "unknown" | null
}

/** The makers that the operator configured, by domain. */
export type Makers = ReadonlyMap<string, Maker>

const field = Schema.String.pipe(Schema.pattern(/^[^|\p{Cc}]+$/u))

const Attestation = Schema.Struct({
  domain: field,
  role: Schema.Literal("maker", "deployer"),
  agent_id: field,
  kid: field,
  attestation: Schema.String.pipe(Schema.maxLength(200))
})
type Attestation = typeof Attestation.Type

const decodeChain = Schema.decodeUnknownOption(Schema.Array(Attestation))

const invalid = (detail: string) => new Refusal({ code: "DELEGATION_INVALID", detail })

// Issuers write padded standard base64; the specification says base64url.
const decodeBase64 = (text: string): Uint8Array | undefined => {
  const encoding = /[-_]/.test(text) || text.length % 4 !== 0 ? "base64url" : "base64"
  const bytes = Buffer.from(text, encoding)
  return bytes.toString(encoding) === text ? bytes : undefined
}

// By UTF-16 unit, as the issuers sort; beyond ASCII they disagree among themselves, so that is refused.
const capabilitiesHash = (capabilities: ReadonlyArray<string>): string =>
  createHash("sha256")
    .update(JSON.stringify([...capabilities].sort()))
    .digest("hex")

/** What a delegation is to cover: the credential's own agent and capabilities, and its domain's document. */
export interface Delegated {
  readonly document: DiscoveryDocument
  readonly agent_id: string
  readonly capabilities: ReadonlyArray<string>
}

const checkEntry = Effect.fnUntraced(function* (
  entry: Attestation,
  delegatee: { readonly domain: string; readonly agent_id: string },
  { document, revocation }: Maker,
  capabilities: ReadonlyArray<string>,
  now: number
) {
  const asInvalid = ({ detail }: Refusal) => invalid(`delegation by ${entry.domain}: ${detail}`)
  if (document.entity_type !== undefined && !["both", entry.role].includes(document.entity_type)) {
    return yield* invalid(`${entry.domain} is no ${entry.role}`)
  }
  const name = agentNameIn(entry.domain, entry.agent_id)
  if (Option.isNone(name)) return yield* invalid(`${quote(entry.agent_id)} is no agent of ${entry.domain}`)
  const agent = yield* Effect.mapError(declaredAgent(document, name.value), asInvalid)
  if (agent.status !== "active") return yield* invalid(`${quote(agent.agent_id)} of ${entry.domain} is not active`)
  const key = yield* Effect.mapError(usableKey(document, entry.kid, now), asInvalid)
  if (revocation === null) return yield* invalid(`there is no revocation document of ${entry.domain}`)
  const isAgent = (agent_id: string) => Option.contains(agentNameIn(entry.domain, agent_id), name.value)
  const revoked =
    revocation !== "unknown" &&
    (revocation.revoked_keys.some(({ kid }) => kid === entry.kid) ||
      revocation.revoked_agents.some(({ agent_id }) => isAgent(agent_id)))
  if (revoked) return yield* invalid(`${entry.domain} revoked the key or the agent that it delegated with`)
  const exceeding = firstUncovered(agent.capabilities, capabilities)
  if (exceeding !== undefined) return yield* invalid(`${entry.domain} declares nothing that covers ${quote(exceeding)}`)
  const signature = decodeBase64(entry.attestation)
  const input = [
    entry.domain,
    entry.role,
    entry.agent_id,
    delegatee.domain,
    delegatee.agent_id,
    capabilitiesHash(capabilities)
  ].join("|")
  const verifying = yield* Effect.mapError(importKey(key), asInvalid)
  const good = signature !== undefined && (yield* verifyBytes(new TextEncoder().encode(input), signature, verifying))
  if (!good) return yield* invalid(`the attestation by ${entry.domain} does not verify`)
})

/**
 * Verifies a delegation chain, outermost maker first, each entry attesting to the next and the last one to the
 * credential's agent, only by documents of configured makers (specification, 5.6 and 6.4).
 */
export const checkDelegation = Effect.fnUntraced(function* (
  chain: ReadonlyArray<unknown>,
  delegated: Delegated,
  makers: Effect.Effect<Makers, Refusal>,
  now: number
) {
  if (chain.length === 0) return
  const { agent_id, capabilities, document } = delegated
  const tooDeep = (depth: number, whose: string) =>
    new Refusal({
      code: "DELEGATION_DEPTH_EXCEEDED",
      detail: `the chain has ${chain.length} delegations; ${whose} allows ${depth}`
    })
  if (chain.length > document.max_delegation_depth)
    return yield* tooDeep(document.max_delegation_depth, document.entity)
  const decoded = decodeChain(chain)
  if (Option.isNone(decoded)) return yield* invalid("an entry of the delegation chain is not as specified")
  if ([agent_id, ...capabilities].some((text) => !/^[\x20-\x7e]*$/.test(text) || text.includes("|"))) {
    return yield* invalid("agent or capabilities hold characters that cannot be attested to")
  }
  const entries = decoded.value
  const known = yield* makers
  for (const [index, entry] of entries.entries()) {
    const maker = known.get(entry.domain)
    if (maker === undefined) return yield* invalid(`${quote(entry.domain)} is no configured maker`)
    if (Option.exists(domainOfAgent(entry.agent_id), (domain) => domain !== entry.domain)) {
      return yield* invalid(`${quote(entry.agent_id)} is no agent of ${entry.domain}`)
    }
    const depth = maker.document.max_delegation_depth
    if (chain.length > depth) return yield* tooDeep(depth, entry.domain)
    const delegatee = entries[index + 1] ?? { domain: document.entity, agent_id }
    yield* checkEntry(entry, delegatee, maker, capabilities, now)
  }
})
