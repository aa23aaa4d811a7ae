import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import {
  AgentPinRefused,
  agentNameIn,
  type DiscoveryDocument,
  type RevocationDocument,
  type VerifiedCredential
} from "../Domain/AgentPin.ts"
import { checkCapabilities } from "./Capabilities.ts"
import { type Claims, checkLifetime, checkTimes, maxLifetime, parseClaims } from "./Claims.ts"
import { checkConstraints } from "./Constraints.ts"
import { checkDelegation, type Makers } from "./Delegation.ts"
import { checkJobAgent, claimedAgent, declaredAgent } from "./Identity.ts"
import { type Checked, passed, quote, Refusal, refuse } from "./Refusal.ts"
import { checkSignature, importKey, usableKey } from "./Signature.ts"
import { claimedBy, parseToken } from "./Token.ts"

/** What a credential is verified against. Documents are asked for when their turn comes, and not for a bad token. */
export interface Verification {
  /** UTC ms. */
  readonly now: number
  readonly domain: string
  /** The verifier's own name for `aud`; without one no audience is compared. */
  readonly audience: string | undefined
  /** The job's agent, by name or URN. */
  readonly agent: string
  /** What the job demands; only names with a colon count. */
  readonly capabilities: ReadonlyArray<string>
  /** The domain's document, fresh enough to know the kid if there is such a key. */
  readonly discovery: (kid: string) => Effect.Effect<DiscoveryDocument, Refusal>
  readonly revocation: Effect.Effect<RevocationDocument, Refusal>
  readonly makers: Effect.Effect<Makers, Refusal>
}

/** A credential that passed every check without a memory, and the thumbprint of the key that signed it. */
export interface Verified {
  readonly credential: VerifiedCredential
  readonly thumbprint: string
}

const checkRevoked = (
  { entity, revoked_agents, revoked_credentials, revoked_keys }: RevocationDocument,
  { jti, kid, name }: { readonly jti: string; readonly kid: string; readonly name: string }
): Checked<void> => {
  if (revoked_credentials.some((one) => one.jti === jti)) {
    return refuse("CREDENTIAL_REVOKED", `${entity} revoked the credential ${quote(jti)}`)
  }
  if (revoked_agents.some((one) => Option.contains(agentNameIn(entity, one.agent_id), name))) {
    return refuse("AGENT_INACTIVE", `${entity} revoked the agent ${quote(name)}`)
  }
  return revoked_keys.some((one) => one.kid === kid)
    ? refuse("KEY_REVOKED", `${entity} revoked the key ${quote(kid)}`)
    : passed
}

const checkAudience = ({ aud }: Claims, audience: string | undefined): Checked<void> =>
  aud === undefined || aud === "*" || audience === undefined || aud === audience
    ? passed
    : refuse("AUDIENCE_MISMATCH", `it is for ${quote(aud)}, not for ${audience}`)

const check = Effect.fnUntraced(function* (token: string, options: Verification) {
  const { agent, audience, capabilities, domain, now } = options
  const { kid, payload, signature, signed } = yield* parseToken(token)
  const claims = yield* parseClaims(payload)
  const name = yield* claimedAgent(claims, domain)
  yield* checkTimes(claims, now)
  const document = yield* options.discovery(kid)
  const declared = yield* declaredAgent(document, name)
  const key = yield* Effect.flatMap(usableKey(document, kid, now), importKey)
  yield* checkSignature({ signature, signed }, key)
  yield* checkRevoked(yield* options.revocation, { jti: claims.jti, kid, name })
  if (declared.status !== "active") {
    return yield* new Refusal({ code: "AGENT_INACTIVE", detail: `agent ${quote(name)} is ${quote(declared.status)}` })
  }
  yield* checkCapabilities(claims.capabilities, declared.capabilities, capabilities)
  yield* checkLifetime(claims, declared.credential_ttl_max ?? maxLifetime)
  yield* checkConstraints(claims.constraints, declared.constraints, now)
  const delegated = { document, agent_id: declared.agent_id, capabilities: claims.capabilities }
  yield* checkDelegation(claims.delegation_chain ?? [], delegated, options.makers, now)
  yield* checkAudience(claims, audience)
  yield* checkJobAgent(name, domain, agent)
  const credential: VerifiedCredential = {
    domain,
    agent_id: declared.agent_id,
    kid,
    jti: claims.jti,
    iat: claims.iat * 1_000,
    exp: claims.exp * 1_000,
    capabilities: claims.capabilities
  }
  return { credential, thumbprint: key.thumbprint } satisfies Verified
})

/** A refusal as it is told to others: with what the credential claims. */
export const refusedWith =
  (token: string) =>
  ({ code, detail }: Refusal): AgentPinRefused =>
    new AgentPinRefused({ code, detail, claimed: claimedBy(token) })

/**
 * Decides on a credential, by the checks of the AgentPin specification (6.1) and the stricter ones of this service.
 * Whatever goes wrong, the answer is a refusal; what a credential was used for before is not looked at.
 */
export const verifyCredential = (token: string, options: Verification): Effect.Effect<Verified, AgentPinRefused> =>
  check(token, options).pipe(
    Effect.catchAllDefect(
      () => new Refusal({ code: "CREDENTIAL_MALFORMED", detail: "the credential cannot be checked" })
    ),
    Effect.mapError(refusedWith(token))
  )
