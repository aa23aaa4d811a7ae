import {
  buildDiscoveryDocument,
  buildRevocationDocument,
  Capability,
  encodeJwt,
  generateKeyId,
  generateKeyPair,
  issueCredential,
  pemToJwk
} from "agentpin"

/** A key pair with its name and its public JWK. */
export const makeKey = (name?: string) => {
  const { privateKeyPem, publicKeyPem } = generateKeyPair()
  const kid = name ?? generateKeyId(publicKeyPem)
  return { privateKeyPem, kid, jwk: pemToJwk(publicKeyPem, kid) }
}

/** A domain as the npm package makes one: a key, an agent `worker`, its documents. */
export const makeIssuer = (domain = "agents.example.com", kid?: string) => {
  const key = makeKey(kid)
  const agent_id = `urn:agentpin:${domain}:worker`
  const agent = { agent_id, name: "Worker", capabilities: ["read:*", "write:report"], status: "active" }
  const document = (change: object = {}) => ({
    ...buildDiscoveryDocument(domain, "both", [key.jwk], [agent], 1, "2026-01-01T00:00:00Z"),
    ...change
  })

  /** A credential of the worker from the package itself, for an hour from now on. */
  const issue = (
    options: {
      readonly agent_id?: string
      readonly iss?: string
      readonly aud?: string
      readonly capabilities?: ReadonlyArray<string>
      readonly constraints?: object
      readonly chain?: ReadonlyArray<object>
      readonly ttl?: number
      readonly key?: typeof key
    } = {}
  ) => {
    const { kid, privateKeyPem } = options.key ?? key
    const capabilities = (options.capabilities ?? ["read:reports"]).map((name) => new Capability(name))
    return issueCredential(
      privateKeyPem,
      kid,
      options.iss ?? domain,
      options.agent_id ?? agent_id,
      options.aud ?? null,
      capabilities,
      options.constraints ?? null,
      options.chain ?? null,
      options.ttl ?? 3_600
    )
  }

  /** A credential with any header and claims besides the usual ones at an instant (UTC ms), signed by the domain's key. */
  const sign = (now: number, claims: object = {}, header: object = {}, signer = key) => {
    const iat = Math.floor(now / 1_000)
    const usual = { iss: domain, sub: agent_id, iat, exp: iat + 3_600, jti: "j-1", agentpin_version: "0.1" }
    return encodeJwt(
      { alg: "ES256", typ: "agentpin-credential+jwt", kid: key.kid, ...header },
      { ...usual, capabilities: ["read:reports"], ...claims },
      signer.privateKeyPem
    )
  }

  return {
    domain,
    key,
    agent,
    agent_id,
    document,
    revocation: buildRevocationDocument(domain),
    issue,
    sign,
    /** How the worker's credentials are judged at an instant, UTC ms. */
    judgement: (now: number) => ({
      now,
      domain,
      agent: "worker",
      discovery: document(),
      revocation: buildRevocationDocument(domain)
    })
  }
}

/** The claims of a credential, unverified. */
export const payloadOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString())
