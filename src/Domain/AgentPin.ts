import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { Instant } from "./Instant.ts"
import { TimeZone } from "./Schedule.ts"

/** Why a credential is refused: the 18 codes of the AgentPin specification (6.7), and four of this service. */
export const AgentPinCode = Schema.Literal(
  "SIGNATURE_INVALID",
  "KEY_NOT_FOUND",
  "KEY_EXPIRED",
  "KEY_REVOKED",
  "CREDENTIAL_EXPIRED",
  "CREDENTIAL_REVOKED",
  "AGENT_NOT_FOUND",
  "AGENT_INACTIVE",
  "CAPABILITY_EXCEEDED",
  "CONSTRAINT_VIOLATION",
  "DELEGATION_INVALID",
  "DELEGATION_DEPTH_EXCEEDED",
  "DISCOVERY_FETCH_FAILED",
  "DISCOVERY_INVALID",
  "DOMAIN_MISMATCH",
  "AUDIENCE_MISMATCH",
  "ALGORITHM_REJECTED",
  "KEY_PIN_MISMATCH",
  "CREDENTIAL_MISSING",
  "CREDENTIAL_MALFORMED",
  "AGENT_MISMATCH",
  "CREDENTIAL_REPLAYED"
)
export type AgentPinCode = typeof AgentPinCode.Type

/** What a credential says of itself, unverified and cut to 200 characters; null where it says nothing readable. */
export const ClaimedIdentity = Schema.Struct({
  iss: Schema.NullOr(Schema.String),
  sub: Schema.NullOr(Schema.String),
  kid: Schema.NullOr(Schema.String),
  jti: Schema.NullOr(Schema.String)
})
export type ClaimedIdentity = typeof ClaimedIdentity.Type

/** A credential was not accepted. Neither the text nor the claims hold the credential itself. */
export class AgentPinRefused extends Schema.TaggedError<AgentPinRefused>()("AgentPinRefused", {
  code: AgentPinCode,
  detail: Schema.String,
  claimed: ClaimedIdentity
}) {
  override get message() {
    return `${this.code}: ${this.detail}`
  }
}

/** What a verified credential proves. `agent_id` is as the domain's document declares it. */
export const VerifiedCredential = Schema.Struct({
  domain: Schema.String,
  agent_id: Schema.String,
  kid: Schema.String,
  jti: Schema.String,
  iat: Instant,
  exp: Instant,
  capabilities: Schema.Array(Schema.String)
}).annotations({ identifier: "VerifiedCredential" })
export type VerifiedCredential = typeof VerifiedCredential.Type

const isHost = (text: string): boolean =>
  text.length <= 253 &&
  /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/.test(text) &&
  // A last label that is a number makes an IP address of it (WHATWG URL, "ends in a number").
  !/(^|\.)(\d+|0x[0-9a-f]*)$/.test(text)

const expectedDomain = "a host name such as agent.example.com, without port or path"

/** The domain that agents belong to: a host name, lower-cased; `https://` before it is left out. */
export const AgentPinDomain = Schema.transformOrFail(
  Schema.String,
  Schema.String.pipe(Schema.filter(isHost, { message: () => expectedDomain })),
  {
    strict: true,
    decode: (text, _, ast) => {
      const host = text.toLowerCase().replace(/^https:\/\//, "")
      return isHost(host) ? ParseResult.succeed(host) : ParseResult.fail(new ParseResult.Type(ast, text))
    },
    encode: ParseResult.succeed
  }
).annotations({ message: () => ({ message: expectedDomain, override: true }) })

// Issuers written in Rust may write an absent member as null.
const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true, nullable: true })
const texts = Schema.Array(Schema.String)

/** A range of IP addresses, `192.0.2.0/24`; an address alone is a range of one. */
const Cidr = Schema.String.pipe(
  Schema.pattern(/^[0-9A-Fa-f.:]+(\/\d{1,3})?$/, { message: () => "a range such as 192.0.2.0/24" })
)

const minuteOfDay = Schema.String.pipe(
  Schema.pattern(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, { message: () => 'a time of day such as "09:00"' })
)

/** Limits on what an agent may do; a credential may only narrow those of its declaration (specification, 5.5). */
export const Constraints = Schema.Struct({
  allowed_domains: optional(texts),
  denied_domains: optional(texts),
  rate_limit: optional(
    Schema.String.pipe(
      Schema.pattern(/^\d{1,9}\/(second|minute|hour)$/, { message: () => 'a rate such as "100/hour"' })
    )
  ),
  data_classification_max: optional(Schema.Literal("public", "internal", "confidential", "restricted")),
  ip_allowlist: optional(Schema.Array(Cidr)),
  valid_hours: optional(
    Schema.Struct({ start: minuteOfDay, end: minuteOfDay, timezone: TimeZone }).pipe(
      Schema.filter((hours) => hours.start !== hours.end || "start and end must differ")
    )
  )
})
export type Constraints = typeof Constraints.Type

/** A key of a document. Which kinds of key can verify is decided where a key is used; `exp` is UTC ms. */
export const PublicKey = Schema.Struct({
  kid: Schema.NonEmptyString,
  kty: Schema.String,
  crv: optional(Schema.String),
  x: optional(Schema.String),
  y: optional(Schema.String),
  d: optional(Schema.Unknown),
  alg: optional(Schema.String),
  use: optional(Schema.String),
  key_ops: optional(texts),
  exp: optional(Instant)
})
export type PublicKey = typeof PublicKey.Type

/** An agent as its domain declares it. Only `active` ones pass; `credential_ttl_max` is in seconds. */
export const DeclaredAgent = Schema.Struct({
  agent_id: Schema.NonEmptyString,
  capabilities: Schema.optionalWith(texts, { exact: true, nullable: true, default: () => [] }),
  constraints: optional(Constraints),
  credential_ttl_max: optional(Schema.Int.pipe(Schema.positive())),
  status: Schema.String
})
export type DeclaredAgent = typeof DeclaredAgent.Type

const urn = "urn:agentpin:"

/** An agent's name within a domain: what follows `urn:agentpin:DOMAIN:`, or the whole of a bare id. None elsewhere. */
export const agentNameIn = (domain: string, id: string): Option.Option<string> => {
  const prefix = `${urn}${domain}:`
  if (id.startsWith(prefix) && id.length > prefix.length) return Option.some(id.slice(prefix.length))
  return id === "" || id.startsWith(urn) ? Option.none() : Option.some(id)
}

/** The domain that an agent id names; none where it is a bare name. */
export const domainOfAgent = (id: string): Option.Option<string> => {
  if (!id.startsWith(urn)) return Option.none()
  const rest = id.slice(urn.length)
  return Option.some(rest.includes(":") ? rest.slice(0, rest.indexOf(":")) : rest)
}

/** The agent of a domain as a URN. */
export const agentUrn = (domain: string, name: string): string => `${urn}${domain}:${name}`

const repeated = (values: ReadonlyArray<string>): string | undefined =>
  values.find((value, index) => values.indexOf(value) !== index)

/** `/.well-known/agent-identity.json`: who a domain's agents are and which keys speak for it. Unknown members are left out. */
export const DiscoveryDocument = Schema.Struct({
  agentpin_version: Schema.Literal("0.1"),
  entity: Schema.NonEmptyString,
  entity_type: optional(Schema.Literal("maker", "deployer", "both")),
  public_keys: Schema.NonEmptyArray(PublicKey),
  agents: Schema.Array(DeclaredAgent),
  max_delegation_depth: Schema.optionalWith(Schema.Int.pipe(Schema.between(0, 3)), {
    exact: true,
    nullable: true,
    default: () => 0
  })
}).pipe(
  Schema.filter(({ agents, entity, public_keys }) => {
    const kid = repeated(public_keys.map((key) => key.kid))
    if (kid !== undefined) return { path: ["public_keys"], message: `the kid ${JSON.stringify(kid)} names two keys` }
    const names = agents.map(({ agent_id }) => Option.getOrElse(agentNameIn(entity, agent_id), () => agent_id))
    const name = repeated(names)
    return name === undefined || { path: ["agents"], message: `the agent ${JSON.stringify(name)} is declared twice` }
  })
)
export type DiscoveryDocument = typeof DiscoveryDocument.Type

/**
 * `/.well-known/agent-identity-revocations.json`. All three lists and the name of each entry are required: a document
 * that spells them otherwise would silently revoke nothing.
 */
export const RevocationDocument = Schema.Struct({
  agentpin_version: Schema.Literal("0.1"),
  entity: Schema.NonEmptyString,
  revoked_credentials: Schema.Array(Schema.Struct({ jti: Schema.NonEmptyString })),
  revoked_agents: Schema.Array(Schema.Struct({ agent_id: Schema.NonEmptyString })),
  revoked_keys: Schema.Array(Schema.Struct({ kid: Schema.NonEmptyString }))
})
export type RevocationDocument = typeof RevocationDocument.Type

/** Documents of several domains in one file, for verification without a network. */
export const TrustBundle = Schema.Struct({
  agentpin_bundle_version: Schema.Literal("0.1"),
  documents: Schema.Array(DiscoveryDocument),
  revocations: Schema.Array(RevocationDocument)
}).pipe(
  Schema.filter(({ documents, revocations }) => {
    const entity = repeated(documents.map((one) => one.entity)) ?? repeated(revocations.map((one) => one.entity))
    return entity === undefined || `there are two documents of ${JSON.stringify(entity)}`
  })
)
export type TrustBundle = typeof TrustBundle.Type

/** Discovery documents of the makers that may delegate, by domain. */
export const MakerDocuments = Schema.Record({ key: Schema.String, value: DiscoveryDocument }).pipe(
  Schema.filter((makers) => {
    const wrong = Object.entries(makers).find(([domain, { entity }]) => domain !== entity)
    return wrong === undefined || { path: [wrong[0]], message: `is a document of ${JSON.stringify(wrong[1].entity)}` }
  })
)
