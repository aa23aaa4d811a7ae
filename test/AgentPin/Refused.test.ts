import { createHmac, createPublicKey, generateKeyPairSync } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { makeIssuer, makeKey } from "./issuer.ts"
import { codeOf, type Judgement, verdict } from "./judge.ts"

const issuer = makeIssuer()
const now = Date.UTC(2026, 6, 1, 12)
const second = now / 1_000
const usual = issuer.judgement(now)

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")
const parts = (token: string) => token.split(".") as [string, string, string]
const good = issuer.sign(now)
const [head, body, tail] = parts(good)
const withSignature = (bytes: Uint8Array) => `${head}.${body}.${Buffer.from(bytes).toString("base64url")}`
const der = Buffer.from(tail, "base64url")

const withKey = (change: object): Judgement => ({
  ...usual,
  discovery: issuer.document({ public_keys: [{ ...issuer.key.jwk, ...change }] })
})
const withAgents = (...agents: ReadonlyArray<object>): Judgement => ({
  ...usual,
  discovery: issuer.document({ agents })
})
const withDocument = (change: object): Judgement => ({ ...usual, discovery: issuer.document(change) })
const withRevocation = (change: object): Judgement => ({ ...usual, revocation: { ...issuer.revocation, ...change } })
const claims = (change: object) => issuer.sign(now, change)

type Row = readonly [name: string, token: string, want: string, judgement?: Judgement]

const table = (title: string, rows: ReadonlyArray<Row>) =>
  describe(title, () => {
    for (const [name, token, want, judgement] of rows) {
      it.effect(`${name}: ${want}`, () =>
        Effect.map(codeOf(token, judgement ?? usual), (got) => assert.strictEqual(got, want))
      )
    }
  })

const hmac = (secret: string | Buffer) => {
  const signed = `${encode({ alg: "HS256", typ: "agentpin-credential+jwt", kid: issuer.key.kid })}.${body}`
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`
}
const jwkInput = { kty: "EC", crv: "P-256", x: String(issuer.key.jwk["x"]), y: String(issuer.key.jwk["y"]) }
const pem = createPublicKey({ key: jwkInput, format: "jwk" }).export({ type: "spki", format: "pem" })
const header = (change: object) => issuer.sign(now, {}, change)

table("headers", [
  ["the usual one", good, "ok"],
  ["alg missing", header({ alg: undefined }), "ALGORITHM_REJECTED"],
  ["alg an object", header({ alg: { toString: 1 } }), "ALGORITHM_REJECTED"],
  ["HS256 by the public PEM", hmac(pem), "ALGORITHM_REJECTED"],
  ["HS256 by the public JWK", hmac(JSON.stringify(issuer.key.jwk)), "ALGORITHM_REJECTED"],
  ["alg none without a signature", `${encode({ alg: "none" })}.${body}.`, "CREDENTIAL_MALFORMED"],
  ["typ JWT", header({ typ: "JWT" }), "ALGORITHM_REJECTED"],
  ["typ in other case", header({ typ: "AgentPin-Credential+JWT" }), "ALGORITHM_REJECTED"],
  ["jwk of the real key", header({ jwk: issuer.key.jwk }), "ALGORITHM_REJECTED"],
  ["x5u", header({ x5u: "https://evil.example.org/c.pem" }), "ALGORITHM_REJECTED"],
  ["cty", header({ cty: "JWT" }), "ALGORITHM_REJECTED"],
  ["kid missing", header({ kid: undefined }), "KEY_NOT_FOUND"],
  ["kid a number", header({ kid: 1 }), "KEY_NOT_FOUND"],
  ["kid empty", header({ kid: "" }), "KEY_NOT_FOUND"],
  ["a header that is an array", `${encode([])}.${body}.${tail}`, "CREDENTIAL_MALFORMED"],
  ["a header that is no JSON", `${Buffer.from("{").toString("base64url")}.${body}.${tail}`, "CREDENTIAL_MALFORMED"]
])

const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey.export({ format: "jwk" })
const other = makeKey("other")
const twoKeys = withDocument({ public_keys: [issuer.key.jwk, other.jwk] })

table("keys", [
  ["of another curve", good, "KEY_NOT_FOUND", withKey(p384)],
  ["of another curve by its name only", good, "KEY_NOT_FOUND", withKey({ crv: "P-384" })],
  ["of another type", good, "KEY_NOT_FOUND", withKey({ kty: "RSA" })],
  ["off the curve", good, "KEY_NOT_FOUND", withKey({ y: issuer.key.jwk["x"] })],
  ["zero", good, "KEY_NOT_FOUND", withKey({ x: "A".repeat(43), y: "A".repeat(43) })],
  ["without coordinates", good, "KEY_NOT_FOUND", withKey({ x: undefined })],
  ["with the private half", good, "KEY_NOT_FOUND", withKey({ d: "A".repeat(43) })],
  ["for other operations", good, "KEY_NOT_FOUND", withKey({ key_ops: ["sign"] })],
  ["for another algorithm", good, "KEY_NOT_FOUND", withKey({ alg: "ES384" })],
  ["that expires now", good, "KEY_EXPIRED", withKey({ exp: new Date(now).toISOString() })],
  ["that expires in a second", good, "ok", withKey({ exp: new Date(now + 1_000).toISOString() })],
  ["without use and operations", good, "ok", withKey({ use: undefined, key_ops: undefined })],
  ["whose null members mean absent ones", good, "ok", withKey({ exp: null, key_ops: null })],
  ["another of the same domain", issuer.sign(now, {}, { kid: "other" }), "SIGNATURE_INVALID", twoKeys],
  ["two of one name", good, "DISCOVERY_INVALID", withDocument({ public_keys: [issuer.key.jwk, issuer.key.jwk] })]
])

const flipped = Uint8Array.from(der, (byte, index) => (index === der.length - 5 ? byte ^ 1 : byte))
const integer = (bytes: ReadonlyArray<number>) => [0x02, bytes.length, ...bytes]
const sequence = (...content: ReadonlyArray<number>) => Uint8Array.from([0x30, content.length, ...content])
const r = [...der.subarray(4, 4 + (der[3] ?? 0))]
const s = [...der.subarray(6 + (der[3] ?? 0))]

table("signatures", [
  ["written anew as they were", withSignature(sequence(...integer(r), ...integer(s))), "ok"],
  ["with a bit flipped", withSignature(flipped), "SIGNATURE_INVALID"],
  ["r and s zero in DER", withSignature(sequence(...integer([0]), ...integer([0]))), "SIGNATURE_INVALID"],
  ["with bytes after the end", withSignature(Uint8Array.from([...der, 0])), "SIGNATURE_INVALID"],
  ["with bytes within the end", withSignature(sequence(...integer(r), ...integer(s), 0)), "SIGNATURE_INVALID"],
  ["with three numbers", withSignature(sequence(...integer(r), ...integer(s), ...integer([1]))), "SIGNATURE_INVALID"],
  ["with one number", withSignature(sequence(...integer(r))), "SIGNATURE_INVALID"],
  ["with needless zeros", withSignature(sequence(...integer([0, 0, ...r]), ...integer(s))), "SIGNATURE_INVALID"],
  [
    "with a needless zero before a small number",
    withSignature(sequence(...integer([0, 1]), ...integer(s))),
    "SIGNATURE_INVALID"
  ],
  [
    "with a negative number",
    withSignature(sequence(...integer([0x80, ...r.slice(-31)]), ...integer(s))),
    "SIGNATURE_INVALID"
  ],
  [
    "with numbers too long",
    withSignature(sequence(...integer([1, ...r.slice(-32)]), ...integer(s))),
    "SIGNATURE_INVALID"
  ],
  ["with an empty number", withSignature(sequence(2, 0, ...integer(s))), "SIGNATURE_INVALID"],
  ["of one byte", withSignature(Uint8Array.of(0x30)), "SIGNATURE_INVALID"],
  ["of 63 bytes", withSignature(new Uint8Array(63)), "SIGNATURE_INVALID"],
  ["of 64 bytes, all ones", withSignature(new Uint8Array(64).fill(255)), "SIGNATURE_INVALID"],
  ["over another payload", `${head}.${parts(claims({ jti: "j-2" }))[1]}.${tail}`, "SIGNATURE_INVALID"]
])

table("the shape", [
  ["with padding", `${good}=`, "CREDENTIAL_MALFORMED"],
  ["with a line break", `${good}\n`, "CREDENTIAL_MALFORMED"],
  ["with a space before", ` ${good}`, "CREDENTIAL_MALFORMED"],
  ["with a part more", `${good}.x`, "CREDENTIAL_MALFORMED"],
  ["with base64url that no encoder writes", `${head}.${body}.AB`, "CREDENTIAL_MALFORMED"],
  [
    "with a payload that is no JSON",
    `${head}.${Buffer.from("nope").toString("base64url")}.${tail}`,
    "CREDENTIAL_MALFORMED"
  ],
  [
    "with a payload that is no UTF-8",
    `${head}.${Buffer.from([0x22, 0xff, 0x22]).toString("base64url")}.${tail}`,
    "CREDENTIAL_MALFORMED"
  ],
  ["with a payload that is null", `${head}.${encode(null)}.${tail}`, "CREDENTIAL_MALFORMED"],
  ["longer than 8 KiB", claims({ nonce: "x".repeat(8_192) }), "CREDENTIAL_MALFORMED"],
  ["almost 8 KiB", claims({ nonce: "x".repeat(5_500) }), "ok"],
  ["a Bearer header", `AgentPin ${good}`, "CREDENTIAL_MALFORMED"]
])

table("times", [
  ["exp missing", claims({ exp: undefined }), "CREDENTIAL_MALFORMED"],
  ["exp a text", claims({ exp: String(second + 60) }), "CREDENTIAL_MALFORMED"],
  ["exp with a fraction", claims({ exp: second + 0.5 }), "CREDENTIAL_MALFORMED"],
  ["exp beyond all numbers", claims({ exp: 1e300 }), "CREDENTIAL_MALFORMED"],
  ["exp one second inside the skew", claims({ iat: second - 600, exp: second - 59 }), "ok"],
  ["exp at the skew", claims({ iat: second - 600, exp: second - 60 }), "CREDENTIAL_EXPIRED"],
  ["iat missing", claims({ iat: undefined }), "CREDENTIAL_MALFORMED"],
  ["iat at the skew", claims({ iat: second + 60 }), "ok"],
  ["iat beyond the skew", claims({ iat: second + 61 }), "CREDENTIAL_EXPIRED"],
  ["nbf at the skew", claims({ nbf: second + 60 }), "ok"],
  ["nbf null", claims({ nbf: null }), "CREDENTIAL_MALFORMED"],
  ["a day", claims({ iat: second, exp: second + 86_400 }), "ok"],
  ["a day and a second", claims({ iat: second, exp: second + 86_401 }), "CREDENTIAL_EXPIRED"],
  [
    "as long as declared",
    claims({ iat: second, exp: second + 600 }),
    "ok",
    withAgents({ ...issuer.agent, credential_ttl_max: 600 })
  ],
  [
    "longer than declared",
    claims({ iat: second, exp: second + 601 }),
    "CREDENTIAL_EXPIRED",
    withAgents({ ...issuer.agent, credential_ttl_max: 600 })
  ],
  [
    "a declaration beyond a day",
    claims({ iat: second, exp: second + 86_401 }),
    "CREDENTIAL_EXPIRED",
    withAgents({ ...issuer.agent, credential_ttl_max: 1e6 })
  ]
])

table("claims", [
  ["jti missing", claims({ jti: undefined }), "CREDENTIAL_MALFORMED"],
  ["jti empty", claims({ jti: "" }), "CREDENTIAL_MALFORMED"],
  ["jti a number", claims({ jti: 1 }), "CREDENTIAL_MALFORMED"],
  ["version missing", claims({ agentpin_version: undefined }), "CREDENTIAL_MALFORMED"],
  ["version a number", claims({ agentpin_version: 0.1 }), "CREDENTIAL_MALFORMED"],
  ["aud a list", claims({ aud: ["scheduler.example.com"] }), "CREDENTIAL_MALFORMED"],
  ["aud absent, one expected", good, "ok", { ...usual, audience: "scheduler.example.com" }],
  ["aud given, none expected", claims({ aud: "scheduler.example.com" }), "ok"],
  [
    "aud in other case",
    claims({ aud: "Scheduler.example.com" }),
    "AUDIENCE_MISMATCH",
    { ...usual, audience: "scheduler.example.com" }
  ],
  ["capabilities missing", claims({ capabilities: undefined }), "CREDENTIAL_MALFORMED"],
  ["capabilities a text", claims({ capabilities: "read:reports" }), "CREDENTIAL_MALFORMED"],
  ["capabilities with a number", claims({ capabilities: ["read:reports", 1] }), "CREDENTIAL_MALFORMED"],
  ["constraints a list", claims({ constraints: [] }), "CREDENTIAL_MALFORMED"],
  ["a delegation chain that is no list", claims({ delegation_chain: {} }), "CREDENTIAL_MALFORMED"],
  ["a delegation that is a text", claims({ delegation_chain: ["x"] }), "CREDENTIAL_MALFORMED"],
  ["unknown claims", claims({ extra: true }), "ok"]
])

const two = withAgents(issuer.agent, { ...issuer.agent, agent_id: "urn:agentpin:agents.example.com:helper" })
const bare = withAgents({ ...issuer.agent, agent_id: "worker" })

table("who it is for", [
  ["iss with a suffix", claims({ iss: "agents.example.com.evil.org" }), "DOMAIN_MISMATCH"],
  ["iss with a prefix", claims({ iss: "x-agents.example.com" }), "DOMAIN_MISMATCH"],
  ["iss with a trailing dot", claims({ iss: "agents.example.com." }), "DOMAIN_MISMATCH"],
  ["iss with a path", claims({ iss: "agents.example.com/x?y=" }), "DOMAIN_MISMATCH"],
  ["iss with a fragment", claims({ iss: "evil#" }), "DOMAIN_MISMATCH"],
  ["iss in full-width letters", claims({ iss: "\uff45vil.com" }), "DOMAIN_MISMATCH"],
  ["iss localhost", claims({ iss: "localhost" }), "DOMAIN_MISMATCH"],
  ["iss a decimal address", claims({ iss: "2130706433" }), "DOMAIN_MISMATCH"],
  ["iss a hexadecimal address", claims({ iss: "0x7f000001" }), "DOMAIN_MISMATCH"],
  ["iss an IPv6 address", claims({ iss: "[::1]:8080" }), "DOMAIN_MISMATCH"],
  ["iss empty", claims({ iss: "" }), "DOMAIN_MISMATCH"],
  ["iss missing", claims({ iss: undefined }), "CREDENTIAL_MALFORMED"],
  ["iss an agent of another domain", claims({ iss: "urn:agentpin:evil.example.org:worker" }), "DOMAIN_MISMATCH"],
  ["iss an unknown agent", claims({ iss: "nobody", sub: "nobody" }), "AGENT_NOT_FOUND"],
  ["iss an agent, sub another", claims({ iss: "worker", sub: "helper" }), "AGENT_MISMATCH", two],
  ["iss an agent, sub its name", claims({ iss: "worker", sub: "worker" }), "ok"],
  ["iss an agent, no sub", claims({ iss: "worker", sub: undefined }), "ok"],
  ["iss another agent, no sub", claims({ iss: "helper", sub: undefined }), "AGENT_MISMATCH", two],
  ["iss the domain, no sub", claims({ sub: undefined }), "CREDENTIAL_MALFORMED"],
  ["sub empty", claims({ sub: "" }), "AGENT_NOT_FOUND"],
  ["sub a URN without a name", claims({ sub: "urn:agentpin:agents.example.com:" }), "AGENT_NOT_FOUND"],
  ["sub a URN of half a domain", claims({ sub: "urn:agentpin:example.com:worker" }), "DOMAIN_MISMATCH"],
  ["sub in other case", claims({ sub: "Worker" }), "AGENT_NOT_FOUND"],
  ["sub part of a name", claims({ sub: "work" }), "AGENT_NOT_FOUND"],
  ["sub a bare name of a declared URN", claims({ sub: "worker" }), "ok"],
  ["sub the URN of a declared bare name", good, "ok", bare],
  ["sub the display name", claims({ sub: "Worker" }), "AGENT_NOT_FOUND"],
  ["another agent of the domain", claims({ sub: "helper" }), "AGENT_MISMATCH", two],
  ["a job that names the URN", good, "ok", { ...usual, agent: issuer.agent_id }],
  ["a job that names a part", good, "AGENT_MISMATCH", { ...usual, agent: "work" }],
  [
    "a job that names another domain's",
    good,
    "AGENT_MISMATCH",
    { ...usual, agent: "urn:agentpin:b.example.com:worker" }
  ]
])

table("documents", [
  ["without keys", good, "DISCOVERY_INVALID", withDocument({ public_keys: [] })],
  ["with keys that are no list", good, "DISCOVERY_INVALID", withDocument({ public_keys: {} })],
  ["too deep", good, "DISCOVERY_INVALID", withDocument({ max_delegation_depth: 4 })],
  ["with an agent twice", good, "DISCOVERY_INVALID", withAgents(issuer.agent, { ...issuer.agent, agent_id: "worker" })],
  ["without agents", good, "AGENT_NOT_FOUND", withAgents()],
  [
    "with an agent of another domain",
    good,
    "AGENT_NOT_FOUND",
    withAgents({ ...issuer.agent, agent_id: "urn:agentpin:b.example.com:worker" })
  ],
  ["with a status in other case", good, "AGENT_INACTIVE", withAgents({ ...issuer.agent, status: "Active" })],
  ["without a status", good, "DISCOVERY_INVALID", withAgents({ ...issuer.agent, status: undefined })],
  ["that is null", good, "DISCOVERY_INVALID", { ...usual, discovery: null }],
  ["revocations spelt id", good, "DISCOVERY_INVALID", withRevocation({ revoked_credentials: [{ id: "j-1" }] })],
  ["revocations without a list", good, "DISCOVERY_INVALID", withRevocation({ revoked_keys: undefined })],
  ["revocations of another version", good, "DISCOVERY_INVALID", withRevocation({ agentpin_version: "0.2" })],
  [
    "revocations that name the agent barely",
    good,
    "AGENT_INACTIVE",
    withRevocation({ revoked_agents: [{ agent_id: "worker" }] })
  ],
  ["revocations of others", good, "ok", withRevocation({ revoked_agents: [{ agent_id: "helper" }] })]
])

const declared = (...capabilities: ReadonlyArray<string>) => withAgents({ ...issuer.agent, capabilities })
const holding = (...capabilities: ReadonlyArray<string>) => claims({ capabilities })

table("capabilities", [
  ["none", holding(), "ok"],
  ["admin as declared", holding("admin:keys"), "ok", declared("admin:keys")],
  ["admin below what is declared", holding("admin:keys.rotate"), "ok", declared("admin:keys")],
  ["admin by a wildcard", holding("admin:keys"), "CAPABILITY_EXCEEDED", declared("admin:*")],
  ["the admin wildcard itself", holding("admin:*"), "CAPABILITY_EXCEEDED", declared("admin:*")],
  ["another action", holding("write:reports"), "CAPABILITY_EXCEEDED", declared("read:*")],
  ["without a colon, declared alike", holding("read"), "CAPABILITY_EXCEEDED", declared("read")],
  ["without an action", holding(":x"), "CAPABILITY_EXCEEDED", declared(":x")],
  ["split at the first colon", holding("read:a:b"), "ok", declared("read:a:b")],
  ["a path below", holding("read:codebase.github.com/org/repo"), "ok", declared("read:codebase")],
  ["a longer word", holding("read:codebase_other"), "CAPABILITY_EXCEEDED", declared("read:codebase")],
  ["the job's by a wildcard held", holding("read:*"), "ok", { ...usual, capabilities: ["read:any"] }],
  [
    "the job's admin by a wildcard",
    holding("read:*"),
    "CAPABILITY_EXCEEDED",
    { ...usual, capabilities: ["admin:users"] }
  ],
  [
    "the job's without a colon are not asked of it",
    holding("read:a"),
    "ok",
    { ...usual, capabilities: ["production_write"] }
  ]
])

const limited = (constraints: object) => withAgents({ ...issuer.agent, constraints })
const asking = (constraints: object) => claims({ constraints })
const office = { start: "09:00", end: "17:00", timezone: "UTC" }
const night = { start: "22:00", end: "14:00", timezone: "UTC" }

table("constraints", [
  ["none, where some are declared", good, "ok", limited({ rate_limit: "1/hour", allowed_domains: ["a.example"] })],
  ["some, where none are declared", asking({ rate_limit: "1000/second" }), "ok"],
  ["unknown values", asking({ data_classification_max: "secret" }), "CONSTRAINT_VIOLATION"],
  ["a rate that is none", asking({ rate_limit: "many" }), "CONSTRAINT_VIOLATION"],
  ["null", asking({ rate_limit: null }), "ok"],
  ["the same rate in other words", asking({ rate_limit: "1/second" }), "ok", limited({ rate_limit: "3600/hour" })],
  ["a higher rate", asking({ rate_limit: "2/second" }), "CONSTRAINT_VIOLATION", limited({ rate_limit: "3600/hour" })],
  [
    "a lower class",
    asking({ data_classification_max: "public" }),
    "ok",
    limited({ data_classification_max: "internal" })
  ],
  [
    "a host below",
    asking({ allowed_domains: ["a.b.example", "*.c.b.example"] }),
    "ok",
    limited({ allowed_domains: ["*.b.example"] })
  ],
  [
    "the host itself",
    asking({ allowed_domains: ["b.example"] }),
    "CONSTRAINT_VIOLATION",
    limited({ allowed_domains: ["*.b.example"] })
  ],
  [
    "a host that ends alike",
    asking({ allowed_domains: ["xb.example"] }),
    "CONSTRAINT_VIOLATION",
    limited({ allowed_domains: ["*.b.example"] })
  ],
  [
    "all hosts",
    asking({ allowed_domains: ["*"] }),
    "CONSTRAINT_VIOLATION",
    limited({ allowed_domains: ["*.b.example"] })
  ],
  [
    "an empty list, which allows all",
    asking({ allowed_domains: [] }),
    "CONSTRAINT_VIOLATION",
    limited({ allowed_domains: ["b.example"] })
  ],
  ["any host, where all are allowed", asking({ allowed_domains: ["x"] }), "ok", limited({ allowed_domains: [] })],
  [
    "more denied",
    asking({ denied_domains: ["*.a.example", "b.example"] }),
    "ok",
    limited({ denied_domains: ["x.a.example"] })
  ],
  [
    "less denied",
    asking({ denied_domains: ["b.example"] }),
    "CONSTRAINT_VIOLATION",
    limited({ denied_domains: ["a.example"] })
  ],
  [
    "a smaller network",
    asking({ ip_allowlist: ["10.1.2.0/24", "10.9.9.9"] }),
    "ok",
    limited({ ip_allowlist: ["10.0.0.0/8"] })
  ],
  [
    "a larger network",
    asking({ ip_allowlist: ["10.0.0.0/7"] }),
    "CONSTRAINT_VIOLATION",
    limited({ ip_allowlist: ["10.0.0.0/8"] })
  ],
  [
    "another network",
    asking({ ip_allowlist: ["11.0.0.0/24"] }),
    "CONSTRAINT_VIOLATION",
    limited({ ip_allowlist: ["10.0.0.0/8"] })
  ],
  [
    "a network of the other family",
    asking({ ip_allowlist: ["::/0"] }),
    "CONSTRAINT_VIOLATION",
    limited({ ip_allowlist: ["10.0.0.0/8"] })
  ],
  [
    "a network that is none",
    asking({ ip_allowlist: ["10.0.0.0/99"] }),
    "CONSTRAINT_VIOLATION",
    limited({ ip_allowlist: ["10.0.0.0/8"] })
  ],
  ["fewer hours", asking({ valid_hours: { ...office, start: "10:00" } }), "ok", limited({ valid_hours: office })],
  [
    "more hours",
    asking({ valid_hours: { ...office, end: "17:01" } }),
    "CONSTRAINT_VIOLATION",
    limited({ valid_hours: office })
  ],
  [
    "hours within some across midnight",
    asking({ valid_hours: { ...night, start: "01:00" } }),
    "ok",
    limited({ valid_hours: night })
  ],
  [
    "hours across midnight within a day's",
    asking({ valid_hours: night }),
    "CONSTRAINT_VIOLATION",
    limited({ valid_hours: office })
  ],
  [
    "hours of another zone",
    asking({ valid_hours: { ...office, timezone: "Europe/Berlin" } }),
    "CONSTRAINT_VIOLATION",
    limited({ valid_hours: office })
  ],
  ["hours of the whole day", asking({ valid_hours: { ...office, start: "00:00", end: "24:00" } }), "ok"],
  ["outside its own hours", asking({ valid_hours: { ...office, end: "12:00" } }), "CONSTRAINT_VIOLATION"],
  [
    "outside its own hours, elsewhere",
    asking({ valid_hours: { ...office, timezone: "Asia/Tokyo" } }),
    "CONSTRAINT_VIOLATION"
  ],
  ["outside the declared hours", good, "CONSTRAINT_VIOLATION", limited({ valid_hours: { ...office, start: "12:01" } })],
  ["a document with a rate that is none", good, "DISCOVERY_INVALID", limited({ rate_limit: "often" })]
])

describe("what a refusal tells", () => {
  it.effect("holds the claims, cut short and said to be unverified, and never the credential", () =>
    Effect.gen(function* () {
      const token = issuer.sign(now, { iss: `${"a".repeat(500)}.example`, sub: 7 }, { kid: "k" })
      const refused = yield* Effect.flip(yield* verdict(claims({ iss: `${"a".repeat(500)}.example` }), usual))
      assert.strictEqual(refused.claimed.iss?.length, 200)
      assert.deepInclude(refused.claimed, { sub: issuer.agent_id, kid: issuer.key.kid, jti: "j-1" })
      const malformed = yield* Effect.flip(yield* verdict(token, usual))
      assert.deepStrictEqual(
        [malformed.code, malformed.claimed.sub, malformed.claimed.kid],
        ["CREDENTIAL_MALFORMED", null, "k"]
      )
      assert.notInclude(JSON.stringify(malformed) + malformed.message, parts(token)[2])
    })
  )
})
