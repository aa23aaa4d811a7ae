/** What the tests use of the npm package `agentpin` 0.3.0, which comes without types. */
declare module "agentpin" {
  export class Capability {
    constructor(value: string)
    readonly value: string
  }
  export interface Attestation {
    readonly domain: string
    readonly role: string
    readonly agent_id: string
    readonly kid: string
    readonly attestation: string
  }
  export interface RevocationLists {
    readonly entity: string
    readonly revoked_credentials: Array<unknown>
    readonly revoked_agents: Array<unknown>
    readonly revoked_keys: Array<unknown>
  }
  export function generateKeyPair(): { readonly privateKeyPem: string; readonly publicKeyPem: string }
  export function generateKeyId(publicKeyPem: string): string
  export function pemToJwk(publicKeyPem: string, kid: string): Record<string, unknown>
  export function issueCredential(
    privateKeyPem: string,
    kid: string,
    issuer: string,
    agentId: string,
    audience: string | null,
    capabilities: ReadonlyArray<Capability>,
    constraints: object | null,
    delegationChain: ReadonlyArray<object> | null,
    ttlSecs: number
  ): string
  export function encodeJwt(header: object, payload: object, privateKeyPem: string): string
  export function buildDiscoveryDocument(
    entity: string,
    entityType: string,
    publicKeys: ReadonlyArray<object>,
    agents: ReadonlyArray<object>,
    maxDelegationDepth: number,
    updatedAt: string
  ): Record<string, unknown>
  export function buildRevocationDocument(entity: string): RevocationLists
  export function addRevokedCredential(document: RevocationLists, jti: string, reason: string): void
  export function addRevokedAgent(document: RevocationLists, agentId: string, reason: string): void
  export function addRevokedKey(document: RevocationLists, kid: string, reason: string): void
  export function createAttestation(
    privateKeyPem: string,
    kid: string,
    domain: string,
    role: string,
    agentId: string,
    delegateeDomain: string,
    delegateeAgentId: string,
    capabilities: ReadonlyArray<Capability>
  ): Attestation
  export function createTrustBundle(): { readonly documents: Array<unknown>; readonly revocations: Array<unknown> }
}
